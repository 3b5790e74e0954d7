"""The row groups of a table standardized a few at a time, in processes of their own, and put together in order."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
from tqdm import tqdm

from stages.standardize.rows import Standardizer
from strata.base import processes, tables

BATCH = 10_000  # rows


def batches(
    path: Path, columns: list[str], groups: list[int] | None = None, first_id: int = 0
) -> Iterator[pd.DataFrame]:
    """Yield the rows of some row groups or all, `id` as the index, counted from `first_id`."""
    for batch in tables.batches(path, BATCH, columns, groups):
        frame = batch.to_pandas()
        frame.index = pd.RangeIndex(first_id, first_id + len(frame))
        first_id += len(frame)
        yield frame


def standardize(
    path: Path, columns: list[str], group: int, first_id: int, made: Standardizer
) -> tuple[list[pa.RecordBatch], Standardizer]:
    """Standardize one row group; return its rows and `made`, which has counted them."""
    return [made.rows(raw) for raw in batches(path, columns, [group], first_id)], made


def rows(path: Path, columns: list[str], first_id: int, made: Standardizer, bar: tqdm) -> Iterator[pa.RecordBatch]:
    """Yield the standardized rows of a table, counted in `made`, which has seen none yet, and on a progress bar."""
    groups = tables.row_groups(path)
    starts = itertools.accumulate(groups, initial=first_id)
    # each job takes a copy of `made`, as a process would
    jobs = ((path, columns, i, start, made.fresh()) for i, start in zip(range(len(groups)), starts, strict=False))
    for batches_made, part in processes.in_order(standardize, jobs, len(groups)):
        made.merge(part)
        bar.update(part.read)
        yield from batches_made
