"""Which recorded values belong to a cell, read from its code: a page shows them where the cell shows nothing itself."""

import ast
import re
from collections.abc import Iterable, Mapping
from typing import Any

_FEWEST_LETTERS = 3  # that a name put together at run time must say for certain


def recorded_in(codes: Iterable[str], results: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows of `results.json` that calls of `record` in some cells wrote.

    Args:
        codes: the cells' sources; names that are put together at run time are matched by what is certain in them.
        results: rows of `results.json`.

    Returns:
        Rows in their order; without those whose name only the run knew.
    """
    patterns = [pattern for code in codes for name in _names(code) if (pattern := _pattern(name))]
    return [row for row in results if any(pattern.fullmatch(row["name"]) for pattern in patterns)]


def _names(code: str) -> list[ast.expr]:
    """What stands for a name in the calls of `record`; for a variable, every text of the cell may be its value."""
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except SyntaxError:  # a command of IPython, in a notebook that was executed by hand
        return []
    calls = [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args]
    names = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "record"]
    texts = [node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [*names, *texts] if any(isinstance(name, ast.Name) for name in names) else names


def _pattern(name: ast.expr) -> re.Pattern[str] | None:
    parts = name.values if isinstance(name, ast.JoinedStr) else [name]
    certain = [part.value if isinstance(part, ast.Constant) else None for part in parts]
    if sum(len(str(text)) for text in certain if text is not None) < _FEWEST_LETTERS:
        return None
    return re.compile("".join(".+" if text is None else re.escape(str(text)) for text in certain))
