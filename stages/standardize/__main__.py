"""Rename columns, filter rows, clean text and map labels to ids, as the recipe says.

    python -m stages.standardize --params params.yaml --recipes recipes \
        --data data/ingest --out data/standardize --metrics metrics/standardize.json

Writes train.parquet, test.parquet where the recipe brings a test file, rejects.parquet and labels.json.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from stages.shared import command, files, params, tables
from stages.shared.command import StageError
from stages.standardize.clean import STEPS
from stages.standardize.filters import keep_rows, sample, top_values
from stages.standardize.label_rules import OUTSIDE, canonical, label_ids

REJECTS = pa.schema([("id", pa.int64()), ("reason", pa.string()), ("text", pa.string()), ("label", pa.string())])


def check_columns(path: Path, recipe: params.Recipe) -> None:
    """Raise: StageError naming the first column that the recipe names and the table has not."""
    found = pa.parquet.read_schema(path).names
    named = {f"columns.{role}": name for role, name in recipe.columns if name is not None}
    named |= {f"keep.equal.{name}": name for name in recipe.keep.equal}
    named |= {f"keep.top.{name}": name for name in recipe.keep.top}
    for key, name in named.items():
        if name not in found:
            raise StageError(
                f"{path}: no column {name!r}, which the recipe's {key} names{command.did_you_mean(name, found)}"
            )


def standardize(
    raw: pd.DataFrame, recipe: params.Recipe, top: dict[str, list[str]]
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """Turn source rows into rows of `id`, `text`, `label`, `group`.

    raw: the source's columns as text, and `id` as the index. top: see keep_rows.
    Returns: the rows, the rejected rows with a reason, and how many rows each filter dropped.
    """
    raw, dropped = keep_rows(raw, recipe.keep, top)
    columns = recipe.columns
    text = raw[columns.text].fillna("")
    for step in recipe.clean:
        text = text.map(STEPS[step])
    words = text.str.split().str.len()
    for name, kept in (
        ("min_words", words >= (recipe.keep.min_words or 0)),
        ("max_words", words <= (recipe.keep.max_words or np.inf)),
    ):
        dropped[name] = int((~kept[text.index]).sum())
        text = text[kept[text.index]]
    source_label = raw[columns.label][text.index]

    reason = pd.Series(None, index=text.index, dtype="object")
    reason[source_label.isna() | (source_label.str.strip() == "")] = "no label"
    reason[text.str.strip() == ""] = "empty text"
    rejects = pd.DataFrame({"reason": reason, "text": text, "label": source_label})[reason.notna()]

    text = text[reason.isna()]
    ids = label_ids(source_label[text.index], recipe.labels)
    dropped["label"] = int((ids == OUTSIDE).sum())
    ids = ids[ids != OUTSIDE]
    group = None
    if columns.group:  # one spelling, so that the same author is one group in every file
        group = raw[columns.group][ids.index].map(canonical, na_action="ignore").replace("", None)
    rows = pd.DataFrame({"text": text[ids.index], "label": ids, "group": group})
    return rows.reset_index(names="id"), rejects.reset_index(names="id"), dropped


def check(path: Path, rows: pd.DataFrame, rejects: pd.DataFrame, names: list[str], most: float) -> None:
    """Raise: StageError on too many rejects, or a label without rows."""
    total = len(rows) + len(rejects)
    if len(rejects) > most * total:
        first = rejects.iloc[0]
        raise StageError(
            f"{path}: {len(rejects):,} of {total:,} rows have an empty text or no label, more than "
            f"standardize.max_rejects ({most:g}) allows; first: row {first['id']} ({first['reason']}); mend them, drop "
            "empty texts with keep.min_words=1, or raise standardize.max_rejects"
        )
    counts = rows["label"].value_counts()
    empty = [name for label_id, name in enumerate(names) if label_id not in counts]
    if empty:
        found = ", ".join(f"{names[label_id]} {count:,}" for label_id, count in counts.items()) or "no rows at all"
        raise StageError(
            f"{path}: no row has the label {', '.join(empty)} (found: {found}); every label needs rows: mend labels or "
            "keep in the recipe"
        )


def main(argv: list[str] | None = None) -> None:
    args = command.arguments(__doc__, argv, "--data", "--out", "--metrics")
    settings, recipe = params.load(args.params, args.recipes)
    names = list(recipe.labels)
    metrics, all_rejects, first_id = {}, [], 0
    with files.replace_folder(args.out) as out:
        for name in ("train", "test"):
            path = args.data / f"{name}.parquet"
            if name == "test" and not path.exists():  # ingest writes one only where the recipe brings a test file
                continue
            raw = tables.read(path)
            check_columns(path, recipe)
            raw.index += first_id  # ids go on from train to test, so that none is used twice
            first_id += len(raw)
            if name == "train":
                top = top_values(raw, recipe.keep)
            rows, rejects, dropped = standardize(raw, recipe, top)
            check(path, rows, rejects, names, settings.standardize.max_rejects)
            if len(raw) != len(rows) + len(rejects) + sum(dropped.values()):
                raise AssertionError(f"{path}: rows were lost")
            if name == "train" and recipe.sample is not None:
                kept = sample(rows, recipe.sample, settings.seed)
                dropped["sample"] = len(rows) - len(kept)
                rows = kept
                check(path, rows, rejects, names, settings.standardize.max_rejects)
            tables.write_frame(out / f"{name}.parquet", rows)
            all_rejects.append(rejects)
            counts = rows["label"].value_counts()
            metrics[name] = {
                "rows_read": len(raw),
                "filtered": {key: count for key, count in dropped.items() if count},
                "rejected": {key: int(count) for key, count in rejects["reason"].value_counts().sort_index().items()},
                "rows": len(rows),
                "labels": {label: int(counts[label_id]) for label_id, label in enumerate(names)},
            }
        tables.write_frame(out / "rejects.parquet", pd.concat(all_rejects), REJECTS)
        files.write_json(out / "labels.json", {"labels": names, "positive": recipe.positive})
    files.write_json(args.metrics, metrics)
    for name, counted in metrics.items():
        print(f"standardize: {name} {counted['rows']:,} rows of {counted['rows_read']:,}")


if __name__ == "__main__":
    command.run(main, "standardize")
