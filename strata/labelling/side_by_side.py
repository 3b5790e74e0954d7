"""Blocks are labelled while the next ones are read: no core waits for a file."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from strata.labelling.labeller import Labeller, Prepared
from strata.softmax import softmax

AHEAD = 1  # blocks that wait while one is scored, so that no thread waits for the last texts of a block


class _Scoring(NamedTuple):
    number: int
    block: pa.Table
    has_text: np.ndarray
    logits: list[Future]


def labelled_blocks(
    labeller: Labeller, blocks: Iterator[pa.Table], is_done: Callable[[int, int], bool]
) -> Iterator[tuple[int, int, pa.Table | None]]:
    """Yield each block's number, its rows and the labelled block, None where it is done already.

    is_done: of a block's number and rows. Raises: as `blocks`, and StrataError when the model fails.
    """
    classifier = labeller.predictor.classifier
    waiting: deque[_Scoring] = deque()

    def first_labelled() -> tuple[int, int, pa.Table]:
        number, block, has_text, logits = waiting[0]
        labelled = labeller.labelled(block, has_text, softmax(classifier.gathered(logits)))
        waiting.popleft()
        return number, len(block), labelled

    with ThreadPoolExecutor(1) as reading:
        prepared = _prepared(labeller, blocks, is_done)
        upcoming = reading.submit(next, prepared, None)
        try:
            while (current := upcoming.result()) is not None:
                upcoming = reading.submit(next, prepared, None)
                number, block, texts = current
                if texts is None:
                    yield number, len(block), None
                    continue
                waiting.append(_Scoring(number, block, texts.has_text, classifier.submitted(texts.ids)))
                if len(waiting) > AHEAD:
                    yield first_labelled()
            while waiting:
                yield first_labelled()
        finally:  # after an error or Ctrl-C, what waits is not scored
            for scoring in waiting:
                for logits in scoring.logits:
                    logits.cancel()


def _prepared(
    labeller: Labeller, blocks: Iterator[pa.Table], is_done: Callable[[int, int], bool]
) -> Iterator[tuple[int, pa.Table, Prepared | None]]:
    for number, block in enumerate(blocks):
        yield number, block, None if is_done(number, len(block)) else labeller.prepared(block)
