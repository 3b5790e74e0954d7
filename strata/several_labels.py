"""Values that hold several labels: a list, or labels between separators.

A row has one label here. A value of several must not become a label of its own without anybody having asked for it.
"""

import json
import re
from collections.abc import Callable

LIST = "list"
SEPARATORS = ("|", ";", ",", "/", "+", "&")
SPLITS = (LIST, *SEPARATORS)
"""How the labels of one value may be written."""
MARKS = ("x", "✓", "✔")
SET, UNSET = ("1", "true", "yes", "y", *MARKS), ("0", "false", "no", "n")
"""The canonical values, in lower case, of a column that says whether a row has one label. An empty cell says no."""
NAMED_BY = ("name", "label")
"""The key of an object in a list that names the label."""
ANSWER = "value"
"""The key of an annotator's answer in a list. The annotator may be named beside it, so that it goes before NAMED_BY."""
CHOICES = "choices"
"""The one key of an object that holds the labels, as Label Studio writes several into a cell of a table."""
PLACES = ("start", "end", "offset", "entity")
"""Keys of an object that is about a part of the text, and names no label of it."""
LONGEST = 1000  # characters; a longer value is a text

_QUOTED = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\"""")
_BETWEEN = re.compile(r"[\s,]*")
_PLAIN = re.compile(r"[^\s,'\"\[\](){}]+(?: [^\s,'\"\[\](){}]+)*")
_BRACKETS = {"[": "]", "(": ")", "{": "}"}


def list_items(value: str) -> list[str] | None:
    """Return the different items of a list as JSON, Python, numpy or Spark writes it; None when the value is none.

    An object with a name stands for its name, and one of CHOICES alone for its list.

    >>> list_items('["a", "b"]'), list_items("['a' 'b']"), list_items("[a, b]"), list_items("[a]")
    (['a', 'b'], ['a', 'b'], ['a', 'b'], None)
    """
    value = value.strip()
    if len(value) > LONGEST or _BRACKETS.get(value[:1]) != value[-1:]:
        return None
    try:
        content = json.loads(value)
    except (ValueError, RecursionError):
        return _python_items(value[1:-1])
    if isinstance(content, dict) and [*content] == [CHOICES]:
        content = content[CHOICES]
    return list(dict.fromkeys(map(_text, content))) if isinstance(content, list) else None


def _text(item: object) -> str:
    if isinstance(item, dict):  # such as a label of an issue tracker, {"id": 7, "name": "bug"}
        keys = NAMED_BY if any(key in item for key in PLACES) else (ANSWER, *NAMED_BY)
        item = next((item[key] for key in keys if isinstance(item.get(key), str | int | float)), item)
    return item.strip() if isinstance(item, str) else json.dumps(item, ensure_ascii=False)


def are_records(values: list[str]) -> bool:
    """Return whether values are lists of objects that name no label, such as the entities in a text.

    >>> are_records(['[{"start": 0, "end": 4}]']), are_records(['[{"name": "bug"}]'])
    (True, False)
    """
    lists = [value for value in values if value.lstrip().startswith("[")]
    return bool(lists) and all(any(item[:1] == "{" for item in list_items(value) or []) for value in lists)


def _python_items(inside: str) -> list[str] | None:
    quoted = ["".join(groups).strip() for groups in _QUOTED.findall(inside)]
    if quoted:
        return quoted if _BETWEEN.fullmatch(_QUOTED.sub("", inside)) else None
    parts = inside.split(",") if "," in inside else inside.split()
    plain = [part.strip() for part in parts]
    return plain if len(plain) > 1 and all(map(_PLAIN.fullmatch, plain)) else None


def parts(value: str, split: str) -> list[str]:
    """Return the labels of a value, one where it holds no other. split: one of SPLITS, or another separator."""
    if split == LIST:
        items = list_items(value)
        return [value] if items is None else [item for item in items if item]
    return [part for part in map(str.strip, value.split(split)) if part]


def single(value: str) -> str:
    """Return the item of a list of one, "" for an empty list, any other value as it is.

    >>> single("['spam']"), single("[]"), single("spam")
    ('spam', '', 'spam')
    """
    if value[:1] not in _BRACKETS:
        return value
    items = list_items(value)
    if items is None:
        return "" if value.strip() == "[]" else value
    return value if len(items) > 1 else "".join(items)


def several(value: str, is_label: Callable[[str], bool], any_part: bool = False) -> str | None:
    """Return how several labels are written in a value, as in SPLITS, or None when it is one label.

    is_label: whether a part is a label of its own; all parts must be, or with `any_part` one of them. A list is several
    labels whatever it holds.
    """
    if len(parts(value, LIST)) > 1:
        return LIST
    if len(value) > LONGEST:
        return None
    enough = any if any_part else all
    for mark in SEPARATORS:
        found = parts(value, mark) if mark in value else []
        if len(found) > 1 and enough(map(is_label, found)):
            return mark
    return None


def sentence(column: str, rows: int, example: str) -> str:
    """Say that rows have several labels."""
    return f"{rows:,} rows have several labels in {column}, such as {example[:80]!r}, and a row can have one"


def ways(column: str, split: str) -> str:
    """Say how a recipe gets one label out of several."""
    how = f"{{column: {column}, split: {split if split == LIST else repr(split)}"
    return (
        f"choose another column as the label, keep the first with columns.label: {how}}}, or write a recipe for each "
        f"label with {how}, has: NAME}}, whose values are true and false"
    )
