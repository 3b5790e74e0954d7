"""Strings, lists and label values as YAML spells them, and the line of a recipe that makes several labels one."""

import re

Rule = str | int | float | bool | list[str | int | float | bool]
WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")  # no strings to one YAML reader or another


def string(value: str) -> str:
    """Write a string as YAML: plain where that is safe, else in double quotes.

    >>> string("review text"), string("no"), string("3e-05")
    ('review text', '"no"', '"3e-05"')
    """
    plain = re.fullmatch(r"[A-Za-z_][\w-]*( [\w-]+)*", value, re.ASCII)
    if plain and value.lower() not in WORDS:
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


def scalar(value: str | list[str]) -> str:
    """Write a label's value as YAML, or several; the numbers and booleans that YAML spells alike are plain.

    >>> scalar(["1", "true", "1.50"])
    '[1, true, "1.50"]'
    """
    if isinstance(value, list):
        return f"[{', '.join(map(scalar, value))}]"
    return value if re.fullmatch(r"0|-?[1-9][0-9]{0,17}|true|false", value) else string(value)


def flow(value: str | list[str] | dict[str, str]) -> str:
    """Write a string, a list or a mapping of strings as YAML on one line.

    >>> flow({"column": "tags", "split": "|"}), flow(["a", "b"])
    ('{column: tags, split: "|"}', '[a, b]')
    """
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {string(item)}' for key, item in value.items())}}}"
    return f"[{', '.join(map(string, value))}]" if isinstance(value, list) else string(value)


def merged(few: dict[str, Rule], names: list[str]) -> str | None:
    """Say which line of a recipe's labels makes one label of several; None where that would leave no two labels.

    few: their values by name, as a recipe has them. names: of all labels. Where all are few, which of them belong
    together is left to the reader, with the first two as an example. A rule on numbers cannot be merged, nor "*".

    >>> merged({"b": "b", "c": ["c", 4]}, ["a", "b", "c", "d"])
    'to merge them, replace their lines in the labels of the recipe by "other: [b, c, 4]"'
    >>> merged({"a": "a", "b": "b", "c": "c"}, ["a", "b", "c"])
    'to merge labels of like meaning, replace their lines in the labels of the recipe by one, such as "other: [a, b]"'
    """
    is_rule = any(isinstance(rule, str) and rule.lstrip()[:1] in ("*", "<", ">") for rule in few.values())
    if is_rule or len(few) < 2 or len(names) < 3:
        return None
    all_few = len(few) == len(names)
    other = next(name for name in ("other", "others", "all_others", "the_rest") if name in few or name not in names)
    rules = list(few.values())[: 2 if all_few else None]
    values = [value for rule in rules for value in (rule if isinstance(rule, list) else [rule])]
    listed = scalar([str(value).lower() if isinstance(value, bool) else str(value) for value in values])
    which, line = ("labels of like meaning", "one, such as ") if all_few else ("them", "")
    return f'to merge {which}, replace their lines in the labels of the recipe by {line}"{other}: {listed}"'
