"""Tables of text and links, as HTML for JupyterLab and as plain text for everything else."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from pipelines._notebooks import notebook_folder
from shared.runs import REPORTS_URL, home, project

_COLOURS = {
    "done": "#1a7f4b", "up to date": "#1a7f4b", "running": "#0060a0", "stale": "#9a6700", "missing": "#5b6675",
    "waiting": "#5b6675", "failed": "#b3261e", "not run": "#9a6700",
}  # fmt: skip


def bundle(header: Sequence[str], rows: Iterable[Sequence[Any]], *, below: Any = "") -> dict[str, str]:
    """A table as a display bundle.

    Args:
        header: names of the columns.
        rows: cells; a text is escaped, `Markup` is kept.
        below: a line under the table.
    """
    kept = [list(row) for row in rows]
    lines = ["\t".join(_plain(cell) for cell in row) for row in [header, *kept]]
    return {"text/html": _html(header, kept, below), "text/plain": "\n".join([*lines, _plain(below)]).rstrip()}


def _html(header: Sequence[str], rows: Iterable[Sequence[Any]], below: Any) -> str:
    head = Markup("").join(Markup('<th style="text-align:left">{}</th>').format(name) for name in header)
    body = Markup("").join(Markup("<tr>{}</tr>").format(Markup("").join(_cell(cell) for cell in row)) for row in rows)
    under = Markup("<p>{}</p>").format(below) if below else Markup("")
    return str(Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>{}").format(head, body, under))


def _cell(content: Any) -> Markup:
    style = "text-align:left;vertical-align:top;white-space:normal;max-width:46em"
    return Markup('<td style="{}">{}</td>').format(style, content)


def _plain(content: Any) -> str:
    return Markup(content).striptags() if isinstance(content, Markup) else str(content)


def word(text: str) -> Markup:
    """The word for a state, in its colour."""
    return Markup('<b style="color:{}">{}</b>').format(_COLOURS.get(text, "inherit"), text)


def link(path: Path, text: str) -> Markup:
    """A link to a file of the project that works in JupyterLab; the path itself for a file from elsewhere."""
    address, reports = os.environ.get(REPORTS_URL), home() / "reports"
    if address and path.is_relative_to(reports):
        page = quote(path.relative_to(reports).as_posix())
        return Markup('<a href="{}{}" target="_blank">{}</a>').format(address, page, text)
    if not path.is_relative_to(project()):
        return Markup("{} ({})").format(text, path)
    return Markup('<a href="{}">{}</a>').format(Path(os.path.relpath(path, notebook_folder())).as_posix(), text)


def listed(items: Mapping[str, Any]) -> Markup:
    """`name: value` pairs on lines of their own."""
    return Markup("<br>").join(Markup("{}: {}").format(name, value) for name, value in items.items())
