"""Rows of a split in blocks: read and encoded, kept until it is known how many tokens they may have, written."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from strata.base import tables
from strata.model.tokens import IN_WINDOWS, SCHEMA, write_tokens
from strata.text.annotation import annotated
from strata.text.encoder import Encoder
from strata.text.windows import CHUNKS, Window

BLOCK = 1000  # rows
KEPT = pa.schema([("id", pa.int64()), ("label", pa.int64()), ("body", pa.list_(pa.int32())), ("length", pa.int64())])


class Block(NamedTuple):
    """Rows and the tokens of their texts. id, label: (rows,) int. lengths: (rows,), with the tokens around a text."""

    id: np.ndarray
    label: np.ndarray
    bodies: list[np.ndarray]
    lengths: np.ndarray


def read_blocks(path: Path, encoder: Encoder) -> Iterator[Block]:
    """Yield the rows of a split, encoded with their annotations."""
    for batch in tables.batches(path, BLOCK, ["id", "text", "annotation", "label"]):
        rows = batch.to_pandas()
        bodies = encoder.bodies(annotated(rows["text"], rows["annotation"]))
        lengths = np.array([len(body) for body in bodies], dtype=np.int64) + encoder.special
        yield Block(rows["id"].to_numpy(), rows["label"].to_numpy(), bodies, lengths)


def keep(blocks: Iterable[Block], most: int | None, path: Path) -> np.ndarray:
    """Write blocks to a file, with the first `most` tokens of a text. Returns: the rows' lengths, (rows,) int."""
    lengths = [np.empty(0, dtype=np.int64)]
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, KEPT) as writer:
        for block in blocks:
            bodies = [body[:most] for body in block.bodies]
            writer.write_batch(_batch([block.id, block.label, bodies, block.lengths], KEPT))
            lengths.append(block.lengths)
    return np.concatenate(lengths)


def kept(path: Path) -> Iterator[Block]:
    """Yield the blocks of a file that `keep` wrote."""
    with pa.OSFile(str(path), "rb") as file, pa.ipc.open_stream(file) as reader:
        for batch in reader:
            ids, bounds = batch["body"].values.to_numpy(), batch["body"].offsets.to_numpy()
            # copies, since a view of a row's length would hold the tokens of its batch
            id, label, length = (batch[name].to_numpy().copy() for name in ("id", "label", "length"))
            yield Block(id, label, np.split(ids, bounds[1:-1]), length)


def write_split(blocks: Iterable[Block], encoder: Encoder, window: Window, folder: Path) -> np.ndarray:
    """Write the rows of a split, cut by a window. Returns: their lengths before that, (rows,) int."""
    schema = IN_WINDOWS if window.kind == CHUNKS else SCHEMA
    lengths = [np.empty(0, dtype=np.int64)]

    def batches() -> Iterator[pa.RecordBatch]:
        for block in blocks:
            ids = [encoder.document(body, window).ravel() for body in block.bodies]
            columns = [block.id, ids, block.label, window.tokens(block.lengths, encoder.special)]
            if window.kind == CHUNKS:
                columns.append(window.counts(block.lengths, encoder.special))
            yield _batch(columns, schema)
            lengths.append(block.lengths)

    write_tokens(batches(), folder, schema)
    return np.concatenate(lengths)


def _batch(columns: list, schema: pa.Schema) -> pa.RecordBatch:
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.record_batch(arrays, schema=schema)
