"""What a server does with texts: it queues them, waits for the answers, and gives up in time."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from functools import partial

import numpy as np

from strata.base.errors import StrataError
from strata.runtime.explain import NOTHING, Occlusions, occlusions
from strata.runtime.onnx_classifier import OnnxClassifier
from strata.runtime.predictor import NO_TEXT, Predictor
from strata.serving.held import Held
from strata.serving.job_queue import JobQueue, Unit
from strata.serving.limits import Limits
from strata.serving.models import Model, Models
from strata.serving.refused import Refused
from strata.serving.request_body import Row
from strata.softmax import softmax

_BEGUN: ContextVar[bool] = ContextVar("begun", default=False)


class Service:
    """Models, and the queue before them. threads: texts that are scored at a time.

    Its coroutines raise Refused (422, 500, 503, 504). One that is cancelled leaves the queue.
    """

    def __init__(self, models: Models, threads: int, limits: Limits):
        self.models, self.limits = models, limits
        self.work, self.held = JobQueue(threads, limits), Held(limits.held)
        self.ending = False  # it finishes what it has, and takes nothing new
        self.open = 0  # requests that wait for their answers

    def model(self, name: str | None = None) -> Model:
        """Return a model as it is now. name: None for the default. Raises: Refused (404)."""
        model = self.models.get(name)
        if model is None:
            raise Refused(404, f"no such model; there are: {', '.join(self.models.names)}")
        return model

    async def answers(self, model: Model, texts: Sequence[Row], every: bool = False) -> list[dict]:
        """Return the answer to each text, as a `Predictor` does. every: with each label's probability.

        A text is a string or a row {column: value}.
        """
        predictor = model.predictor
        async with self._admitted():
            rows = await self._done(
                [partial(_probabilities, predictor, text, position) for position, text in enumerate(texts, 1)]
            )
        return [dict(NO_TEXT) if row is None else _answer(predictor, row, every) for row in rows]

    async def explanation(self, model: Model, text: Row) -> dict:
        """Return the answer to a text and the words that carry it, as `Occlusions.explanation`."""
        async with self._admitted():
            made: Occlusions | None
            (made,) = await self._done([partial(_occlusions, model.predictor, text)])
            if made is None:
                return dict(NOTHING)
            classifier = model.predictor.classifier
            logits = await self._done([partial(_logits, classifier, ids) for ids in made.input_ids])
        return made.explanation(np.concatenate(logits))

    @contextmanager
    def begun(self) -> Iterator[None]:
        """Hold together what is asked in several steps: it is finished, even if the server is told to end meanwhile."""
        self.open += 1
        token = _BEGUN.set(True)
        try:
            yield
        finally:
            _BEGUN.reset(token)
            self.open -= 1

    @asynccontextmanager
    async def _admitted(self) -> AsyncIterator[None]:
        """Count a request as open, and give it its time. Raises: Refused (503, 504)."""
        if self.ending and not _BEGUN.get():
            raise Refused(503, "the server is ending; ask again in a moment", 1)
        self.open += 1
        try:
            async with asyncio.timeout(self.limits.seconds):
                yield
        except TimeoutError:
            raise Refused(
                504, f"not done in {self.limits.seconds:g} seconds; send fewer texts, or try again later", 1
            ) from None
        finally:
            self.open -= 1

    async def _done(self, units: list[Unit]) -> list:
        """Return what the units of a request return, each done in its turn."""
        job = self.work.submit(units)
        try:
            return await asyncio.wrap_future(job.future)
        except StrataError as error:  # its file is one of the server's own
            raise Refused(500, f"the model fails: {str(error).partition(': ')[2] or error}") from None
        finally:
            self.work.cancel(job)


def _prepared(predictor: Predictor, text: Row, name: str) -> str:
    """Return a text as the model reads it. name: of the text, in the sentence that refuses it (422)."""
    if not isinstance(text, str):
        for column in predictor.preparation.text:
            if column not in text:
                raise Refused(422, f"{name} has no {column!r}, which the model reads")
    try:
        (prepared,) = predictor.prepared([text])
    except StrataError:
        raise Refused(422, f"{name} has half of a character (a lone surrogate)") from None
    return prepared


def _probabilities(predictor: Predictor, text: Row, position: int, alone: bool) -> np.ndarray | None:
    """Return the probabilities of each label, (1, labels); None where there is no text. alone: as for a Unit."""
    prepared = _prepared(predictor, text, f"text {position}")
    if not prepared:
        return None
    return softmax(predictor.classifier.logits(predictor.tokens.ids([prepared]), alone))


def _answer(predictor: Predictor, row: np.ndarray, every: bool) -> dict:
    (answer,) = predictor.answers(row)
    if every:
        answer["probabilities"] = dict(zip(predictor.labels, map(float, row[0]), strict=True))
    return answer


def _logits(classifier: OnnxClassifier, ids: Sequence[int], alone: bool) -> np.ndarray:
    return classifier.logits([ids], alone)


def _occlusions(predictor: Predictor, text: Row, _alone: bool) -> Occlusions | None:
    prepared = _prepared(predictor, text, "text")
    return occlusions(predictor, prepared) if prepared else None
