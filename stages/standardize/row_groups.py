"""The row groups of a table, standardized in several processes and put together in their order."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
from tqdm import tqdm

from stages.standardize.counts import Counts
from stages.standardize.rows import Standardizer
from strata.base import processes, tables

BATCH = 10_000  # rows


def batches(
    path: Path, columns: list[str], row_groups: list[int] | None = None, first_id: int = 0
) -> Iterator[pd.DataFrame]:
    """Yield the rows of some row groups or all, with `id` as the index, which counts from `first_id`."""
    for batch in tables.batches(path, BATCH, columns, row_groups):
        frame = batch.to_pandas()
        frame.index = pd.RangeIndex(first_id, first_id + len(frame))
        first_id += len(frame)
        yield frame


def standardize_row_group(
    path: Path, columns: list[str], row_group: int, first_id: int, standardizer: Standardizer
) -> tuple[list[pa.RecordBatch], Counts]:
    """Return the standardized rows of one row group, and where its rows went."""
    counts = Counts(list(standardizer.recipe.labels), [])
    raw_batches = batches(path, columns, [row_group], first_id)
    return [standardizer.rows(raw, counts) for raw in raw_batches], counts


def rows(
    path: Path, columns: list[str], first_id: int, standardizer: Standardizer, counts: Counts, bar: tqdm
) -> Iterator[pa.RecordBatch]:
    """Yield a table's standardized rows. They are counted in `counts` and on a progress bar."""
    sizes = tables.row_groups(path)
    starts = itertools.accumulate(sizes, initial=first_id)
    jobs = ((path, columns, i, start, standardizer) for i, start in zip(range(len(sizes)), starts, strict=False))
    for record_batches, part in processes.in_order(standardize_row_group, jobs, len(sizes)):
        counts.merge(part)
        bar.update(part.read)
        yield from record_batches
