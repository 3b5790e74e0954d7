"""Split rows into train, validation and test. No copy, near-copy or group is on two sides.

    python -m stages.split --params params.yaml --recipes recipes \
        --data data/standardize --out data/split --metrics metrics/split.json --plots plots/split

A test file that the recipe names stays the test split. Training rows that copy one of its rows, or share its group, are
left out and counted. units.parquet (id, unit) says which rows are not independent of each other: those of a group, and
copies. The intervals of scores resample units, not rows.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from stages.split.assign import LEFT_OUT, SPLITS, TEST
from stages.split.placement import Placement, place
from stages.split.summary import summary, surprises
from strata import row_counts
from strata.base import command_line, files, tables
from strata.base.errors import StrataError
from strata.duplicates import ties
from strata.labels import read_labels
from strata.row_counts import RowCounts
from strata.settings.params import Split
from strata.settings.reader import read_settings
from strata.yaml_words import Rule, merged

BATCH = 10_000  # rows
UNITS = pa.schema([("id", pa.int64()), ("unit", pa.int64())])


def read(paths: list[Path], is_dated: bool) -> tuple[pd.DataFrame, int]:
    """Read what decides where rows go, apart from their texts: columns id, label, group and, if dated, date.

    The date is a number that sorts.
    paths: of the tables, the ready-made test file first if there is one. Returns: the rows of all tables, and how many
    of them are in the test file. Raises: StrataError when a date is asked for and missing.
    """
    parts = []
    for path in paths:
        if is_dated and "date" not in tables.column_names(path):
            raise StrataError(
                f"{path}: split.by is date, but no date is in it; name its column in the recipe's columns.date"
            )
        rows = tables.read(path, ["id", "label", "group", *(["date"] if is_dated else [])])
        parts.append(rows.assign(date=rows["date"].astype("int64")) if is_dated else rows)
    return pd.concat(parts, ignore_index=True), sum(map(len, parts[:-1]))


def source_tables(data: Path, folder: Path, folds: int | None) -> list[Path]:
    """Return the tables to split, in the order of their ids: the ready-made test file first if there is one.

    folder: for sorted copies. Raises: StrataError when a test file and folds are asked for.
    """
    test = data / "test.parquet"
    if test.exists() and folds:
        raise StrataError(f"{test}: a ready-made test file leaves nothing to fold; set split.folds to null")
    return [in_id_order(path, folder) for path in (*([test] if test.exists() else []), data / "train.parquet")]


def in_id_order(path: Path, folder: Path) -> Path:
    """Return a table with its rows in the order of their ids: `path` if they are, else a copy in `folder`."""
    if tables.read(path, ["id"])["id"].is_monotonic_increasing:
        return path
    tables.write_frame(folder / path.name, tables.read(path).sort_values("id"), tables.schema(path))
    return folder / path.name


def check_left_out(data: Path, placed: Placement, settings: Split) -> None:
    """Raise StrataError when more rows are tied to another split than may be left out."""
    left_out, rows = placed.left_out["tied_to_another_split"], len(placed.split)
    if left_out <= settings.max_left_out * rows:
        return
    join = "split.across_groups: join, which keeps them together, or " if settings.across_groups == "drop" else ""
    raise StrataError(
        f"{data}: {left_out:,} of {rows:,} rows ({left_out / rows:.0%}) would be left out, since they copy a row of "
        "another split, nearly or exactly, or share its group; that is more than split.max_left_out, "
        f"{settings.max_left_out:g}: set {join}a higher split.near_duplicate, or raise the limit; strata audit shows "
        "the copies"
    )


def check(
    data: Path, placed: Placement, ready_made: int, labels: dict[str, Rule], has_groups: bool, settings: Split
) -> None:
    """Raise StrataError when a test file leaves no training rows, or labels are missing from a split.

    A test file may lack labels. labels: the recipe's, in id order.
    """
    names = list(labels)
    if ready_made and (placed.split[ready_made:] == LEFT_OUT).all():
        raise StrataError(
            f"{data / 'test.parquet'}: every training row copies one of its rows or shares its group; bring other files"
        )
    counts = {split: np.bincount(placed.label[placed.split == i], minlength=len(names)) for split, i in SPLITS.items()}
    needed = [rows for split, rows in counts.items() if not (ready_made and split == "test")]
    missing = [i for i in range(len(names)) if not all(rows[i] for rows in needed)]
    if not missing:
        return
    first = missing[0]
    split = next(name for name, rows in counts.items() if not rows[first])
    by_split = ", ".join(f"{name} {rows[first]:,}" for name, rows in counts.items())
    left_out = sum(placed.left_out.values())
    others = f"; {len(missing) - 1:,} more of {len(names):,} labels lack rows in some split" if missing[1:] else ""
    ways = ["add more rows of it"]
    if sum(rows[first] for rows in needed) >= len(needed):  # with fewer rows, no shares suffice
        ways.append("raise the shares under split")
    if has_groups:
        ways.append("make the groups smaller")
        ways += ["set split.across_groups: drop"] if settings.across_groups == "join" else []
    merge = merged({names[i]: labels[names[i]] for i in missing}, names)
    if len(names) > 2:
        ways.append("drop it: remove its line from labels and its rows with keep.where")
        merge = merge or "to merge it with another label, move its value to the line of that one"
    raise StrataError(
        f"{data / 'train.parquet'}: the {split} split has no row of label {names[first]} (rows: {by_split}"
        f"{f'; {left_out:,} rows of any label left out' if left_out else ''}){others}; every split needs each label: "
        f"{', or '.join(ways)}{f'; {merge}' if merge else ''}"
    )


def unit_table(ids: np.ndarray, placed: Placement) -> pd.DataFrame:
    """Return the unit of each row that is in a split, named by the smallest id in it: columns id, unit.

    ids: (rows,) int.
    """
    is_kept = placed.split != LEFT_OUT
    ids, unit = ids[is_kept], placed.unit[is_kept]
    smallest = np.full(unit.max(initial=-1) + 1, np.iinfo(np.int64).max)
    np.minimum.at(smallest, unit, ids)
    return pd.DataFrame({"id": ids, "unit": smallest[unit]}).sort_values("id")


def write_splits(out: Path, paths: list[Path], ready_made: int, placed: Placement) -> None:
    """Write the table of each split. paths: as for `read`."""
    for name, i in SPLITS.items():
        is_ready_made = ready_made > 0 and i == TEST
        path = paths[0] if is_ready_made else paths[-1]
        own = slice(ready_made) if is_ready_made else slice(ready_made, None)
        batches = kept_rows(path, placed.split[own] == i, placed.label[own])
        tables.write(out / f"{name}.parquet", batches, undated(tables.schema(path)))


def undated(schema: pa.Schema) -> pa.Schema:
    """Return a schema without the date, which no later stage reads."""
    return pa.schema([field for field in schema if field.name != "date"])


def kept_rows(path: Path, is_kept: np.ndarray, label: np.ndarray) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table that are kept, with these labels. is_kept: (rows,) bool. label: (rows,) int."""
    start, schema = 0, undated(tables.schema(path))
    for batch in tables.batches(path, BATCH, schema.names):
        rows = slice(start, start + batch.num_rows)
        columns = [pa.array(label[rows], pa.int64()) if name == "label" else batch[name] for name in schema.names]
        yield pa.record_batch(columns, schema=schema).filter(pa.array(is_kept[rows]))
        start += batch.num_rows


