"""From the source's rows to rows of `id`, `text`, `label` and `group`, a batch at a time."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from stages.standardize.dates import parse
from stages.standardize.filters import Survey, source_masks, text_masks, where_columns
from strata.base import tables
from strata.base.errors import StrataError, did_you_mean
from strata.label_rules import OUTSIDE, UNLISTED, canonical, canonical_values, label_ids
from strata.rejects import Rejects
from strata.row_counts import Balance
from strata.settings.recipe import Columns, FirstOf, Recipe
from strata.text.cleaning import STEPS

MOST_TOKENS = 10_000
PLACE = ["_file", "_line"]  # where ingest found the row


def named_columns(path: Path, recipe: Recipe) -> list[str]:
    """Return the columns that the recipe names, and where each row came from.

    Raises: StrataError naming the first column that the table has not.
    """
    found = [name for name in tables.column_names(path) if name not in PLACE]
    columns, keep = recipe.columns, recipe.keep
    texts = [columns.text] if isinstance(columns.text, str) else columns.text
    named = [("columns.text", name) for name in texts] + [("columns.label", columns.label)]
    named += [("columns.group", columns.group)] if columns.group else []
    named += [("columns.date", date_column(columns)[0])] if columns.date else []
    named += [(f"keep.equal.{name}", name) for name in keep.equal]
    named += [(f"keep.top.{name}", name) for name in keep.top]
    named += [("annotate", name if isinstance(name, str) else name.column) for name in recipe.annotate]
    for key, name in named:
        if name not in found:
            raise StrataError(f"{path}: no column {name!r}, which the recipe's {key} names{did_you_mean(name, found)}")
    if keep.where and not where_columns(keep.where, found):
        raise StrataError(f"{path}: keep.where {keep.where!r} names no column; columns: {', '.join(found)}")
    return list(dict.fromkeys([*(name for _, name in named), *where_columns(keep.where, found), *PLACE]))


def date_column(columns: Columns) -> tuple[str, str | None]:
    """Return the name of the date's column, and its format where the recipe gives one."""
    return (columns.date, None) if isinstance(columns.date, str) else (columns.date.column, columns.date.format)


def attribute_columns(recipe: Recipe) -> dict[str, str | None]:
    """Return the columns by whose values scores can be told apart: name to what parts the values of a cell, or None.

    They are those of annotate, of keep.equal where it lists several values, and of keep.top; not the group, which is a
    column of every row already.
    """
    columns = {entry: None for entry in recipe.annotate if isinstance(entry, str)}
    columns |= {entry.column: entry.split for entry in recipe.annotate if not isinstance(entry, str)}
    several = [name for name, values in recipe.keep.equal.items() if isinstance(values, list) and len(values) > 1]
    columns |= {name: None for name in [*several, *recipe.keep.top] if name not in columns}
    return {name: split for name, split in columns.items() if name != recipe.columns.group}


