"""A safe YAML 1.2 loader for files that cannot be trusted; it reads what DVC reads.

DVC reads params.yaml and recipes too, by YAML 1.2, and one file must not mean two things. PyYAML's own loader follows
YAML 1.1, where `3e-05` is a string and `no` is false. This one has the scalars of YAML 1.2's core schema
(https://yaml.org/spec/1.2.2/#103-core-schema), with the underscores and binary integers that DVC's parser knows as
well, and no other type: a date stays the string that is written. It refuses a key that is given twice, and bounds size,
depth and what aliases expand to, before anything is built.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from strata.base.errors import StrataError

MOST_BYTES = 1_000_000
MOST_DEPTH = 20  # of lists and mappings in each other, every alias written out
MOST_VALUES = 100_000  # every alias written out
MOST_DIGITS = 100  # of a number
YAML_1_2 = (1, 2)

_LINE_BREAKS = re.compile("[\x85\u2028\u2029]")  # in YAML 1.1, which PyYAML scans by, and not in 1.2
_NUMBERS = "-+0123456789"
_PATTERNS = {
    "null": (r"~|null|Null|NULL|", ("~", "n", "N", "")),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "float": (
        r"[-+]?[0-9][0-9_]*\.[0-9_]*([eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+|"
        r"[-+]?\.[0-9_]+([eE][-+][0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        f"{_NUMBERS}.",
    ),
    "int": (r"[-+]?0b[01_]+|[-+]?0o?[0-7_]+|[-+]?[0-9_]+|[-+]?0x[0-9a-fA-F_]+", _NUMBERS),
}
"""A plain scalar's type by its spelling, in this order, and the characters that it may begin with."""


def _refusal(problem: str, node: yaml.Node | yaml.Event) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


class _Loader(yaml.SafeLoader):
    """Builds None, booleans, numbers, strings, lists and mappings, and refuses every other tag."""

    # its own, so that nothing which is registered with PyYAML's loaders reaches it
    yaml_implicit_resolvers = {}  # noqa: RUF012
    yaml_constructors = {None: yaml.SafeLoader.construct_undefined}  # noqa: RUF012
    yaml_multi_constructors = {}  # noqa: RUF012
    depth = 0

    def process_directives(self) -> tuple:
        token = self.peek_token()
        version, tags = super().process_directives()
        if self.yaml_version not in (None, YAML_1_2):
            raise _refusal("a %YAML directive of another version than 1.2; leave it out", token)
        return version, tags

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node:
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise _refusal(f"more than {MOST_DEPTH} lists and mappings in each other", self.peek_event())
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict:
        if not isinstance(node, yaml.MappingNode):
            raise _refusal("the tag !!map on something that is no mapping", node)
        mapping = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _refusal("a key is a list or a mapping; write a string", key_node)
            if key_node.value == "<<" and key_node.style is None:
                raise _refusal("a merge key, <<, is not read; write its keys out", key_node)
            key = self.construct_object(key_node, deep=True)
            if key in mapping:
                raise _refusal(f"the key {key!r} is given twice", key_node)
            mapping[key] = self.construct_object(value_node, deep=deep)
        return mapping

    def scalar(self, node: yaml.Node, kind: str) -> str:
        """Return a node's text, without the underscores of a number, where its tag is true of it."""
        text = self.construct_scalar(node)
        if not re.fullmatch(_PATTERNS[kind][0], text):
            raise _refusal(f"{text[:60]!r} has the tag !!{kind}, but is not one", node)
        if len(text) > MOST_DIGITS:
            raise _refusal(f"a number of more than {MOST_DIGITS} digits; as a string, quote it", node)
        return text if kind in ("null", "bool") else text.replace("_", "").lower()

    def construct_null(self, node: yaml.Node) -> None:
        self.scalar(node, "null")

    def construct_bool(self, node: yaml.Node) -> bool:
        return self.scalar(node, "bool").lower() == "true"

    def construct_int(self, node: yaml.Node) -> int:
        text = self.scalar(node, "int")
        base = {"0b": 2, "0o": 8, "0x": 16}.get(text.lstrip("-+")[:2], 10)
        try:
            return int(text, base)
        except ValueError:
            raise _refusal(f"{node.value!r} looks like a number, but is not one; quote it", node) from None

    def construct_float(self, node: yaml.Node) -> float:
        text = self.scalar(node, "float")
        try:
            return float(text.replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError:
            raise _refusal(f"{node.value!r} looks like a number, but is not one; quote it", node) from None


for _kind, (_pattern, _first) in _PATTERNS.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(rf"(?:{_pattern})\Z"), list(_first))
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", getattr(_Loader, f"construct_{_kind}"))
for _kind in ("str", "seq", "map"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", getattr(yaml.SafeLoader, f"construct_yaml_{_kind}"))


def parse_yaml(text: str) -> Any:
    """Return what one YAML document holds. Raises: yaml.YAMLError, with the line where there is one."""
    if odd := _LINE_BREAKS.search(text):
        escaped = odd.group().encode("unicode_escape").decode()
        mark = yaml.Mark("", odd.start(), text.count("\n", 0, odd.start()), 0, None, None)
        raise yaml.MarkedYAMLError(
            problem=f'the character {escaped}; write it so, in "double quotes"', problem_mark=mark
        )
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        mark = yaml.Mark("", error.position, text.count("\n", 0, error.position), 0, None, None)
        problem = f"the control character {ord(text[error.position]):#04x}; remove it"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark) from None
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check_expansion(node)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def compose_yaml(text: str) -> yaml.Node:
    """Return the nodes of one YAML document, which say where in the text each key and value stands."""
    return yaml.compose(text, Loader=_Loader)