def count_rows(
    rows: pd.DataFrame, ready_made: int, characters: np.ndarray, placed: Placement, names: list[str]
) -> RowCounts:
    """Count the rows before and in each split. characters: (rows,) int, each text's length."""
    counts = RowCounts(names)
    counts.add("before", rows["label"].to_numpy()[ready_made:], characters[ready_made:])
    for name, i in SPLITS.items():
        is_in = placed.split == i
        counts.add(name, placed.label[is_in], characters[is_in])
    return counts


def print_rows(metrics: dict) -> None:
    """Print the rows of each split, those that are left out, and what is far from what was asked for."""
    for name in SPLITS:
        print(f"split: {name} {metrics[name]['rows']:,} rows")
    for reason, count in metrics["left_out"].items():
        if count:
            print(f"split: {count:,} rows left out, {reason.replace('_', ' ')}")
    for words in surprises(metrics):
        print(f"split: {words}")


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(__doc__, argv, "--data", "--out", "--metrics", "--plots")
    settings, recipe = read_settings(args.params, args.recipes)
    names = read_labels(args.data / "labels.json").names
    with tempfile.TemporaryDirectory() as folder:
        paths = source_tables(args.data, Path(folder), settings.split.folds)
        rows, ready_made = read(paths, settings.split.by == "date")
        sketches, characters = ties.sketch_tables(paths)
        placed = place(rows, ready_made, sketches, settings.split, settings.seed)
        check_left_out(args.data, placed, settings.split)
        labels = {name: recipe.labels.get(name, "*") for name in names}
        check(args.data, placed, ready_made, labels, bool(rows["group"].notna().any()), settings.split)
        with files.replace_folder(args.plots) as plots, files.replace_folder(args.out) as out:
            write_splits(out, paths, ready_made, placed)
            tables.write_frame(out / "units.parquet", unit_table(rows["id"].to_numpy(), placed), UNITS)
            row_counts.write({"": count_rows(rows, ready_made, characters, placed, names)}, plots)
    metrics = summary(rows, ready_made, placed, sketches.key, names, settings.split)
    files.write_metrics(args.metrics, metrics)
    print_rows(metrics)


if __name__ == "__main__":
    command_line.run(main, "split")
