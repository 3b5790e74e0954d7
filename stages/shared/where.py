"""Expressions of `keep.where`: comparisons of a row's own values, and nothing that reads other rows or writes.

They are Python's, with `and`, `or`, `not` and `in` on whole columns, as in DataFrame.query. That evaluates anything:
files are written by it, a mean would be that of one batch of rows, and a missing text is unequal to all.
"""

import ast
import functools
import re

import pandas as pd

METHODS = ("isin", "isna", "isnull", "notna", "notnull", "between", "abs")
TEXT_METHODS = ("startswith", "endswith", "contains", "match", "fullmatch", "len", "lower", "upper", "strip")
ALLOWED = (
    "columns, numbers, texts and lists, compared with == != < <= > >= in, joined by and, or, not, + - /, and the "
    f"methods {', '.join(METHODS)} and .str.{', .str.'.join(TEXT_METHODS)}"
)
_NODES = (ast.Expression, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Name, ast.Constant, ast.List, ast.Tuple)
_NODES += (ast.boolop, ast.unaryop, ast.cmpop, ast.expr_context, ast.keyword)
# not * and %, which make a text of any length out of a short one, nor **
_OPERATORS = (ast.Add, ast.Sub, ast.Div, ast.FloorDiv, ast.BitAnd, ast.BitOr)
_QUOTED = re.compile(r"`([^`]*)`")  # a column whose name is no identifier


def refusal(expression: str) -> str | None:
    """Return why an expression is refused, or None."""
    try:
        tree = _parse(expression)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return f"cannot be read as an expression; allowed: {ALLOWED}"
    for node in ast.walk(tree):
        if not _is_allowed(node):
            return f"{ast.unparse(node)!r} is not allowed; allowed: {ALLOWED}"
    return None


def evaluate(expression: str, columns: dict[str, pd.Series]) -> pd.Series:
    """Evaluate an expression that is not refused on columns of nullable types.

    Returns: (rows,) boolean; missing where a comparison with a missing value decides. Raises: whatever it raises.
    """
    tree = ast.fix_missing_locations(_OnColumns().visit(_parse(expression)))
    names = {_identifier(name): values for name, values in columns.items()}
    return eval(compile(tree, "keep.where", "eval"), {"__builtins__": {}, "_is_in": _is_in}, names)


def _parse(expression: str) -> ast.Expression:
    return ast.parse(_QUOTED.sub(lambda match: _identifier(match[1]), expression).strip(), mode="eval")


def _identifier(name: str) -> str:
    return name if name.isidentifier() else "column_" + name.encode().hex()


def _is_allowed(node: ast.AST) -> bool:
    if isinstance(node, ast.operator):
        return isinstance(node, _OPERATORS)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.attr in METHODS + TEXT_METHODS
    if isinstance(node, ast.Attribute):
        if node.attr in TEXT_METHODS:
            return isinstance(node.value, ast.Attribute) and node.value.attr == "str"
        return node.attr in (*METHODS, "str")
    if isinstance(node, ast.Name):
        return not node.id.startswith("_")
    return isinstance(node, _NODES)


def _is_in(values: pd.Series, wanted: list) -> pd.Series:
    return values.isin(wanted).astype("boolean").mask(values.isna())


class _OnColumns(ast.NodeTransformer):
    """Turns what Python does with one value into what pandas does with a column."""

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        operator = ast.BitAnd if isinstance(node.op, ast.And) else ast.BitOr
        return _joined([self.visit(value) for value in node.values], operator)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        return ast.UnaryOp(ast.Invert() if isinstance(node.op, ast.Not) else node.op, self.visit(node.operand))

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        sides = [self.visit(side) for side in (node.left, *node.comparators)]
        compared = []
        for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
            if isinstance(operator, ast.In | ast.NotIn):
                found = ast.Call(ast.Name("_is_in", ast.Load()), [left, right], [])
                compared.append(found if isinstance(operator, ast.In) else ast.UnaryOp(ast.Invert(), found))
            else:
                compared.append(ast.Compare(left, [operator], [right]))
        return _joined(compared, ast.BitAnd)


def _joined(parts: list[ast.AST], operator: type[ast.operator]) -> ast.AST:
    return functools.reduce(lambda left, right: ast.BinOp(left, operator(), right), parts)