def _check_expansion(root: yaml.Node) -> None:
    """Bound what aliases write out to. Raises: yaml.MarkedYAMLError beyond MOST_VALUES, MOST_DEPTH, or without end."""
    extents: dict[int, tuple[int, int] | None] = {}  # values and depth of each node; None while they are counted

    def extent(node: yaml.Node) -> tuple[int, int]:
        known = extents.setdefault(id(node), None)
        if known:
            return known
        children = [] if isinstance(node, yaml.ScalarNode) else node.value
        if isinstance(node, yaml.MappingNode):
            children = [part for pair in children for part in pair]
        values, depth = 1, 0
        for child in children:
            if extents.get(id(child), ()) is None:
                raise _refusal("an alias refers to what it is part of", child)
            child_values, child_depth = extent(child)
            values, depth = values + child_values, max(depth, child_depth)
        if values > MOST_VALUES or depth + 1 > MOST_DEPTH:
            raise _refusal(
                f"its aliases write out to more than {MOST_VALUES:,} values, or to more than {MOST_DEPTH} lists and "
                "mappings in each other",
                node,
            )
        extents[id(node)] = (values, depth + 1)
        return extents[id(node)]

    extent(root)


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds. Raises: StrataError when it is missing, too large, or not valid."""
    if not path.exists():
        raise StrataError(f"{path}: no such file; run this in the project's folder, or name the project's file")
    if not path.is_file():
        raise StrataError(f"{path}: not a file; write the settings into a file of that name")
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise StrataError(f"{path}: larger than {MOST_BYTES:,} bytes; settings and recipes are a few kilobytes")
    return parse_bytes(content, str(path))


def parse_bytes(content: bytes, name: str) -> Any:
    """Return what the bytes of a YAML file hold. name: of the file, for errors. Raises: StrataError when not valid."""
    try:
        return parse_yaml(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise StrataError(f"{name}, line {line}: not UTF-8 ({error.reason}); save it as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        problem = ", ".join(filter(None, [error.context, error.problem]))
        raise StrataError(f"{name}{line}: not valid YAML: {problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise StrataError(f"{name}: not valid YAML: {' '.join(str(error).split())[:200]}") from None
