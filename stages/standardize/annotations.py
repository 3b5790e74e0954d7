"""The special tokens that `annotate` makes from a row's values."""

import pandas as pd

from strata.label_rules import canonical
from strata.settings.recipe import FirstOf


def row_tokens(raw: pd.DataFrame, annotate: list[str | FirstOf]) -> list[list[str]]:
    """Return each row's special tokens, in the order of the recipe; a missing value has none."""
    columns = [_column_tokens(raw, entry) for entry in annotate]
    return [[token for token in row if token] for row in zip(*columns, strict=True)]


def _column_tokens(raw: pd.DataFrame, entry: str | FirstOf) -> list[str]:
    """Return one column's values as special tokens, "" where they are missing."""
    column, split = (entry, None) if isinstance(entry, str) else (entry.column, entry.split)
    tokens = []
    for value in raw[column]:
        first = "" if pd.isna(value) else canonical(value.split(split)[0] if split else value)
        plain = " ".join(first.replace("<", " ").replace(">", " ").split())
        tokens.append(f"<{column}={plain}>" if plain else "")
    return tokens
