"""Checks before any compute: pairs, the shape of notebooks, and every study."""

import ast
import builtins
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipelines._notebooks import Cell, is_guide, notebook_folder, notebook_names, read_cells
from pipelines._pairing import check_pairs
from pipelines._study import load_study, studies_folder, study_problems
from shared.params import read_parameters
from shared.runs import UserError

_HEADER = ("**Question**", "**Inputs**", "**Outputs**", "**Cost**")
_LONGEST_CELL = 30
_IPYTHON = ("display", "get_ipython", "In", "Out", "_", "__", "exit", "quit", "__name__")
_CONTRACT = {"run_version", "upstream", "seed"}  # every notebook has them, also one that draws nothing at random


def check_everything(studies: Iterable[str] = ()) -> list[str]:
    """All complaints about pairs, notebooks and the named studies (default: all), an entry each."""
    names = list(studies) or [str(path) for path in sorted(studies_folder().glob("*.yaml"))]
    notebooks = [notebook_folder() / f"{name}.py" for name in notebook_names()]
    complaints = check_pairs() + [f"{path.name}: {p}" for path in notebooks for p in notebook_problems(path)]
    return complaints + [f"{Path(name).name}: {p}" for name in names for p in _study_complaints(name)]


def _study_complaints(name: str) -> list[str]:
    try:
        return study_problems(load_study(name))
    except UserError as error:
        return [str(error)]


def notebook_problems(path: Path) -> list[str]:
    """What a notebook does against its contract, a sentence each.

    Header lines, one annotated and commented parameters cell, `begin` and `finish`, findings, no `def` or
    `class`, no cell over 30 lines, no parameter that nothing uses, no name that nothing defines. A guide is no stage:
    it opens no run and has no findings.
    """
    cells = read_cells(path)
    try:
        parameters = read_parameters(path)
        trees = _trees(cells)
    except UserError as error:
        return [str(error)]
    guide = is_guide(path.stem)
    problems = _header_problems(cells) + _tag_problems(cells, ("parameters",) if guide else ("parameters", "findings"))
    bare = [name for name, parameter in parameters.items() if not parameter.comment]
    problems += [f"parameter '{name}' has no comment with its unit and legal values." for name in bare]
    problems += [p for cell, tree in trees.items() for p in _cell_problems(cell, tree)]
    problems += [] if guide else _call_problems(path.stem[4:], trees.values())
    return problems + _undefined(trees) + _idle(trees, parameters)


def undefined_names(path: Path) -> list[str]:
    """Names that no cell defines before they are used, a sentence each: the notebook is bound to fail there.

    Raises:
        UserError: a cell does not parse.
    """
    return [f"{path.name}: {problem}" for problem in _undefined(_trees(read_cells(path)))]


def _trees(cells: Iterable[Cell]) -> dict[Cell, ast.Module]:
    return {cell: _tree(cell) for cell in cells if cell.kind == "code"}


def _tree(cell: Cell) -> ast.Module:
    try:
        return ast.parse(cell.source)
    except SyntaxError:
        pass  # perhaps a magic command, which only IPython understands
    try:
        return ast.parse(re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", cell.source))
    except SyntaxError as error:
        raise UserError(f"line {cell.line + (error.lineno or 1) - 1}: the cell does not parse: {error.msg}.") from None


def _header_problems(cells: list[Cell]) -> list[str]:
    if not cells or cells[0].kind != "markdown" or not cells[0].source.startswith("# "):
        return ["it does not begin with a Markdown cell that holds a title (`# Verb ...`)."]
    return [f"the first cell has no line {line}." for line in _HEADER if line not in cells[0].source]


def _tag_problems(cells: list[Cell], tags: Iterable[str]) -> list[str]:
    problems = []
    for tag in tags:
        count = sum(tag in cell.tags for cell in cells)
        if count != 1:
            problems.append(f"{count} cells are tagged {tag}, expected one.")
    return problems


def _cell_problems(cell: Cell, tree: ast.Module) -> list[str]:
    problems = []
    if any(isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) for node in ast.walk(tree)):
        problems.append(f"line {cell.line}: a cell defines a function or class. Move it to shared/ and import it.")
    lines = sum(1 for line in cell.source.splitlines() if line.strip())
    is_list = "parameters" in cell.tags or all(isinstance(n, (ast.Import, ast.ImportFrom)) for n in tree.body)
    if lines > _LONGEST_CELL and not is_list:  # parameters and imports are lists, one a line: nobody reads them through
        problems.append(f"line {cell.line}: a cell has {lines} lines, at most {_LONGEST_CELL} are read with pleasure.")
    return problems


def _call_problems(stage: str, trees: Iterable[ast.Module]) -> list[str]:
    calls = [ast.unparse(node) for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    problems = []
    if not any(call.replace("'", '"').startswith(f'begin("{stage}", globals()') for call in calls):
        problems.append(f'no cell calls begin("{stage}", globals()).')
    if not any(call.endswith(".finish()") for call in calls):
        problems.append("no cell calls run.finish().")
    return problems


def _undefined(trees: Mapping[Cell, ast.Module]) -> list[str]:
    known = {*dir(builtins), *_IPYTHON}
    problems = []
    for cell, tree in trees.items():
        loaded, stored = _names(tree)
        unknown = [] if "*" in known | stored else sorted(loaded - known - stored)
        problems += [f"line {cell.line}: '{name}' is not defined by this cell or one above it." for name in unknown]
        known |= stored
    return problems


def _idle(trees: Mapping[Cell, ast.Module], parameters: Iterable[str]) -> list[str]:
    used = {name for cell, tree in trees.items() if "parameters" not in cell.tags for name in _names(tree)[0]}
    return [f"parameter '{name}' is not used by any cell." for name in parameters if name not in used | _CONTRACT]


def _names(tree: ast.Module) -> tuple[set[str], set[str]]:
    loaded: set[str] = set()
    stored: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (loaded if isinstance(node.ctx, ast.Load) else stored).add(node.id)
        elif isinstance(node, ast.alias):
            stored.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.arg):
            stored.add(node.arg)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            stored.add(node.name)
    return loaded, stored
