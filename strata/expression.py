"""The expressions of `keep.where`: comparisons of a row's own values.

They look like those of DataFrame.query, which is not used because it evaluates anything: an expression could write
files, a mean would be the mean of one batch of rows, and a missing text would be unequal to everything.

pandas is imported only for the type checker, since the settings call `refusal` from here.
"""

import ast
import functools
import keyword
import re
from typing import TYPE_CHECKING

from strata import patterns

if TYPE_CHECKING:
    import pandas as pd

METHODS = ("isin", "isna", "isnull", "notna", "notnull", "between", "abs")
PATTERN_METHODS = ("contains", "match", "fullmatch")
TEXT_METHODS = ("startswith", "endswith", "contains", "match", "fullmatch", "len", "lower", "upper", "strip")
ALLOWED = (
    "columns, numbers, texts and lists, compared with == != < <= > >= in, joined by and, or, not, + - /, and the "
    f"methods {', '.join(METHODS)} and .str.{', .str.'.join(TEXT_METHODS)}"
)
_NODES = (ast.Expression, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Name, ast.List, ast.Tuple)
_NODES += (ast.boolop, ast.unaryop, ast.cmpop, ast.operator, ast.expr_context, ast.keyword)
# * and % can make a text of any length from a short one, and ** a number of any size
_OPERATORS = (ast.Add, ast.Sub, ast.Div, ast.FloorDiv)
_QUOTED = re.compile(r"""('{3}|"{3}|'|")(?:\\.|(?!\1)[^\\])*\1|`([^`]+)`|[&|]""", re.DOTALL)  # text, column, & or |


def refusal(expression: str) -> str | None:
    """Return why an expression is refused, or None."""
    try:
        tree = _parse(expression)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return f"cannot be read as an expression; allowed: {ALLOWED}"
    for node in ast.walk(tree):
        if not _is_allowed(node):
            return f"{ast.unparse(node)!r} is not allowed; allowed: {ALLOWED}"
        if (pattern := _pattern(node)) is not None and (reason := patterns.refusal(pattern)):
            return reason
    return None


def columns_in(expression: str, columns: list[str]) -> list[str]:
    """Return which of `columns` an expression names. expression: one without a `refusal`."""
    names = {node.id for node in ast.walk(_parse(expression)) if isinstance(node, ast.Name)}
    return [column for column in columns if _identifier(column) in names]


def evaluate(expression: str, columns: dict[str, "pd.Series"]) -> "pd.Series":
    """Evaluate an expression on columns of nullable types. expression: one without a `refusal`.

    Returns: (rows,) boolean, missing where it depends on a comparison with a missing value.
    Raises: any exception of the expression's operators and methods.
    """
    tree = ast.fix_missing_locations(_ColumnOperators().visit(_parse(expression)))
    names = {_identifier(name): values for name, values in columns.items()}
    return eval(
        compile(tree, "keep.where", "eval"), {"__builtins__": {}, "_is_in": _is_in, "_matches": patterns.matches}, names
    )


def _parse(expression: str) -> ast.Expression:
    return ast.parse(_QUOTED.sub(_as_python, expression).strip(), mode="eval")


def _as_python(match: re.Match) -> str:
    """Return what Python reads for a match of _QUOTED.

    A column in backticks becomes an identifier; & and | become `and` and `or`, which have the precedence that
    DataFrame.query gives them; a quoted text stays as it is.
    """
    if match[2]:
        return _identifier(match[2])
    return " and " if match[0] == "&" else " or " if match[0] == "|" else match[0]


def term(name: str) -> str:
    """Return a column's name as an expression writes it: in backticks unless it is a plain word."""
    return name if _identifier(name) == name else f"`{name}`"


def _identifier(name: str) -> str:
    is_plain = name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("_")
    return name if is_plain else "column_" + name.encode().hex()


def _is_allowed(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, _OPERATORS)
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str | int | float)
    if isinstance(node, ast.Compare):  # a column after `in` would be the values of one batch of rows
        lists = [
            side for op, side in zip(node.ops, node.comparators, strict=True) if isinstance(op, ast.In | ast.NotIn)
        ]
        return all(isinstance(side, ast.List | ast.Tuple) and _is_constant(side) for side in lists)
    if isinstance(node, ast.Call | ast.Attribute):
        return _is_method(node)
    if isinstance(node, ast.Name):
        return not node.id.startswith("_")
    return isinstance(node, _NODES)


def _is_method(node: ast.Call | ast.Attribute) -> bool:
    if isinstance(node, ast.Call):
        arguments = [*node.args, *(argument.value for argument in node.keywords)]
        is_known = isinstance(node.func, ast.Attribute) and node.func.attr in METHODS + TEXT_METHODS
        return is_known and all(_is_constant(argument) for argument in arguments)
    if node.attr in TEXT_METHODS:
        return isinstance(node.value, ast.Attribute) and node.value.attr == "str"
    return node.attr in (*METHODS, "str")


def _pattern(node: ast.AST) -> str | None:
    """Return the regular expression that a call is given as a text, or None."""
    if not isinstance(node, ast.Call) or node.func.attr not in PATTERN_METHODS:
        return None
    named = {argument.arg: argument.value for argument in node.keywords}
    given = node.args[0] if node.args else named.get("pat")
    regex = named.get("regex", node.args[4] if len(node.args) > 4 else None)
    is_text = isinstance(given, ast.Constant) and isinstance(given.value, str)
    is_literal = node.func.attr == "contains" and isinstance(regex, ast.Constant) and regex.value is False
    return given.value if is_text and not is_literal else None


def _is_constant(node: ast.AST) -> bool:
    return not any(isinstance(part, ast.Name | ast.Call | ast.Starred) for part in ast.walk(node))


def _is_in(column: "pd.Series", values: list) -> "pd.Series":
    return column.isin(values).astype("boolean").mask(column.isna())


class _ColumnOperators(ast.NodeTransformer):
    """Replaces Python's operators on single values by pandas' operators on columns."""

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        operator = ast.BitAnd if isinstance(node.op, ast.And) else ast.BitOr
        return _joined([self.visit(value) for value in node.values], operator)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        return ast.UnaryOp(ast.Invert() if isinstance(node.op, ast.Not) else node.op, self.visit(node.operand))

    def visit_Call(self, node: ast.Call) -> ast.AST:
        node = self.generic_visit(node)
        if node.func.attr == "isin":  # pandas' own gives false for a missing value, not missing
            return ast.Call(ast.Name("_is_in", ast.Load()), [node.func.value, *node.args], node.keywords)
        if node.func.attr in PATTERN_METHODS:
            column, how = node.func.value.value, ast.Constant(node.func.attr)
            return ast.Call(ast.Name("_matches", ast.Load()), [column, how, *node.args], node.keywords)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        sides = [self.visit(side) for side in (node.left, *node.comparators)]
        comparisons = []
        for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
            if isinstance(operator, ast.In | ast.NotIn):
                is_in = ast.Call(ast.Name("_is_in", ast.Load()), [left, right], [])
                comparisons.append(is_in if isinstance(operator, ast.In) else ast.UnaryOp(ast.Invert(), is_in))
            else:
                comparisons.append(ast.Compare(left, [operator], [right]))
        return _joined(comparisons, ast.BitAnd)


def _joined(parts: list[ast.AST], operator: type[ast.operator]) -> ast.AST:
    return functools.reduce(lambda left, right: ast.BinOp(left, operator(), right), parts)
