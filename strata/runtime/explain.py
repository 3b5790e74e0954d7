"""The words that carry a prediction, by the model that serves: what it loses without each, and what each gives alone.

To leave out words (occlusion): Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014; for
text, Li, Monroe and Jurafsky, "Understanding Neural Networks through Representation Erasure", 2016. A word that others
repeat is not missed, so its effect alone counts as much: these are the last and the first of the places in which the
Shapley value adds a word to others. It needs no gradients, and so no torch.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise, takewhile
from typing import Any, NamedTuple

import numpy as np

from strata.decision import decide
from strata.runtime.predictor import NO_TEXT, Predictor
from strata.runtime.text_tokens import TextTokens
from strata.softmax import softmax
from strata.text import scripts

MOST_TOKENS = 1 << 14  # of all texts without a word: with 0.1 ms a token and core, 0.8 seconds on two cores

MOST_TEXTS = 128  # words of a text that are left out one by one, by a model that takes more than token ids
MOST_CHARACTERS_OF_ALL = 1 << 20  # of all texts without a word, which such a model reads

NOTHING = {**NO_TEXT, "explained": None, "text": "", "words": []}
"""The explanation of a text in which nothing is left once it is cleaned."""


class Span(NamedTuple):
    """A word, or neighbouring words, of a prepared text. start, end: its characters. tokens: their positions."""

    start: int
    end: int
    tokens: Sequence[int]


class Occlusions(NamedTuple):
    """A text, and what of it the model has to be asked.

    text: as it was prepared. input_ids: token ids, in windows, of the whole text and of none of it, then of the text
    without each span, then of each span alone.
    """

    predictor: Predictor
    text: str
    spans: Sequence[Span]
    input_ids: Sequence[Sequence[int]]

    def explanation(self, logits: np.ndarray) -> dict:
        """Return the answer to the text with what carries it. logits: (2 + 2 * spans, labels), of `input_ids`.

        Keys: those of `Predictor.answers`; `explained`, the label that the weights are of, which is the likeliest where
        the model is not sure; `text`, as it was prepared; `words`, in the order of the text: `word`, `start` and `end`
        (characters of `text`), `weight`: the mean of how much the log-odds of the label fall without the word, and
        rise by the word alone.
        """
        whole = softmax(logits[:1])
        label = int(decide(whole, self.predictor.positive, self.predictor.threshold)[0])
        odds = log_odds(logits, label)
        without, alone = np.split(odds[2:], 2)
        weights = (odds[0] - without + alone - odds[1]) / 2
        words = [
            {"word": self.text[span.start : span.end], "start": span.start, "end": span.end, "weight": float(weight)}
            for span, weight in zip(self.spans, weights, strict=True)
        ]
        (answer,) = self.predictor.answers(whole)
        return {**answer, "explained": self.predictor.labels[label], "text": self.text, "words": words}


def log_odds(logits: np.ndarray, label: int) -> np.ndarray:
    """Return the log-odds of a label against all others: (rows,). logits: (rows, labels)."""
    others = np.delete(logits, label, axis=1)
    highest = others.max(axis=1)
    return logits[:, label] - highest - np.log(np.exp(others - highest[:, None]).sum(axis=1))


def explain(predictor: Predictor, text: str | Mapping[str, Any]) -> dict:
    """Return the answer to a text, and the words that carry it: see `Occlusions.explanation`.

    text: a string or a row, as in `Predictor.prepared`, which tells the errors.
    """
    (prepared,) = predictor.prepared([text])
    if not prepared:
        return dict(NOTHING)
    made = occlusions(predictor, prepared)
    return made.explanation(predictor.classifier.logits(made.input_ids))


def explanations(predictor: Predictor, texts: Iterable[str | Mapping[str, Any]]) -> Iterator[dict]:
    """Yield the explanation of each text: see `explain`."""
    return (explain(predictor, text) for text in texts)


def occlusions(predictor: Predictor, prepared: str) -> Occlusions:
    """Return a prepared text with what the model has to be asked to weigh its words.

    Words that the model does not read, after the last token that it takes, do not count. Of a long text, neighbouring
    words are left out together, so that all texts without a word have MOST_TOKENS tokens at most.
    """
    if not isinstance(predictor.tokens, TextTokens):
        return _occlusions_of_text(predictor, prepared)
    ids, offsets = predictor.tokens.reading(prepared)
    words = word_spans(prepared, offsets)
    spans = grouped(words, max(1, MOST_TOKENS // len(ids)))
    everything = {token for span in spans for token in span.tokens}
    left_out = [set(), everything, *(set(span.tokens) for span in spans)]
    left_out += [everything - set(span.tokens) for span in spans]
    rows = [predictor.tokens.in_windows(_without(ids, positions)) for positions in left_out]
    return Occlusions(predictor, prepared, spans, rows)


def _occlusions_of_text(predictor: Predictor, prepared: str) -> Occlusions:
    """Return the same for a model that also takes n-grams, which cross words: words are cut out of the text itself."""
    found = [match.span() for match in scripts.words(and_symbols=True).finditer(prepared)]
    most = max(1, min(MOST_TEXTS, MOST_CHARACTERS_OF_ALL // max(1, len(prepared))))
    spans = grouped([Span(start, end, [i]) for i, (start, end) in enumerate(found)], most)
    left_out = [prepared[: span.start] + " " + prepared[span.end :] for span in spans]
    alone = [prepared[span.start : span.end] for span in spans]
    return Occlusions(predictor, prepared, spans, predictor.tokens.ids([prepared, "", *left_out, *alone]))


def _without(ids: Sequence[int], positions: set[int]) -> list[int]:
    return [token for position, token in enumerate(ids) if position not in positions]


def word_spans(text: str, offsets: Sequence[tuple[int, int]]) -> list[Span]:
    """Return the words that have tokens. offsets: each token's first character, and its end; equal for special ones.

    >>> [tuple(span) for span in word_spans("it's  fun", [(0, 0), (0, 2), (2, 4), (5, 9), (0, 0)])]
    [(0, 4, [1, 2]), (6, 9, [3])]
    """
    last = max((end for _, end in offsets), default=0)
    found = takewhile(lambda match: match.start() < last, scripts.words(and_symbols=True).finditer(text))
    found = [match.span() for match in found]
    starts = [start for start, _ in found]
    spans: dict[int, Span] = {}  # by the word's first character
    for token, (first, end) in enumerate(offsets):
        start = end - len(text[first:end].lstrip())  # some tokens begin with the space before them
        if start == end:
            continue
        word = bisect_right(starts, start) - 1
        word_start, word_end = found[word] if word >= 0 else (start, end)
        before = spans.get(word_start, Span(word_start, word_end, []))
        spans[word_start] = Span(word_start, max(before.end, end), [*before.tokens, token])
    return [spans[start] for start in sorted(spans)]


def grouped(words: Sequence[Span], most: int) -> list[Span]:
    """Return neighbouring words as one span each, as even as can be, so that there are no more than `most`.

    >>> [span.tokens for span in grouped([Span(i, i + 1, [i]) for i in range(5)], 2)]
    [[0, 1], [2, 3, 4]]
    """
    count = min(most, len(words))
    edges = [len(words) * i // count for i in range(count + 1)] if count else [0]
    groups = [words[first:end] for first, end in pairwise(edges)]
    return [Span(group[0].start, group[-1].end, [i for word in group for i in word.tokens]) for group in groups]
