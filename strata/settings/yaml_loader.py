"""YAML as DVC reads it (version 1.2), from files that may be hostile.

PyYAML's own safe loader follows YAML 1.1, where 3e-05 is a string and `no` is false. This one has the scalars of YAML
1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema) and no other types. It refuses keys that stand twice,
and bounds size, depth and what aliases expand to, before anything is built.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from strata.base.errors import StrataError

MOST_BYTES = 1_000_000
MOST_DEPTH = 20  # of lists and mappings in each other
MOST_VALUES = 100_000  # with every alias written out

_NULL, _BOOL = re.compile(r"~|null|Null|NULL|"), re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class _Loader(yaml.SafeLoader):
    """Builds None, booleans, numbers, strings, lists and mappings, and refuses every other tag."""

    yaml_implicit_resolvers = {}  # noqa: RUF012, PyYAML's own way
    yaml_constructors = {None: yaml.SafeLoader.construct_undefined}  # noqa: RUF012
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node:
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise yaml.MarkedYAMLError(
                problem=f"more than {MOST_DEPTH} lists and mappings in each other",
                problem_mark=self.peek_event().start_mark,
            )
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict:
        mapping = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str | int | float | bool | None):
                raise yaml.MarkedYAMLError(problem="a key must be a scalar", problem_mark=key_node.start_mark)
            if key in mapping:
                raise yaml.MarkedYAMLError(problem=f"the key {key!r} is given twice", problem_mark=key_node.start_mark)
            mapping[key] = self.construct_object(value_node, deep=deep)
        return mapping

    def construct_int(self, node: yaml.Node) -> int:
        digits = self.construct_scalar(node)
        base = {"0o": 8, "0x": 16}.get(digits[:2], 10)
        return int(digits, base)

    def construct_float(self, node: yaml.Node) -> float:
        digits = self.construct_scalar(node).lower()
        return float(digits.replace(".inf", "inf").replace(".nan", "nan"))

    def construct_bool(self, node: yaml.Node) -> bool:
        return self.construct_scalar(node).lower() == "true"


for _tag, _pattern, _first in (
    ("null", _NULL, ["~", "n", "N", ""]),
    ("bool", _BOOL, list("tTfF")),
    ("int", _INT, list("-+0123456789")),
    ("float", _FLOAT, list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern.pattern})\Z"), _first)
for _tag, _construct in (
    ("null", yaml.SafeLoader.construct_yaml_null),
    ("bool", _Loader.construct_bool),
    ("int", _Loader.construct_int),
    ("float", _Loader.construct_float),
    ("str", yaml.SafeLoader.construct_yaml_str),
    ("seq", yaml.SafeLoader.construct_yaml_seq),
    ("map", yaml.SafeLoader.construct_yaml_map),
):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _construct)


def parse_yaml(text: str) -> Any:
    """Return what one YAML document holds. Raises: yaml.YAMLError, ValueError."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check_expansion(node)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _check_expansion(root: yaml.Node) -> None:
    """Raise: yaml.MarkedYAMLError when aliases refer to themselves or write out to more than MOST_VALUES values."""
    sizes: dict[int, int | None] = {}  # of each node; None while its children are counted

    def size(node: yaml.Node) -> int:
        if id(node) in sizes:
            if sizes[id(node)] is None:
                raise yaml.MarkedYAMLError(problem="an alias refers to itself", problem_mark=node.start_mark)
            return sizes[id(node)]
        sizes[id(node)] = None
        children = [] if isinstance(node, yaml.ScalarNode) else node.value
        if isinstance(node, yaml.MappingNode):
            children = [part for pair in children for part in pair]
        sizes[id(node)] = 1 + sum(map(size, children))
        return sizes[id(node)]

    if size(root) > MOST_VALUES:
        raise yaml.MarkedYAMLError(
            problem=f"its aliases write out to more than {MOST_VALUES:,} values", problem_mark=root.start_mark
        )


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds. Raises: StrataError when it is missing, too large, or not valid."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise StrataError(f"{path}: larger than {MOST_BYTES:,} bytes; settings and recipes are a few kilobytes")
        return parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StrataError(f"{path}: no such file; paths are relative to the project's root") from None
    except UnicodeDecodeError as error:
        raise StrataError(f"{path}: not UTF-8: {error.reason} at byte {error.start}; save it as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise StrataError(f"{path}, line {line}: not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = " ".join(str(error).split())[:200]
        raise StrataError(f"{path}: not valid YAML: {said}") from None
