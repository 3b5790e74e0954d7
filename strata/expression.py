"""Expressions of `keep.where`: comparisons of a row's own values, and nothing that reads other rows or writes.

They are Python's, with `and`, `or`, `not` and `in` on whole columns, as in DataFrame.query. That evaluates anything:
files are written by it, a mean would be that of one batch of rows, and a missing text is unequal to all.
"""

import ast
import functools
import keyword
import re

import pandas as pd

METHODS = ("isin", "isna", "isnull", "notna", "notnull", "between", "abs")
TEXT_METHODS = ("startswith", "endswith", "contains", "match", "fullmatch", "len", "lower", "upper", "strip")
ALLOWED = (
    "columns, numbers, texts and lists, compared with == != < <= > >= in, joined by and, or, not, + - /, and the "
    f"methods {', '.join(METHODS)} and .str.{', .str.'.join(TEXT_METHODS)}"
)
_NODES = (ast.Expression, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Name, ast.List, ast.Tuple)
_NODES += (ast.boolop, ast.unaryop, ast.cmpop, ast.operator, ast.expr_context, ast.keyword)
# not * and %, which make a text of any length out of a short one, nor **
_OPERATORS = (ast.Add, ast.Sub, ast.Div, ast.FloorDiv)
_QUOTED = re.compile(r"""('{3}|"{3}|'|")(?:\\.|(?!\1)[^\\])*\1|`([^`]+)`|[&|]""", re.DOTALL)  # a text, a column, & or |


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


def named(expression: str, columns: list[str]) -> list[str]:
    """Return those of `columns` that an expression which is not refused names."""
    names = {node.id for node in ast.walk(_parse(expression)) if isinstance(node, ast.Name)}
    return [column for column in columns if _identifier(column) in names]


def evaluate(expression: str, columns: dict[str, pd.Series]) -> pd.Series:
    """Evaluate an expression that is not refused on columns of nullable types.

    Returns: (rows,) boolean; missing where a comparison with a missing value decides. Raises: whatever it raises.
    """
    tree = ast.fix_missing_locations(_OnColumns().visit(_parse(expression)))
    names = {_identifier(name): values for name, values in columns.items()}
    return eval(compile(tree, "keep.where", "eval"), {"__builtins__": {}, "_is_in": _is_in}, names)


def _parse(expression: str) -> ast.Expression:
    return ast.parse(_QUOTED.sub(_plain, expression).strip(), mode="eval")


def _plain(found: re.Match) -> str:
    """A column as an identifier, & and | as the words that bind like theirs in DataFrame.query, a text as it is."""
    return _identifier(found[2]) if found[2] else {"&": " and ", "|": " or "}.get(found[0], found[0])


def _identifier(name: str) -> str:
    plain = name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("_")
    return name if plain else "column_" + name.encode().hex()


def _is_allowed(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, _OPERATORS)
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str | int | float)
    if isinstance(node, ast.Compare):  # a column after in would be its values in one batch of rows
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
        given = [*node.args, *(argument.value for argument in node.keywords)]
        allowed = isinstance(node.func, ast.Attribute) and node.func.attr in METHODS + TEXT_METHODS
        return allowed and all(_is_constant(argument) for argument in given)
    if node.attr in TEXT_METHODS:
        return isinstance(node.value, ast.Attribute) and node.value.attr == "str"
    return node.attr in (*METHODS, "str")


def _is_constant(node: ast.AST) -> bool:
    return not any(isinstance(part, ast.Name | ast.Call | ast.Starred) for part in ast.walk(node))


def _is_in(column: pd.Series, values: list) -> pd.Series:
    return column.isin(values).astype("boolean").mask(column.isna())


class _OnColumns(ast.NodeTransformer):
    """Turns what Python does with one value into what pandas does with a column."""

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        operator = ast.BitAnd if isinstance(node.op, ast.And) else ast.BitOr
        return _joined([self.visit(value) for value in node.values], operator)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        return ast.UnaryOp(ast.Invert() if isinstance(node.op, ast.Not) else node.op, self.visit(node.operand))

    def visit_Call(self, node: ast.Call) -> ast.AST:
        node = self.generic_visit(node)
        if node.func.attr == "isin":  # pandas' own is false where the value is missing
            return ast.Call(ast.Name("_is_in", ast.Load()), [node.func.value, *node.args], node.keywords)
        return node

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
