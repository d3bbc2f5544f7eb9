"""Notebooks as text: the cells of a py:percent file, read without starting anything."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

from shared.runs import UserError, digest_of_text, project

_MARKER = re.compile(r"^# %%(?: \[(?P<kind>\w+)\])?(?P<rest>.*)$")
_TAGS = re.compile(r"tags=(\[[^\]]*\])")


class Cell(NamedTuple):
    """One cell of a notebook.

    Attributes:
        kind: `markdown` or `code`.
        tags: for instance `("parameters",)`.
        source: the text as a reader sees it (markdown without the leading `# `).
        line: 1-based line of its first line of text in the .py file.
    """

    kind: str
    tags: tuple[str, ...]
    source: str
    line: int


def notebook_folder() -> Path:
    """The folder that holds the notebooks."""
    return project() / "notebooks"


def notebook_names() -> list[str]:
    """Names such as `130_classifier` of every notebook, in ascending order, guides such as `000_start` included."""
    return sorted(path.stem for path in notebook_folder().glob("[0-9][0-9][0-9]_*.py"))


def is_guide(name: str) -> bool:
    """Whether a notebook such as `000_start` leads through the house; it is no stage and belongs to no run."""
    return name.startswith("00")


def notebook_path(name: str) -> Path:
    """The .py of a notebook named by stage, by number and stage, or by a path to either file of its pair.

    Raises:
        UserError: there is no such notebook.
    """
    wanted = Path(name).stem
    for known in notebook_names():
        if wanted in (known, known[4:]):
            return notebook_folder() / f"{known}.py"
    raise UserError(f"There is no notebook '{name}' in {notebook_folder()}. Known: {', '.join(notebook_names())}.")


def read_cells(path: Path) -> list[Cell]:
    """The cells of a py:percent notebook in order."""
    return cells_of(path.read_text(encoding="utf-8"))


def cells_of(text: str) -> list[Cell]:
    """The cells of a py:percent text in order."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if _MARKER.match(line)]
    return [_cell(lines, start, end) for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]


def _cell(lines: list[str], start: int, end: int) -> Cell:
    marker = _MARKER.match(lines[start])
    assert marker is not None  # `start` was chosen by this pattern
    tags = _TAGS.search(marker["rest"])
    kind = "markdown" if marker["kind"] in ("markdown", "md") else "code"
    body = "\n".join(lines[start + 1 : end]).strip("\n")
    source = re.sub(r"(?m)^# ?", "", body) if kind == "markdown" else body
    return Cell(kind, tuple(ast.literal_eval(tags[1])) if tags else (), source, start + 2)


def text_digest(path: Path) -> str:
    """Digest of a notebook's whole text, prose and comments included."""
    return digest_of_text(path.read_text(encoding="utf-8"))


def heading_of(source: str) -> str | None:
    """The last Markdown heading in a cell, without its hashes; None if there is none."""
    headings = re.findall(r"(?m)^#+ +(.+?)\s*$", source)
    return headings[-1] if headings else None


def title_of(cells: list[Cell]) -> str:
    """The notebook's title, or an empty text."""
    return next((h for c in cells if c.kind == "markdown" and (h := heading_of(c.source.split("\n")[0]))), "")
