"""Pairs of notebooks: the .py is the truth, the .ipynb is generated from it, without outputs and always the same bytes.

Only content decides, never the time of a file. The .ipynb remembers the digests of the text it was generated from and
of its own cells, so an edit made in JupyterLab is told from one made in an editor, and neither is ever overwritten
silently.
"""

import difflib
import json
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Any

from pipelines._notebooks import Cell, cells_of, notebook_folder, notebook_names, notebook_path, read_cells
from shared.runs import UserError, digest_of_text, write_text

_FORMAT = {
    "extension": ".py",
    "format_name": "percent",
    "notebook_metadata_filter": "-all",  # no YAML header: it only tells versions, which change on every machine
    "cell_metadata_filter": "tags,-all",
}
_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class PairState(Enum):
    """How the two files of a notebook stand to each other."""

    IN_STEP = "in step"
    MISSING = "the .ipynb is missing"
    TEXT_EDITED = "the .py was edited"
    NOTEBOOK_EDITED = "the .ipynb was edited"
    BOTH_EDITED = "both files were edited"
    UNTIDY = "same cells, but the .ipynb holds outputs or metadata"


def pair_state(text_path: Path) -> PairState:
    """Compare the content of a notebook's two files.

    Args:
        text_path: the .py; its .ipynb lies beside it.
    """
    edited = edited_state(text_path)
    if edited is not PairState.IN_STEP:
        return edited
    same_bytes = text_path.with_suffix(".ipynb").read_text(encoding="utf-8") == _generated_file(text_path)
    return PairState.IN_STEP if same_bytes else PairState.UNTIDY


def edited_state(text_path: Path) -> PairState:
    """The same without a look at outputs and metadata; fast for a pair that nobody touched."""
    notebook_path = text_path.with_suffix(".ipynb")
    if not notebook_path.exists():
        return PairState.MISSING
    notebook, text = _load(notebook_path), text_path.read_text(encoding="utf-8")
    remembered = notebook["metadata"].get("colloquy", {})
    # JupyterLab keeps this metadata when it saves, and knows nothing of its meaning: that is what tells an edit.
    text_same = remembered.get("text") == digest_of_text(text)
    cells_same = remembered.get("cells") == _digest_of_cells(notebook)
    if (text_same and cells_same) or _same_content(text, notebook):
        return PairState.IN_STEP
    return _who_was_edited(text_same, cells_same)


def _who_was_edited(text_same: bool, cells_same: bool) -> PairState:
    if cells_same:
        return PairState.TEXT_EDITED
    return PairState.NOTEBOOK_EDITED if text_same else PairState.BOTH_EDITED


def pair(names: Iterable[str] = ()) -> list[str]:
    """Write the .ipynb of every notebook (or of the named ones) from its .py.

    Returns:
        A line for each file that was written.

    Raises:
        UserError: an .ipynb holds edits that its .py does not have; nothing of that pair is written.
    """
    written, refused = [], []
    for path in _chosen(names):
        state = pair_state(path)
        if state in (PairState.NOTEBOOK_EDITED, PairState.BOTH_EDITED):
            refused.append(complaint(path, state))
        elif state is not PairState.IN_STEP:
            written.append(f"{write_notebook(path).name}: written ({state.value})")
    if refused:
        raise UserError("\n\n".join([*written, *refused]))
    return written


def check_pairs(names: Iterable[str] = ()) -> list[str]:
    """What is wrong with the pairs: the differing cell and the mending command, an entry each; empty if nothing is."""
    states = [(path, pair_state(path)) for path in _chosen(names)]
    complaints = [complaint(path, state) for path, state in states if state is not PairState.IN_STEP]
    return complaints + ([] if names else _without_text())


def take_notebook(name: str) -> Path:
    """Write the .py from the .ipynb, for edits that were made in JupyterLab, and tidy the .ipynb.

    Raises:
        UserError: there is no such .ipynb.
    """
    source = notebook_folder() / f"{Path(name).stem}.ipynb"
    if not source.exists():
        source = notebook_path(name).with_suffix(".ipynb")
    if not source.exists():
        raise UserError(f"There is no {source}. Name an existing notebook, for instance 130_classifier.")
    text_path = source.with_suffix(".py")
    write_text(text_path, _text_of(_load(source)))
    write_notebook(text_path)
    return text_path


def write_notebook(text_path: Path) -> Path:
    """Write the .ipynb of one .py, whatever the .ipynb holds."""
    return write_text(text_path.with_suffix(".ipynb"), _generated_file(text_path))


