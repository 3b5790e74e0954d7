"""Objects inside rows as columns of their own: {"data": {"text": "..."}} becomes the column data.text."""

from typing import Any

import pyarrow as pa

MOST_KEYS = 100  # of one object; with more it is data under data's own keys, such as votes by user, and stays JSON
DEEPEST = 5  # objects in each other


class Objects:
    """Which columns of a stream of rows hold objects whose keys become columns, decided when the first is seen."""

    def __init__(self) -> None:
        self._is_flat: dict[str, bool] = {}

    def flat(self, rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
        """Return rows with a column for each key of an object, and the columns that held the objects."""
        held = []
        for _ in range(DEEPEST):
            found = dict.fromkeys(name for row in rows for name, value in row.items() if type(value) is dict)
            self._decide([name for name in found if name not in self._is_flat], rows)
            paths = {name for name in found if self._is_flat[name]}
            if not paths:
                break
            rows = [_opened(row, paths) for row in rows]
            held += [name for name in found if name in paths]
        return rows, held

    def _decide(self, paths: list[str], rows: list[dict[str, Any]]) -> None:
        names = set().union(*rows) if paths else set()
        for path in paths:
            objects = (row[path] for row in rows if type(row.get(path)) is dict)
            self._is_flat[path] = _is_record(path, list(set().union(*objects)), names)


def _is_record(path: str, keys: list[str], names: set[str]) -> bool:
    """Return whether an object's keys can be columns beside those called `names`."""
    return 0 < len(keys) <= MOST_KEYS and not any(f"{path}.{key}" in names for key in keys)


def _opened(row: dict[str, Any], paths: set[str]) -> dict[str, Any]:
    """Return a row whose objects at some paths are columns. What is no object there stays; null does not."""
    opened = {}
    for name, value in row.items():
        if name not in paths:
            opened[name] = value
        elif type(value) is dict:
            opened |= {f"{name}.{key}": inner for key, inner in value.items()}
        elif value is not None:
            opened[name] = value
    return opened


def flat_columns(columns: dict[str, pa.Array]) -> tuple[dict[str, pa.Array], list[str]]:
    """Return Arrow's columns with one for each field of a struct, and the columns that held the structs."""
    held = []
    for _ in range(DEEPEST):
        structs = {
            name
            for name, column in columns.items()
            if pa.types.is_struct(column.type)
            and _is_record(name, [field.name for field in column.type], columns.keys())
        }
        if not structs:
            break
        held += [name for name in columns if name in structs]
        opened: dict[str, pa.Array] = {}
        for name, column in columns.items():
            if name in structs:
                fields = [f"{name}.{field.name}" for field in column.type]
                opened |= dict(zip(fields, column.flatten(), strict=True))
            else:
                opened[name] = column
        columns = opened
    return columns, held
