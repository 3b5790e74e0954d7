"""The recipe's `annotate`: special tokens, in a column of their own until they are appended for a model."""

from collections.abc import Iterable


def annotated(texts: Iterable[str], annotations: Iterable[str | float | None]) -> list[str]:
    """Return each text followed by its annotation. annotations: special tokens joined by spaces, or None or NaN.

    >>> annotated(["fine", "dull"], ["<director=K>", None])
    ['fine <director=K>', 'dull']
    """
    pairs = zip(texts, annotations, strict=True)
    return [f"{text} {tokens}" if isinstance(tokens, str) else text for text, tokens in pairs]
