"""Settings of a run with some of them changed: values by key, such as train.lr, as a sweep draws them."""

import io
import json
from typing import Any

import yaml

from strata.base.errors import StrataError, did_you_mean
from strata.settings.yaml_loader import compose_yaml, parse_yaml

SPACE = " \t\r\n"  # of YAML; str.rstrip would take a non-breaking space for one too
Overrides = dict[str, Any]
"""Values by key: the names of a section and of its key with a dot between them; a list or mapping is a value."""


def keys(content: dict[str, Any]) -> list[str]:
    """Return the keys of params.yaml that can be changed, from its content."""
    return [
        f"{section}.{key}" if isinstance(values, dict) else section
        for section, values in content.items()
        for key in (values if isinstance(values, dict) else [None])
    ]


def value_at(content: dict[str, Any], key: str) -> Any:
    """Return the value of a key, such as train.lr, in the content of params.yaml."""
    section, _, name = key.partition(".")
    return content[section][name] if name else content[section]


def check_keys(overrides: Overrides, content: dict[str, Any], place: str) -> None:
    """Raise StrataError at a key that params.yaml does not have. place: of the overrides, for the sentence."""
    known = keys(content)
    for key in overrides:
        if key not in known:
            raise StrataError(f"{place}: unknown key {key}{did_you_mean(key, known)}")


def changed(content: dict[str, Any], overrides: Overrides) -> dict[str, Any]:
    """Return the content of params.yaml with other values; content itself stays as it is."""
    result = {name: dict(values) if isinstance(values, dict) else values for name, values in content.items()}
    for key, value in overrides.items():
        section, _, name = key.partition(".")
        if name:
            result[section][name] = value
        else:
            result[section] = value
    return result


def described(overrides: Overrides) -> str:
    """Return settings as a phrase.

    >>> described({"train.lr": 3e-05, "resample.strategy": "none"})
    'train.lr=3e-05, resample.strategy=none'
    """
    return ", ".join(f"{key}={written(value)}" for key, value in overrides.items()) or "nothing changed"


def written(value: Any) -> str:
    """Return one value as a word.

    >>> written("none"), written(None), written(5e-05)
    ('none', 'null', '5e-05')
    """
    return value if isinstance(value, str) else json.dumps(value)


def rewritten(text: str, overrides: Overrides) -> str:
    """Return the text of params.yaml with other values. A value that stays equal keeps its spelling.

    So do the comments, but for those between the lines of a value that is replaced.
    Raises: StrataError where a value cannot be replaced alone, such as one with an anchor.
    """
    content, root = parse_yaml(text), compose_yaml(text)
    # as JSON, since 1 == True in Python
    replaced = {
        key: value for key, value in overrides.items() if json.dumps(value_at(content, key)) != json.dumps(value)
    }
    pieces: list[tuple[int, int, str]] = []
    for key, value in replaced.items():
        name, node = None, root
        for part in key.split("."):
            name, node = next(entry for entry in node.value if entry[0].value == part)
        pieces += _replacements(text, name, node, _in_flow_style(value))
    after = text
    for start, end, piece in sorted(pieces, reverse=True):
        after = after[:start] + piece + after[end:]
    try:
        is_right = parse_yaml(after) == changed(content, overrides)
    except yaml.YAMLError:
        is_right = False
    if not is_right:
        raise StrataError(
            f"params.yaml: cannot replace {' or '.join(replaced)} in its text; write its value on one line, without "
            "anchors (&) and aliases (*)"
        )
    return after


def _replacements(text: str, name: yaml.Node, node: yaml.Node, value: str) -> list[tuple[int, int, str]]:
    """Return what gives a key another value: the start and end of each part of the text, and what replaces it.

    name, node: of the key and of its value.
    """
    start, end = node.start_mark.index, _end(text, node)
    if start < end and not _is_block(node):
        return [(start, end, value)]
    colon = text.index(":", name.end_mark.index) + 1
    # the new value goes before a comment beside the colon
    removed = [(colon + len(text[colon:start].rstrip(SPACE)), end, "")] if _is_block(node) else []
    return [(colon, colon, f" {value}"), *removed]


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node.value, list) and not node.flow_style


def _end(text: str, node: yaml.Node) -> int:
    """Return where a value ends, without the comments that follow it."""
    if _is_block(node):
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    return max(node.start_mark.index, len(text[: node.end_mark.index].rstrip(SPACE)))


def _in_flow_style(value: Any) -> str:
    from ruamel.yaml import YAML  # writes what YAML 1.2 reads back; stages import this room, and write nothing

    writer, stream = YAML(typ="safe", pure=True), io.StringIO()
    writer.default_flow_style, writer.width = True, 10**6
    writer.sort_base_mapping_type_on_output = False
    writer.dump({"": value}, stream)
    return stream.getvalue().strip().removeprefix("{'': ").removesuffix("}")
