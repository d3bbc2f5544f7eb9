"""Reading the parameters cell of a notebook through its syntax tree, without running it."""

import ast
import io
import json
import re
import tokenize
from pathlib import Path
from typing import Any, Literal, NamedTuple, Optional

from shared.params._user_error import UserError

_NAMES: dict[str, Any] = {
    "str": str, "int": int, "float": float, "bool": bool, "list": list, "dict": dict, "tuple": tuple,
    "Any": Any, "Literal": Literal, "Optional": Optional,
}  # fmt: skip
_ALLOWED_NODES = (
    ast.Expression, ast.Name, ast.Load, ast.Subscript, ast.Tuple, ast.Constant, ast.BinOp, ast.BitOr,
    ast.UnaryOp, ast.USub,
)  # fmt: skip
_CELL_MARKER = re.compile(r"^# %%(?P<header>.*)$")


class Parameter(NamedTuple):
    """One line of a parameters cell.

    Attributes:
        name: the Python name.
        annotation: the annotation as written, for instance `Literal["mean", "median"]`.
        type: the annotation as a Python type that pydantic can check.
        default: the literal value on the right-hand side.
        comment: the text behind `#` on that line: unit, meaning and legal values.
    """

    name: str
    annotation: str
    type: Any
    default: Any
    comment: str


def read_parameters(notebook: Path) -> dict[str, Parameter]:
    """The parameters that a notebook declares, in the order of its parameters cell.

    Args:
        notebook: a py:percent file or an .ipynb with one cell tagged `parameters`.

    Returns:
        Parameters by name; empty if the notebook has no parameters cell.

    Raises:
        UserError: the cell does not parse, or a line is not `name: annotation = literal`.
    """
    source = _parameters_cell(notebook)
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise UserError(
            f"{notebook.name}: the parameters cell does not parse (line {error.lineno}: {error.msg})."
        ) from None
    comments = _comments_by_line(source)
    return {p.name: p for p in (_parameter(node, comments, notebook.name) for node in tree.body)}


def _parameters_cell(notebook: Path) -> str:
    text = notebook.read_text(encoding="utf-8")
    if notebook.suffix == ".ipynb":
        tagged = [c for c in json.loads(text)["cells"] if "parameters" in c["metadata"].get("tags", [])]
        return "".join(tagged[0]["source"]) if tagged else ""
    return _tagged_percent_cell(text, "parameters")


def _tagged_percent_cell(text: str, tag: str) -> str:
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        marker = _CELL_MARKER.match(line)
        if marker and inside:
            break
        if marker:
            inside = f'"{tag}"' in marker["header"]
        elif inside:
            lines.append(line)
    return "\n".join(lines)


def _comments_by_line(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ").strip() for t in tokens if t.type == tokenize.COMMENT}


def _parameter(node: ast.stmt, comments: dict[int, str], notebook: str) -> Parameter:
    if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name) or node.value is None:
        raise UserError(
            f"{notebook}: line {node.lineno} of the parameters cell is `{ast.unparse(node)}`. "
            "Write every parameter as `name: annotation = literal  # unit, legal values`."
        )
    annotation = ast.unparse(node.annotation)
    return Parameter(
        name=node.target.id,
        annotation=annotation,
        type=_type_of(node.annotation, notebook, node.target.id),
        default=_literal(node.value, notebook, node.target.id),
        comment=comments.get(node.end_lineno or node.lineno, ""),
    )


def _type_of(annotation: ast.expr, notebook: str, name: str) -> Any:
    expression = ast.Expression(annotation)
    strange = [n for n in ast.walk(expression) if not isinstance(n, _ALLOWED_NODES)]
    unknown = [n.id for n in ast.walk(expression) if isinstance(n, ast.Name) and n.id not in _NAMES]
    if strange or unknown:
        raise UserError(
            f"{notebook}: the annotation of '{name}' is `{ast.unparse(annotation)}`. "
            f"Use {', '.join(sorted(_NAMES))}, `X | None` and combinations of them."
        )
    return eval(compile(expression, notebook, "eval"), {"__builtins__": {}}, _NAMES)  # names and subscripts only


def _literal(value: ast.expr, notebook: str, name: str) -> Any:
    try:
        return ast.literal_eval(value)
    except ValueError:
        raise UserError(
            f"{notebook}: the default of '{name}' is `{ast.unparse(value)}`, not a literal. "
            "Write the value itself; compute from it in a later cell."
        ) from None
