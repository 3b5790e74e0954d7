"""One text out of the columns that a recipe's `columns.text` names."""

from collections.abc import Iterable, Sequence


def joined(columns: Sequence[Iterable[str | float | None]]) -> list[str]:
    """Return the text of each row, "" where it is missing (None or NaN); several columns are joined by a space.

    >>> joined([["Dull", None], [" and long ", "fine"]])
    ['Dull and long', 'fine']
    """
    filled = [[value if isinstance(value, str) else "" for value in column] for column in columns]
    if len(filled) == 1:
        return filled[0]
    return [" ".join(value.strip() for value in row).strip() for row in zip(*filled, strict=True)]
