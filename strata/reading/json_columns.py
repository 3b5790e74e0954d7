"""The rows of one JSON object: of columns, as pandas' to_json() writes it, or of lists of rows."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

from strata.reading.batch import UnreadableFile
from strata.reading.dialect import COMMON_NAMES
from strata.reading.exports.table import export_name
from strata.reading.row_batches import Row

MOST = 2 * 1024 * 1024 * 1024  # bytes, since the file is held in memory
TEXTS = ("text", "sentence", "utterance", "review", "comment", "content", "message", "tweet", "question")
PAIRED = ("premise", "hypothesis", "sentence1", "sentence2", "answer", "context", "prompt", "response", "summary")
"""Names of columns of texts that stand beside others."""
FEWEST_WORDS = 3  # of a text, on average
MOST_PARTS = 20  # with more objects of the same keys, they are rows, whose own lists are no lists of rows
DEEPEST = 6  # objects in each other, in the innermost of which lists of rows are looked for


def parse_object(content: bytes) -> dict[str, Any]:
    """Return the object that a file holds. Raises: UnreadableFile when it is too long, not JSON, or no object."""
    if len(content) > MOST:
        raise UnreadableFile(f"an object of columns of more than {MOST:,} bytes; write one object a line")
    try:
        found = json.loads(content, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(f"neither an object a line nor one object of columns: {error}") from None
    if not isinstance(found, dict):
        raise UnreadableFile("one object over several lines, whose values are no columns; write an array of objects")
    return found


def row_lists(content: dict[str, Any], depth: int = 1) -> dict[str, list]:
    """Return the lists of rows in an object, by key: lists of objects or of pairs. A deeper key is a/b.

    Those with texts come first: beside a chat bot's utterances stand lists of its intents and entities, without texts.
    An object of columns has none.
    """
    if content.keys() == {"columns", "index", "data"} or (len(content) > MOST_PARTS and _are_rows_by_id(content)):
        return {}
    found = {}
    for key, value in content.items():
        if isinstance(value, list) and value and (_are_objects(value) or all(map(is_pair, value))):
            found[key] = value
        elif isinstance(value, dict) and depth < DEEPEST:
            found |= {f"{key}/{inner}": rows for inner, rows in row_lists(value, depth + 1).items()}
    is_columns = any(isinstance(value, list) and value and key not in found for key, value in content.items())
    if is_columns and not any(map(_are_objects, found.values())):
        return {}
    return dict(sorted(found.items(), key=lambda item: not _holds_texts(item[1][0])))


def _holds_texts(row: Any) -> bool:
    """Return whether a row is a pair, has a key that texts have, or is one of an export."""
    if not isinstance(row, dict):
        return True
    return any(isinstance(row.get(key), str) for key in TEXTS) or export_name(row) is not None


def _are_objects(values: list) -> bool:
    return all(isinstance(value, dict) for value in values)


def is_pair(value: Any) -> bool:
    """Return whether a value is a list of a text and its label, in either order."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and any(isinstance(item, str) for item in value)
        and not any(isinstance(item, dict | list | float) or item is None for item in value)
    )


def list_rows(values: list) -> Iterator[Row]:
    """Yield the rows of one list of objects or pairs. The longer values of pairs are the texts."""
    first_is_text = True
    if values and isinstance(values[0], list):
        lengths = [sum(len(str(value[i])) for value in values) for i in (0, 1)]
        first_is_text = lengths[0] >= lengths[1]
    names = ("text", "label") if first_is_text else ("label", "text")
    for position, value in enumerate(values, 1):
        yield position, dict(zip(names, value, strict=True)) if isinstance(value, list) else value, None, ""


def column_rows(columns: dict[str, Any]) -> Iterator[Row]:
    """Yield the rows of {column: {index: value}} or {column: [values]}, {label: [texts]} or {id: row}.

    Raises: UnreadableFile for another layout.
    """
    if _are_texts_by_label(columns):
        rows = [{"text": text, "label": label} for label, texts in columns.items() for text in texts]
        yield from list_rows(rows)
        return
    if _are_rows_by_id(columns):
        yield from list_rows([{"id": key} | row for key, row in columns.items()])
        return
    _check_columns(columns)
    if any(isinstance(column, list) for column in columns.values()):
        columns = {name: dict(enumerate(column)) for name, column in columns.items()}
    for position, key in enumerate(dict.fromkeys(itertools.chain(*columns.values())), 1):
        yield position, {name: column.get(key) for name, column in columns.items()}, None, ""


def _are_texts_by_label(content: dict[str, Any]) -> bool:
    """Tell lists of texts from columns: their lengths differ, or all hold prose, under no name that columns have."""
    lists = list(content.values())
    are_texts = all(isinstance(texts, list) and texts and all(isinstance(t, str) for t in texts) for texts in lists)
    if len(lists) < 2 or not are_texts:
        return False
    is_named = any(key.casefold() in COMMON_NAMES.union(TEXTS, PAIRED) for key in content)
    return len({len(texts) for texts in lists}) > 1 or (not is_named and all(map(_are_prose, lists)))


def _are_prose(texts: list[str]) -> bool:
    """Return whether strings are texts that differ, of some words, and neither dates nor names."""
    whole = " ".join(texts)
    is_long = len(whole.split()) >= FEWEST_WORDS * len(texts)
    return is_long and 2 * sum(map(str.isalpha, whole)) > len(whole) and len({*texts}) > len(texts) / 2


def _are_rows_by_id(content: dict[str, Any]) -> bool:
    """Tell rows from columns: there are more of them than there are keys in each, and those are no numbers."""
    rows = list(content.values())
    if not rows or not all(isinstance(row, dict) and row for row in rows):
        return False
    keys = set().union(*rows)
    return len(rows) > len(keys) and not any(key.isdigit() for key in keys) and "id" not in keys


def _check_columns(columns: dict[str, Any]) -> None:
    """Raise UnreadableFile when an object is not one of columns."""
    if not all(isinstance(column, dict | list) for column in columns.values()):
        raise UnreadableFile("one object over several lines, whose values are no columns; write an array of objects")
    if columns.keys() == {"columns", "index", "data"}:
        raise UnreadableFile("pandas' orient='split', which is not read; write it with orient='records'")
    if all(name == str(i) and isinstance(row, dict) for i, (name, row) in enumerate(columns.items())) and not all(
        key.isdigit() for row in columns.values() for key in row
    ):
        raise UnreadableFile("pandas' orient='index', which is not read; write it with orient='records'")
    types = {type(column) for column in columns.values()}
    if len(types) != 1 or (types == {list} and len({len(column) for column in columns.values()}) != 1):
        raise UnreadableFile("its columns differ in kind or length; write an array of objects")
