"""Tables whose columns grow from one to the next, written as one Parquet file."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from strata.base import tables

BATCH = 10_000  # rows


def write_growing(path: Path, stream: Iterator[pa.Table]) -> int:
    """Write tables as one Parquet file and return the number of rows. A column is null in rows that came before it.

    Tables that add no column go to the same part; at the end, the parts are joined.
    """
    parts, names = [], {}
    upcoming = next(stream, None)

    def batches_until_a_new_column() -> Iterator[pa.RecordBatch]:
        nonlocal upcoming
        while upcoming is not None and set(upcoming.column_names) <= names.keys():
            yield from _with_columns(upcoming, schema).to_batches()
            upcoming = next(stream, None)

    while upcoming is not None:
        names |= dict.fromkeys(upcoming.column_names)
        schema = pa.schema([(name, pa.int64() if name == "_line" else pa.string()) for name in names])
        parts.append(path.with_name(f".{path.name}.{len(parts)}"))
        rows = tables.write(parts[-1], batches_until_a_new_column(), schema)
    if not parts:
        return 0
    if len(parts) > 1:
        return _join(parts, path, schema)
    parts[0].replace(path)
    return rows


def _join(parts: list[Path], path: Path, schema: pa.Schema) -> int:
    """Write the rows of all parts to `path`, remove the parts and return the number of rows."""
    batches = (batch for part in parts for batch in tables.batches(part, BATCH))
    wide = (_with_columns(pa.Table.from_batches([batch]), schema) for batch in batches)
    rows = tables.write(path, (batch for table in wide for batch in table.to_batches()), schema)
    for part in parts:
        part.unlink()
    return rows


def _with_columns(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a table with the columns of `schema`, null where it lacks one."""
    missing = pa.nulls(len(table), pa.string())
    names = set(table.column_names)
    return pa.table([table[name] if name in names else missing for name in schema.names], schema=schema)
