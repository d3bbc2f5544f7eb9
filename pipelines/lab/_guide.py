"""What each notebook answers and which parameters it has, read from the notebooks themselves."""

import re
from collections.abc import Iterable
from typing import Any

from IPython.display import display
from markupsafe import Markup

from pipelines._notebooks import Cell, notebook_path, read_cells, title_of
from pipelines.lab._table import bundle, link
from shared.params import Parameter, read_parameters
from shared.runs import notebook_of, stage_numbers

_LINE = r"\*\*{}\*\*\s*[:·]?\s*(.+?)(?:\n\s*\n|$)"


def show_questions() -> None:
    """Show of every stage what it does, which question it answers and what that costs, with a link to its notebook."""
    header = ["notebook", "does", "answers", "takes"]
    display(bundle(header, [_question_row(stage) for stage in stage_numbers()]), raw=True)


def _question_row(stage: str) -> list[Any]:
    cells = read_cells(notebook_of(stage))
    notebook = notebook_of(stage).with_suffix(".ipynb")
    return [link(notebook, notebook.stem), title_of(cells), header_line(cells, "Question"), header_line(cells, "Cost")]


def header_line(cells: Iterable[Cell], name: str) -> str:
    """A line of a notebook's header, such as its `**Question**`; an empty text if it has none."""
    header = next((cell.source for cell in cells if cell.kind == "markdown"), "")
    found = re.search(_LINE.format(name), header, flags=re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def show_parameters(notebook: str) -> None:
    """Show the parameters of a notebook: name, type, value as it stands in the notebook, and what it may be.

    Args:
        notebook: a stage such as `explore`, or a name such as `110_explore`.

    Raises:
        UserError: there is no such notebook.
    """
    path = notebook_path(notebook)
    rows = [_parameter_row(parameter) for parameter in read_parameters(path).values()]
    below = Markup("Change them in {}.").format(link(path.with_suffix(".ipynb"), path.stem))
    display(bundle(["parameter", "type", "value", "meaning"], rows, below=below), raw=True)


def _parameter_row(parameter: Parameter) -> list[Any]:
    name, value = (Markup("<code>{}</code>").format(text) for text in (parameter.name, repr(parameter.default)))
    return [name, parameter.annotation, value, parameter.comment]