def _generated_file(text_path: Path) -> str:
    import nbformat

    return str(nbformat.writes(generate(text_path.read_text(encoding="utf-8")))) + "\n"


def generate(text: str) -> Any:
    """The output-free notebook of a py:percent text; equal texts give equal notebooks, cell ids included.

    Returns:
        An `nbformat` notebook node, version 4.5.
    """
    import jupytext

    notebook = jupytext.reads(text, fmt="py:percent")
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell, identity in zip(notebook.cells, _stable_ids(notebook.cells), strict=True):
        cell["id"] = identity
        cell["metadata"] = {"tags": cell["metadata"]["tags"]} if "tags" in cell["metadata"] else {}
    digests = {"text": digest_of_text(text), "cells": _digest_of_cells(notebook)}
    notebook["metadata"] = {**_METADATA, "colloquy": digests}
    return notebook


def _stable_ids(cells: list[Any]) -> list[str]:
    # From the cell's own text, so that inserting a cell leaves the ids of all others as they are.
    seen: dict[str, int] = {}
    ids = []
    for cell in cells:
        digest = digest_of_text(cell["cell_type"] + cell["source"])[:12]
        seen[digest] = seen.get(digest, 0) + 1
        ids.append(digest if seen[digest] == 1 else f"{digest}-{seen[digest]}")
    return ids


def complaint(text_path: Path, state: PairState) -> str:
    """What is wrong with a pair, the first differing cell, and the commands that mend it."""
    name = text_path.stem
    take, regenerate = f"python -m pipelines pair --from-ipynb {name}", f"python -m pipelines pair --from-py {name}"
    remedies = {
        PairState.NOTEBOOK_EDITED: f"Keep the edit: {take}\nDrop it: {regenerate}",
        PairState.BOTH_EDITED: f"Keep the .ipynb: {take}\nKeep the .py: {regenerate}",
    }
    remedy = remedies.get(state, f"Mend it: python -m pipelines pair {name}")
    return "\n".join(line for line in (f"{name}: {state.value}.", _difference(text_path), remedy) if line)


def _difference(text_path: Path) -> str:
    notebook_file = text_path.with_suffix(".ipynb")
    if not notebook_file.exists():
        return ""
    ours = read_cells(text_path)
    theirs = cells_of(_text_of(_load(notebook_file)))
    differing = [i for i in range(max(len(ours), len(theirs))) if _content(ours, i) != _content(theirs, i)]
    if not differing:
        return ""
    first = differing[0]
    lines = difflib.unified_diff(
        _content(ours, first).splitlines(), _content(theirs, first).splitlines(), ".py", ".ipynb", lineterm="", n=1
    )
    return "\n".join(
        [f"First of {len(differing)} differing cell(s) is cell {first + 1}:", *("    " + x for x in lines)]
    )


def _content(cells: list[Cell], index: int) -> str:
    if index >= len(cells):
        return "(no such cell)"
    cell = cells[index]
    return "\n".join([f"[{cell.kind}{''.join(' ' + tag for tag in cell.tags)}]", cell.source])


def _same_content(text: str, notebook: dict[str, Any]) -> bool:
    import jupytext

    return _text_of(jupytext.reads(text, fmt="py:percent")) == _text_of(notebook)


def _text_of(notebook: Any) -> str:
    import jupytext
    import nbformat

    node = nbformat.from_dict({**notebook, "metadata": {}})
    return str(jupytext.writes(node, fmt=_FORMAT))


def _load(path: Path) -> dict[str, Any]:
    try:
        notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise UserError(
            f"{path.name} is not a notebook ({error}). Remove it and run: python -m pipelines pair"
        ) from None
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def _digest_of_cells(notebook: Any) -> str:
    cells = [[c["cell_type"], c["source"], c["metadata"].get("tags", [])] for c in notebook["cells"]]
    return digest_of_text(json.dumps(cells))


def _chosen(names: Iterable[str]) -> list[Path]:
    return [notebook_path(name) for name in names] or [notebook_folder() / f"{name}.py" for name in notebook_names()]


def _without_text() -> list[str]:
    texts = set(notebook_names())
    alone = [p.stem for p in sorted(notebook_folder().glob("[0-9][0-9][0-9]_*.ipynb")) if p.stem not in texts]
    return [f"{n}: there is no {n}.py. Make it: python -m pipelines pair --from-ipynb {n}" for n in alone]
