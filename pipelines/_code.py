"""What code a notebook stands on: its own cells, the modules of `shared` behind its imports, and their packages.

Everything is read from syntax trees, imports inside functions included; nothing is imported. Comments, docstrings and
layout do not count, so tidying code does not repeat a training.
"""

import ast
import functools
import importlib.metadata
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pipelines._notebooks import read_cells
from shared.runs import digest_of, digest_of_text, project


class Code(NamedTuple):
    """What a notebook's result depends on besides its parameters and inputs.

    Attributes:
        notebook: digest of its code cells without the parameters cell, whose values count by themselves.
        modules: module of `shared` to its digest; a room's other files (templates, word lists) count as one entry.
        packages: installed distribution to version.
    """

    notebook: str
    modules: dict[str, str]
    packages: dict[str, str]


class _Module(NamedTuple):
    digest: str
    imports: frozenset[tuple[str, str]]  # (module, name in it); name "" = the module as a whole


def code_behind(notebook: Path) -> Code:
    """The code that a notebook stands on.

    Args:
        notebook: a py:percent file.
    """
    cells = [c.source for c in read_cells(notebook) if c.kind == "code" and "parameters" not in c.tags]
    trees = [_parsed(source) for source in cells]
    imports = {found for tree in trees if tree for found in _imports(tree, "")}
    files = _files_behind(imports)
    outside = imports.union(*(_module(path).imports for path in files.values()))
    modules = {name: _module(path).digest for name, path in files.items()}
    own = digest_of_text(
        "\n".join(_essence(tree) if tree else source for tree, source in zip(trees, cells, strict=True))
    )
    return Code(own, modules | _other_files(files), _packages(outside))


def _parsed(source: str) -> ast.Module | None:
    # A cell with a magic command (`%time`) is not Python: then its text counts as it is.
    try:
        return ast.parse(source)
    except SyntaxError:
        return None


def _essence(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and _has_docstring(node):
            node.body = node.body[1:]
    return ast.dump(tree)


def _has_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    first = node.body[0] if node.body else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


def _imports(tree: ast.AST, inside: str) -> Iterator[tuple[str, str]]:
    """Pairs (module, name); `inside` is the package that relative imports start from."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = ".".join([*_base(inside, node.level), *([node.module] if node.module else [])])
            yield from ((module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Call) and _is_import_by_name(node):
            yield (node.args[0].value, "")  # type: ignore[attr-defined]  # a constant text, as just checked


def _is_import_by_name(call: ast.Call) -> bool:
    name = ast.unparse(call.func).rpartition(".")[2]
    first = call.args[0] if call.args else None
    named = isinstance(first, ast.Constant) and isinstance(first.value, str)
    return named and name in ("import_module", "find_spec")


def _base(inside: str, level: int) -> list[str]:
    parts = inside.split(".") if level else []
    return parts[: len(parts) - level + 1]


@functools.cache
def _module(path: Path) -> _Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = ".".join(path.parent.relative_to(_shared_root()).parts)
    imports = frozenset(_imports(tree, inside))
    return _Module(digest_of_text(_essence(tree)), imports)


def _shared_root() -> Path:
    # A trial project (COLLOQUY_PROJECT) may bring its own notebooks and use the installed library.
    return project() if (project() / "shared").is_dir() else Path(__file__).resolve().parents[1]


def _files_behind(imports: Iterable[tuple[str, str]]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    waiting = list(imports)
    while waiting:
        for name, path in _resolve(*waiting.pop()):
            if name not in found:
                found[name] = path
                waiting += [] if path.name == "__init__.py" else _module(path).imports
    return dict(sorted(found.items()))


@functools.cache
def _resolve(module: str, name: str) -> tuple[tuple[str, Path], ...]:
    """The files of `shared` that `from module import name` needs.

    A room's `__init__` only re-exports, so a name leads to the module that defines it: a change elsewhere in the
    room does not count. `import shared.room` and a star need everything that the room exports.
    """
    if module.partition(".")[0] != "shared":
        return ()
    # `from shared.room import _module` names a file, not something that the room exports.
    submodule = _file_of(f"{module}.{name}") if name not in ("", "*") else None
    if submodule is not None:
        return _resolve(f"{module}.{name}", "")
    path = _file_of(module)
    if path is None:
        return ()
    if path.name != "__init__.py":
        return ((module, path),)
    exported = [(m, n) for m, n in _module(path).imports if name in ("", "*", n) and m.startswith("shared.")]
    if not exported:  # it comes into being some other way: then anything in the room may be behind it
        return tuple((f"{module}.{p.stem}", p) for p in sorted(path.parent.glob("*.py")))
    return tuple(file for m, n in exported for file in _resolve(m, n))


def _file_of(module: str) -> Path | None:
    base = _shared_root().joinpath(*module.split("."))
    candidates = [base.with_suffix(".py"), base / "__init__.py"]
    return next((path for path in candidates if path.is_file()), None)


def _other_files(files: dict[str, Path]) -> dict[str, str]:
    rooms = {path.parent for path in files.values() if path.parent != _shared_root() / "shared"}
    found = [p for room in sorted(rooms) for p in sorted(room.rglob("*")) if _is_data(p)]
    return {p.relative_to(_shared_root()).as_posix(): digest_of(p) for p in found}


def _is_data(path: Path) -> bool:
    return path.is_file() and path.suffix not in (".py", ".pyc") and not path.name.startswith(".")


def _packages(imports: Iterable[tuple[str, str]]) -> dict[str, str]:
    names = {module.partition(".")[0] for module, _ in imports} - sys.stdlib_module_names - {"shared", "pipelines", ""}
    distributions = {d for name in names for d in _distributions().get(name, ())}
    return {d: importlib.metadata.version(d) for d in sorted(distributions)}


@functools.cache
def _distributions() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())
