"""From the source's rows to rows of `id`, `text`, `label`, `group` and more, a batch at a time."""

import pandas as pd
import pyarrow as pa

from stages.standardize.columns import attribute_columns, date_column
from stages.standardize.counts import Counts
from stages.standardize.dates import utc_times
from stages.standardize.filters import Survey, source_masks, text_masks
from stages.standardize.label_column import label_values, labels_in_one
from strata.base import tables
from strata.base.canonical import canonical
from strata.label_rules import OUTSIDE, UNLISTED, canonical_values, label_ids
from strata.settings.recipe import Recipe
from strata.text.annotation import row_tokens
from strata.text.cleaning import cleaned
from strata.text.joined import joined


class Standardizer:
    """Applies a recipe to batches of rows."""

    def __init__(self, recipe: Recipe, survey: Survey, known_tokens: set[str] | None):
        """known_tokens: the training rows' special tokens, which are the only ones used; None for the training rows."""
        self.recipe, self._survey, self._known_tokens = recipe, survey, known_tokens
        self._attributes = attribute_columns(recipe)
        self.schema = tables.DATED_ROWS if recipe.columns.date else tables.ROWS
        for column in self._attributes:
            self.schema = self.schema.append(pa.field(tables.ATTRIBUTE + column, pa.string()))

    def rows(self, raw: pd.DataFrame, counts: Counts) -> pa.RecordBatch:
        """Return the kept rows with the columns of `schema`, and count where each row went.

        raw: the source's columns as text, with `id` as the index.
        """
        counts.read += len(raw)
        source = self._joined_text(raw)
        value = label_values(raw, self.recipe.columns)
        label = label_ids(value.dropna(), self.recipe.labels).reindex(raw.index, fill_value=UNLISTED)
        counts.by_step.add("source", label.to_numpy(), source.str.len().to_numpy())
        text = self._filtered_text(raw, source, label, counts)
        label, value = label[text.index], value[text.index]
        counts.several_in_one(value, labels_in_one(value.dropna(), self.recipe.labels))
        date = self._dates(raw, text.index)
        is_usable = self._reject(raw, source, text, label, value, date, counts)
        counts.drop_outside(label[is_usable])
        kept = label.index[is_usable & (label != OUTSIDE)]
        text, label = text[kept], label[kept]
        counts.keep(label, text)
        columns = {"id": kept, "text": text, "label": label} | self._other_columns(raw, kept, counts)
        if date is not None:
            columns["date"] = date[kept]
        return pa.RecordBatch.from_pandas(pd.DataFrame(columns), schema=self.schema, preserve_index=False)

    def _joined_text(self, raw: pd.DataFrame) -> pd.Series:
        columns = [raw[name] for name in self.recipe.text_columns]
        return pd.Series(joined(columns), index=raw.index, dtype="str")

    def _filtered_text(self, raw: pd.DataFrame, source: pd.Series, label: pd.Series, counts: Counts) -> pd.Series:
        """Return the cleaned texts of the rows that no filter of `keep` drops."""
        is_kept = pd.Series(True, index=raw.index)
        for name, mask in source_masks(raw, self.recipe.keep, self._survey).items():
            is_kept = counts.filter(name, is_kept, mask, label, source)
        text = pd.Series(cleaned(source[is_kept], self.recipe.clean), index=source.index[is_kept], dtype="str")
        is_kept = is_kept[is_kept]
        for name, mask in text_masks(text, self.recipe.keep).items():
            is_kept = counts.filter(name, is_kept, mask, label, text)
        return text[is_kept]

    def _dates(self, raw: pd.DataFrame, index: pd.Index) -> pd.Series | None:
        """Return the dates of the rows in `index`, or None when the recipe names no date."""
        if not self.recipe.columns.date:
            return None
        column, format = date_column(self.recipe.columns)
        return utc_times(raw[column][index], format)

    def _reject(
        self,
        raw: pd.DataFrame,
        source: pd.Series,
        text: pd.Series,
        label: pd.Series,
        value: pd.Series,
        date: pd.Series | None,
        counts: Counts,
    ) -> pd.Series:
        """Set aside the rows without a text, a listed label or a date; return which rows are usable: (rows,) bool.

        source: the texts before cleaning. text, label (id), value (label), date: of the rows that the filters keep.
        """
        has_text = text.str.strip() != ""
        has_label = value.notna()
        is_unlisted = (label == UNLISTED) & has_label
        counts.unlisted.update(map(canonical, value[is_unlisted & has_text]))
        reason = pd.Series(None, index=text.index, dtype="object")
        reason[is_unlisted] = "label not in the recipe"
        if date is not None:
            reason[date.isna() & (label != OUTSIDE)] = "not a readable date; columns.date takes a format"
        reason[~has_label] = "no label"
        reason[~has_text] = "empty text"
        counts.reject(
            {"id": row, "file": raw["_file"][row], "line": raw["_line"][row], "reason": reason[row]}
            | {"text": source[row], "label": None if pd.isna(value[row]) else value[row]}
            for row in reason.dropna().index
        )
        return reason.isna()

    def _other_columns(self, raw: pd.DataFrame, kept: pd.Index, counts: Counts) -> dict[str, pd.Series | None]:
        """Return the group, the annotation and the attributes of the kept rows."""
        group = None
        if self.recipe.columns.group:  # in one spelling, so that an author is one group in every file
            group = canonical_values(raw[self.recipe.columns.group][kept]).replace("", None)
        annotation = pd.Series(self._annotations(raw.loc[kept], counts), kept, dtype="object")
        columns = {"group": group, "annotation": annotation}
        for column, split in self._attributes.items():
            values = raw[column][kept]
            first = values.str.split(split, n=1, regex=False).str[0] if split else values  # as in the special token
            columns[tables.ATTRIBUTE + column] = canonical_values(first).replace("", None)
        return columns

    def _annotations(self, raw: pd.DataFrame, counts: Counts) -> list[str | None]:
        """Return each row's special tokens joined by spaces, or None; unknown tokens are left out."""
        if not self.recipe.annotate:
            return [None] * len(raw)
        rows = row_tokens(raw, self.recipe.annotated_columns)
        if self._known_tokens is None:
            counts.tokens.update(*rows)
        else:
            rows = [filter(self._known_tokens.__contains__, tokens) for tokens in rows]
        return [" ".join(tokens) or None for tokens in rows]
