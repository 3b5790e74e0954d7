"""Split rows into train, validation and test, with no copy, near-copy or group on two sides.

    python -m stages.split --params params.yaml --recipes recipes \
        --data data/standardize --out data/split --metrics metrics/split.json --plots plots/split

A test file that the recipe brings stays the test split; training rows that copy one of its rows, or share its group,
are left out and counted. Beside the splits, units.parquet (id, unit) says which rows are not independent of each other:
those of a group, and copies; the intervals of scores take heed of it.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from stages.split.assign import LEFT_OUT, SPLITS
from stages.split.placement import Placement, place
from stages.split.summary import summary
from strata import row_counts
from strata.base import command_line, files, tables
from strata.base.errors import StrataError
from strata.duplicates import ties
from strata.labels import read_labels
from strata.settings.reader import read_settings

BATCH = 10_000  # rows
UNITS = pa.schema([("id", pa.int64()), ("unit", pa.int64())])


def read(path: Path, dated: bool) -> pd.DataFrame:
    """Read what rows are placed by but their texts, dates as numbers that sort. Raises: StrataError without dates."""
    if dated and "date" not in tables.column_names(path):
        raise StrataError(
            f"{path}: split.by is date, but no date is in it; name its column in the recipe's columns.date"
        )
    rows = tables.read(path, ["id", "label", "group", *(["date"] if dated else [])])
    return rows.assign(date=rows["date"].astype("int64")) if dated else rows


def in_id_order(path: Path, folder: Path) -> Path:
    """Return a table whose rows are in the order of their ids, as standardize writes them: `path`, or a copy of it."""
    if tables.read(path, ["id"])["id"].is_monotonic_increasing:
        return path
    tables.write_frame(folder / path.name, tables.read(path).sort_values("id"), tables.schema(path))
    return folder / path.name


def check(path: Path, placed: Placement, names: list[str]) -> None:
    """Raise: StrataError when a label is missing from a split."""
    counts = {split: np.bincount(placed.label[placed.split == i], minlength=len(names)) for split, i in SPLITS.items()}
    for split, rows in counts.items():
        if rows.all():
            continue
        label = int(np.argmin(rows))
        found = ", ".join(f"{name} {other[label]:,}" for name, other in counts.items())
        left_out = sum(placed.left_out.values())
        raise StrataError(
            f"{path}: the {split} split has no row of label {names[label]} (rows: {found}"
            f"{f'; {left_out:,} rows of any label left out' if left_out else ''}); every split needs each label: bring "
            f"more {names[label]} rows, larger shares in split, smaller groups, or split.across_groups: drop"
        )


def units(ids: np.ndarray, unit: np.ndarray) -> pd.DataFrame:
    """Name each unit by the least id in it: columns id, unit. ids, unit: (rows,) int."""
    least = np.full(unit.max(initial=-1) + 1, np.iinfo(np.int64).max)
    np.minimum.at(least, unit, ids)
    return pd.DataFrame({"id": ids, "unit": least[unit]}).sort_values("id")


def undated(schema: pa.Schema) -> pa.Schema:
    """Return a schema without the date, which no later stage reads."""
    return pa.schema([field for field in schema if field.name != "date"])


def chosen(path: Path, keep: np.ndarray, label: np.ndarray) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table that are kept, with these labels. keep: (rows,) bool. label: (rows,) int."""
    start, schema = 0, undated(tables.schema(path))
    for batch in tables.batches(path, BATCH, schema.names):
        rows = slice(start, start + batch.num_rows)
        columns = [pa.array(label[rows], pa.int64()) if name == "label" else batch[name] for name in schema.names]
        yield pa.record_batch(columns, schema=schema).filter(pa.array(keep[rows]))
        start += batch.num_rows


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(__doc__, argv, "--data", "--out", "--metrics", "--plots")
    settings, _ = read_settings(args.params, args.recipes)
    names = read_labels(args.data / "labels.json").names
    source, test = args.data / "train.parquet", args.data / "test.parquet"
    paths = [test, source] if test.exists() else [source]
    if test.exists() and settings.split.folds:
        raise StrataError(f"{test}: a ready-made test file leaves nothing to fold; set split.folds to null")
    with tempfile.TemporaryDirectory() as folder:
        paths = [in_id_order(path, Path(folder)) for path in paths]
        parts = [read(path, settings.split.by == "date") for path in paths]
        rows, ready_made = pd.concat(parts, ignore_index=True), sum(map(len, parts[:-1]))
        sketches, characters = ties.sketch_tables(paths)
        placed = place(rows, ready_made, sketches, settings.split, settings.seed)
        if ready_made and (placed.split[ready_made:] == LEFT_OUT).all():
            raise StrataError(
                f"{test}: every training row copies one of its rows or shares its group; bring other files"
            )
        check(source, placed, names)
        counted = row_counts.Balance(names)
        counted.add("before", rows["label"].to_numpy()[ready_made:], characters[ready_made:])
        with files.replace_folder(args.plots) as plots, files.replace_folder(args.out) as out:
            for name, i in SPLITS.items():
                keep = placed.split == i
                counted.add(name, placed.label[keep], characters[keep])
                is_ready_made = ready_made > 0 and name == "test"
                path = paths[0] if is_ready_made else paths[-1]
                own = slice(ready_made) if is_ready_made else slice(ready_made, None)
                tables.write(
                    out / f"{name}.parquet", chosen(path, keep[own], placed.label[own]), undated(tables.schema(path))
                )
            kept = placed.split != LEFT_OUT
            named = units(rows["id"].to_numpy()[kept], placed.unit[kept])
            tables.write_frame(out / "units.parquet", named, UNITS)
            row_counts.write({"": counted}, plots)
    metrics = summary(rows, ready_made, placed, sketches.key, names, settings.split)
    files.write_metrics(args.metrics, metrics)
    for name in SPLITS:
        print(f"split: {name} {metrics[name]['rows']:,} rows")
    for reason, count in placed.left_out.items():
        if count:
            print(f"split: {count:,} rows left out, {reason.replace('_', ' ')}")


if __name__ == "__main__":
    command_line.run(main, "split")
