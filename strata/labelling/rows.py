"""The rows of all labelled blocks, as the output holds them: the source's columns, then those that are added."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from strata.base import tables
from strata.labelling.labeller import ADDED, LABEL, PROBABILITY, SOURCE


def free_names(source: Sequence[str], added: Sequence[str]) -> dict[str, str]:
    """Return a name for each added column that no column of the source has.

    >>> free_names(["text", "label"], ["label", "probability"])
    {'label': 'predicted_label', 'probability': 'probability'}
    """
    taken, names = {*source, *added}, {}
    for name in added:
        tries = [f"predicted_{name}", *(f"predicted_{name}_{number}" for number in range(2, len(taken) + 3))]
        names[name] = next(new for new in tries if new not in taken) if name in source else name
        taken.add(names[name])
    return names


class Rows:
    """The rows of labelled blocks. A column that comes late is null in the rows before it.

    count, without_text, not_sure: rows, and those without a label and why; known when `batches` has ended.
    """

    def __init__(self, blocks: list[Path]):
        self._blocks = blocks
        schemas = [tables.schema(path) for path in blocks]
        self._columns = {field.name: field.type for schema in schemas for field in schema}
        source = [name for name in self._columns if name.startswith(SOURCE)]
        added = [name for name in self._columns if name.startswith(ADDED)]
        self._order = source + added
        names = [name.removeprefix(SOURCE) for name in source]
        self._free = free_names(names, [name.removeprefix(ADDED) for name in added])
        self.schema = pa.schema(
            list(zip([*names, *self._free.values()], map(self._columns.get, self._order), strict=True))
        )
        self.count = self.without_text = self.not_sure = 0

    def renamed(self) -> list[str]:
        """Return a phrase for each added column whose name the source has already."""
        return [f"{name!r}; the model's is {new!r}" for name, new in self._free.items() if name != new]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows, in the order of the source."""
        for path in self._blocks:
            for batch in tables.batches(path, tables.ROW_GROUP):
                columns = dict(zip(batch.schema.names, batch.columns, strict=True))
                without_text = columns[ADDED + PROBABILITY].null_count
                self.count += len(batch)
                self.without_text += without_text
                self.not_sure += columns[ADDED + LABEL].null_count - without_text
                missing = pa.nulls(len(batch), pa.string())
                yield pa.record_batch([columns.get(name, missing) for name in self._order], schema=self.schema)