class Standardizer:
    """Applies a recipe to batches of rows, and counts where each row went."""

    def __init__(
        self, recipe: Recipe, known: Survey, tokens: set[str] | None, rejects: Rejects | list[dict] | None = None
    ):
        """tokens: those that the training rows brought, the only ones appended; None to collect them.

        rejects: what takes the rows set aside.
        """
        self.recipe, self.known = recipe, known
        self.attributes = attribute_columns(recipe)
        self.schema = tables.DATED_ROWS if recipe.columns.date else tables.ROWS
        for column in self.attributes:
            self.schema = self.schema.append(pa.field(tables.ATTRIBUTE + column, pa.string()))
        self.balance = Balance(list(recipe.labels))
        self.tokens = set() if tokens is None else tokens
        self._collects_tokens = tokens is None
        self.read = 0
        self.dropped: Counter[str] = Counter()
        self.unlisted: Counter[str] = Counter()  # label values that the recipe names nowhere
        self.rejects = [] if rejects is None else rejects
        self.rejected: Counter[str] = Counter()  # rows set aside, by reason
        self.first_reject: dict | None = None
        self._label: list[np.ndarray] = []
        self._characters: list[np.ndarray] = []

    def kept(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the label and the text length of each row written so far: (rows,) int, (rows,) int characters."""
        nothing = [np.array([], dtype=np.int32)]
        return np.concatenate(nothing + self._label), np.concatenate(nothing + self._characters)

    def fresh(self) -> "Standardizer":
        """Return one that applies the same and has seen no row."""
        return Standardizer(self.recipe, self.known, None if self._collects_tokens else self.tokens)

    def merge(self, other: "Standardizer") -> None:
        """Add the counts of the rows that follow."""
        self.read += other.read
        self.dropped.update(other.dropped)
        self.unlisted.update(other.unlisted)
        for reject in other.rejects:
            self._set_aside(reject)
        self.balance.merge(other.balance)
        self._label += other._label
        self._characters += other._characters
        self.tokens |= other.tokens
        if len(self.tokens) > MOST_TOKENS:
            raise StrataError(
                f"annotate: more than {MOST_TOKENS:,} special tokens, one a value; choose columns with fewer values"
            )

    def rows(self, raw: pd.DataFrame) -> pa.RecordBatch:
        """Turn source rows into rows of `schema`. raw: columns as text, and `id` as the index."""
        self.read += len(raw)
        source = self._joined(raw)
        label = self._labels(raw)
        self.balance.add("source", label.to_numpy(), source.str.len().to_numpy())
        alive = pd.Series(True, index=raw.index)
        for name, mask in source_masks(raw, self.recipe.keep, self.known).items():
            alive = self._filter(name, alive, mask, label, source)
        text = source[alive]
        cleaned = text.tolist()
        for step in self.recipe.clean:
            cleaned = [STEPS[step](value) for value in cleaned]
        text = pd.Series(cleaned, index=text.index, dtype="str")
        alive = alive[alive]
        for name, mask in text_masks(text, self.recipe.keep).items():
            alive = self._filter(name, alive, mask, label, text)
        text, label = text[alive], label[alive[alive].index]
        date = None
        if self.recipe.columns.date:
            column, written = date_column(self.recipe.columns)
            date = parse(raw[column][text.index], written)
        usable = self._reject(raw, source, text, label, date)
        self.dropped["label"] += int((label[usable] == OUTSIDE).sum())
        kept = label.index[usable & (label != OUTSIDE)]
        text, label = text[kept], label[kept]
        self._label.append(label.to_numpy(np.int32))
        self._characters.append(text.str.len().to_numpy(np.int32))
        group = None
        if self.recipe.columns.group:  # one spelling, so that the same author is one group in every file
            group = canonical_values(raw[self.recipe.columns.group][kept]).replace("", None)
        annotation = pd.Series(self._annotations(raw.loc[kept]), kept, dtype="object")
        frame = pd.DataFrame({"id": kept, "text": text, "label": label, "group": group, "annotation": annotation})
        if date is not None:
            frame["date"] = date[kept]
        for column, split in self.attributes.items():
            values = raw[column][kept]
            first = values.str.split(split, n=1, regex=False).str[0] if split else values  # as in the token
            frame[tables.ATTRIBUTE + column] = canonical_values(first).replace("", None)
        return pa.RecordBatch.from_pandas(frame, schema=self.schema, preserve_index=False)

    def _joined(self, raw: pd.DataFrame) -> pd.Series:
        named = self.recipe.columns.text
        if isinstance(named, str):
            return raw[named].fillna("")
        parts = [raw[name].fillna("").str.strip() for name in named]
        return parts[0].str.cat(parts[1:], sep=" ").str.strip() if len(parts) > 1 else parts[0]

    def _labels(self, raw: pd.DataFrame) -> pd.Series:
        values = raw[self.recipe.columns.label]
        values = values[values.notna() & (values.str.strip() != "")]
        return label_ids(values, self.recipe.labels).reindex(raw.index, fill_value=UNLISTED)

    def _filter(self, name: str, alive: pd.Series, mask: pd.Series, label: pd.Series, text: pd.Series) -> pd.Series:
        """Drop the rows outside `mask`, counted under the filter's name."""
        after = alive & mask.reindex(alive.index)
        self.dropped[name] += int(alive.sum() - after.sum())
        kept = after[after].index
        self.balance.add(name, label[kept].to_numpy(), text[kept].str.len().to_numpy())
        return after

    def _reject(
        self, raw: pd.DataFrame, source: pd.Series, text: pd.Series, label: pd.Series, date: pd.Series | None
    ) -> pd.Series:
        """Set aside rows without a text, a known label or a date that is asked for; return which rows are usable."""
        value = raw[self.recipe.columns.label][text.index]
        missing = value.isna() | (value.str.strip() == "")
        reason = pd.Series(None, index=text.index, dtype="object")
        reason[(label == UNLISTED) & ~missing] = "label not in the recipe"
        self.unlisted.update(canonical(v) for v in value[(label == UNLISTED) & ~missing & (text.str.strip() != "")])
        if date is not None:
            reason[date.isna() & (label != OUTSIDE)] = "no date that can be told; columns.date takes a format"
        reason[missing] = "no label"
        reason[text.str.strip() == ""] = "empty text"
        for row in reason.dropna().index:
            self._set_aside(
                {"id": row, "file": raw["_file"][row], "line": raw["_line"][row], "reason": reason[row]}
                | {"text": source[row], "label": None if pd.isna(value[row]) else value[row]}
            )
        return reason.isna()

    def _set_aside(self, reject: dict) -> None:
        self.rejects.append(reject)
        self.rejected[reject["reason"]] += 1
        self.first_reject = self.first_reject or reject

    def _annotations(self, raw: pd.DataFrame) -> list[str | None]:
        """Return each row's special tokens with spaces between: none for a value that is missing or not known."""
        if not self.recipe.annotate:
            return [None] * len(raw)
        columns = [self._special_tokens(raw, entry) for entry in self.recipe.annotate]
        if self._collects_tokens:
            self.tokens.update(token for column in columns for token in column if token)
        known = (filter(self.tokens.__contains__, row) for row in zip(*columns, strict=True))
        return [" ".join(tokens) or None for tokens in known]

    def _special_tokens(self, raw: pd.DataFrame, entry: str | FirstOf) -> list[str]:
        """Return one column's values as special tokens, empty where they are missing."""
        column, split = (entry, None) if isinstance(entry, str) else (entry.column, entry.split)
        tokens = []
        for value in raw[column]:
            first = "" if pd.isna(value) else canonical(value.split(split)[0] if split else value)
            plain = " ".join(first.replace("<", " ").replace(">", " ").split())
            tokens.append(f"<{column}={plain}>" if plain else "")
        return tokens
