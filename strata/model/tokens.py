"""Tokenized rows on disk: the one module that knows their layout. The stage tokenize writes them, later ones read."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from strata.base.errors import StrataError
from strata.model.documents import windows_of

SCHEMA = pa.schema(
    [("id", pa.int64()), ("input_ids", pa.list_(pa.int32())), ("label", pa.int64()), ("length", pa.int32())]
)
"""input_ids: unpadded and truncated. length: their number."""
IN_WINDOWS = SCHEMA.append(pa.field("windows", pa.int32()))
"""Of texts that are read in windows: input_ids are those of all windows, one after the other; windows: their number."""


class TokenizedRows(NamedTuple):
    """id, label: (rows,) int. input_ids: token ids of each row, as `documents` says. Balancing may repeat rows, and a
    row may have changed copies after it: all have its id.
    """

    id: np.ndarray
    label: np.ndarray
    input_ids: list[np.ndarray]

    @property
    def lengths(self) -> np.ndarray:
        """The number of tokens of each row, in all of its windows: (rows,) int."""
        return np.array([ids.size for ids in self.input_ids])

    def at(self, positions: np.ndarray) -> "TokenizedRows":
        """Return the rows at these positions. positions: (some,) int."""
        return TokenizedRows(self.id[positions], self.label[positions], [self.input_ids[i] for i in positions])

    def distinct(self) -> "TokenizedRows":
        """Return each row once, without repetitions and changed copies, sorted by id."""
        return self.at(np.unique(self.id, return_index=True)[1])

    def windows(self) -> "TokenizedRows":
        """Return each window as a row of its own, with its row's id and label."""
        input_ids, counts = windows_of(self.input_ids)
        return TokenizedRows(np.repeat(self.id, counts), np.repeat(self.label, counts), input_ids)


def write_tokens(batches: Iterable[pa.RecordBatch], folder: Path, schema: pa.Schema = SCHEMA) -> None:
    """Write one split, in batches of SCHEMA or IN_WINDOWS, as a `datasets` folder. Equal batches give equal bytes.

    `datasets` would draw a random fingerprint, and hold all rows; this one is a hash of the rows, which are written one
    batch after the other.
    """
    from datasets import Dataset, disable_progress_bars

    disable_progress_bars()
    digest, rows = hashlib.sha256(), folder.with_name(f"{folder.name}.arrow")
    with pa.OSFile(str(rows), "wb") as file, pa.ipc.new_stream(file, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
            for column in batch.columns:
                for buffer in column.buffers():
                    digest.update(buffer or b"")
    Dataset(pa.Table.from_batches([], schema), fingerprint=digest.hexdigest()[:16]).save_to_disk(folder, num_shards=1)
    (empty,) = folder.glob("*.arrow")
    rows.replace(empty)


def read_tokens(folder: Path) -> TokenizedRows:
    """Read one split. Raises: StrataError when it is missing."""
    from datasets import load_from_disk  # takes a second to import; a stage reports wrong parameters first

    if not folder.is_dir():
        raise StrataError(f"{folder}: no such folder; run the stage tokenize, or dvc repro")
    rows = load_from_disk(folder).with_format("numpy")
    input_ids = list(rows["input_ids"])
    if "windows" in rows.column_names:
        counts = np.asarray(rows["windows"]).tolist()
        input_ids = [ids if n == 1 else ids.reshape(n, -1) for ids, n in zip(input_ids, counts, strict=True)]
    return TokenizedRows(np.asarray(rows["id"]), np.asarray(rows["label"]), input_ids)
