"""The recipe's `annotate`: special tokens, in a column of their own until they are appended for a model."""

from collections.abc import Iterable, Mapping, Sequence

from strata.base.canonical import canonical


def annotated(texts: Iterable[str], annotations: Iterable[str | float | None]) -> list[str]:
    """Return each text followed by its annotation. annotations: special tokens joined by spaces, or None or NaN.

    >>> annotated(["fine", "dull"], ["<director=K>", None])
    ['fine <director=K>', 'dull']
    """
    pairs = zip(texts, annotations, strict=True)
    return [f"{text} {tokens}" if isinstance(tokens, str) else text for text, tokens in pairs]


def row_tokens(
    columns: Mapping[str, Sequence[str | float | None]], annotate: Sequence[tuple[str, str | None]]
) -> list[list[str]]:
    """Return each row's special tokens, in the order of `annotate`; a missing value (None or NaN) has none.

    columns: the source's, as text. annotate: a column and what separates its values, of which the first is taken.

    >>> row_tokens({"director": ["K", None], "writer": ["A;B", "C"]}, [("director", None), ("writer", ";")])
    [['<director=K>', '<writer=A>'], ['<writer=C>']]
    """
    tokens = [[_token(column, split, value) for value in columns[column]] for column, split in annotate]
    return [[token for token in row if token] for row in zip(*tokens, strict=True)]


def _token(column: str, split: str | None, value: str | float | None) -> str | None:
    if not isinstance(value, str):
        return None
    first = canonical(value.split(split)[0] if split else value)
    plain = " ".join(first.replace("<", " ").replace(">", " ").split())
    return f"<{column}={plain}>" if plain else None
