"""Blocks are labelled on the nodes of a Ray cluster, by Ray Data; the file is read and written here.

A row of the dataset is a block, as bytes. So the blocks are those of one machine, and with them the output's bytes.
"""

import itertools
import logging
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import ray
import ray.data

from strata.base.errors import StrataError
from strata.labelling.labeller import Labeller
from strata.ray_cluster import connect
from strata.runtime import manifest
from strata.runtime.model_config import read_kind
from strata.runtime.predictor import CONFIG, READ, Predictor, cascade_file
from strata.runtime.preparation import Preparation
from strata.softmax import softmax

WINDOW = 16  # blocks a core that are sent at a time; the next ones are read meanwhile
SCHEMA = pa.schema([("number", pa.int64()), ("block", pa.large_binary()), ("error", pa.string())])


class Cluster:
    """The cluster at an address, and the model folder that its nodes get. Raises: StrataError when there is none."""

    def __init__(self, address: str, folder: Path, model: str):
        connect(address)
        self.cores = int(ray.cluster_resources().get("CPU", 0))
        if not self.cores:
            raise StrataError("no node of the Ray cluster has a CPU; ray status shows what they have")
        names = (CONFIG, *READ[read_kind(folder / CONFIG)], manifest.NAME, model, *cascade_file(folder, model))
        self._model = model
        self._files = ray.put({name: (folder / name).read_bytes() for name in names})
        ray.data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)

    def labelled_blocks(
        self, labeller: Labeller, blocks: Iterator[pa.Table], is_done: Callable[[int, int], bool]
    ) -> Iterator[tuple[int, int, pa.Table | None]]:
        """Yield what `side_by_side.labelled_blocks` yields, in another order. Arguments and errors: as there."""
        numbered = enumerate(blocks)
        with ThreadPoolExecutor(1) as reading:
            upcoming = reading.submit(self._window, numbered, is_done)
            while window := upcoming.result():
                upcoming = reading.submit(self._window, numbered, is_done)
                yield from ((number, rows, None) for number, rows, block in window if block is None)
                rows = {number: rows for number, rows, block in window if block is not None}
                if rows:
                    sent = [block for _, _, block in window if block is not None]
                    yield from ((number, rows[number], table) for number, table in self._labelled(labeller, sent))

    def _window(
        self, numbered: Iterator[tuple[int, pa.Table]], is_done: Callable[[int, int], bool]
    ) -> list[tuple[int, int, ray.ObjectRef | None]]:
        """Send the next blocks to the cluster; return each one's number, rows, and reference, None where it is done."""
        window = []
        for number, block in itertools.islice(numbered, WINDOW * self.cores):
            sent = None if is_done(number, len(block)) else ray.put(_row(number, block))
            window.append((number, len(block), sent))
        return window

    def _labelled(self, labeller: Labeller, blocks: list[ray.ObjectRef]) -> Iterator[tuple[int, pa.Table]]:
        actors = ray.data.ActorPoolStrategy(size=min(self.cores, len(blocks)))
        arguments = (self._files, self._model, labeller.preparation, labeller.every)
        dataset = ray.data.from_arrow_refs(blocks).map_batches(
            NodeLabeller,
            fn_constructor_args=arguments,
            compute=actors,
            num_cpus=1,
            batch_size=1,
            batch_format="pyarrow",
        )
        try:
            for batch in dataset.iter_batches(batch_size=None, batch_format="pyarrow"):
                for row in batch.to_pylist():
                    if row["error"]:
                        raise StrataError(row["error"])
                    yield row["number"], pa.ipc.open_stream(row["block"]).read_all()
        except ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines()[-1]
            raise StrataError(f"the cluster failed ({reason}); run the same command again, and it resumes") from None


class NodeLabeller:
    """Labels blocks on one core of a node, in a process of its own. files: the model folder's, by name."""

    def __init__(self, files: ray.ObjectRef, model: str, preparation: Preparation, every: bool):
        with tempfile.TemporaryDirectory() as temporary:
            for name, content in ray.get(files).items():
                path = Path(temporary) / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
            self._labeller = Labeller(Predictor(temporary, model, threads=1), preparation, every)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Return the block that a batch of one row holds, labelled, or the sentence of an error."""
        (row,) = batch.to_pylist()
        block = pa.ipc.open_stream(row["block"]).read_all()
        try:
            texts = self._labeller.prepared(block)
            classifier = self._labeller.predictor.classifier
            probabilities = softmax(classifier.gathered(classifier.submitted(texts.ids)))
        except StrataError as error:
            return _row(row["number"], block.slice(0, 0), str(error))
        return _row(row["number"], self._labeller.labelled(block, texts.has_text, probabilities))


def _row(number: int, block: pa.Table, error: str | None = None) -> pa.Table:
    """Return a block as the one row of a table."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, block.schema) as stream:
        stream.write_table(block)
    return pa.table([[number], [sink.getvalue().to_pybytes()], [error]], schema=SCHEMA)
