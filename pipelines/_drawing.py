"""Drawing a page whatever is in it: a page that cannot be drawn must not end a run whose results are sound."""

import html
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pipelines._hygiene import clean_page, private_texts
from pipelines._places import NOTEBOOK
from shared.runs import read_manifest, write_text

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title><link rel="stylesheet" href="assets/style.css">
<main class="index"><h1>{title}</h1>
<p>The results are complete and untouched; only this page is not. The executed notebook lies in
<code>{folder}</code> and opens in JupyterLab. Once the cause is mended, write the page again with
<code>python -m pipelines report &lt;study&gt;</code>.</p>
<p class="cause"><b>{problem}</b></p><pre class="error">{details}</pre>
<p><a href="index.html">All stages</a></p></main></html>
"""


def draw_stage(folder: Path, page: Path, values: Mapping[str, Any], *, one_file: bool = False) -> str:
    """Draw the page of a stage, from its executed notebook if it is complete, else from its failure.

    Args:
        folder: the stage's run folder.
        page: the HTML file.
        values: the stage's parameters; they say what must not be shown.
        one_file: put scripts and styles inside the page.

    Returns:
        What went wrong with the page, in one line; empty if nothing did.
    """
    from pipelines import _report  # plotly and its kind take half a second to import

    write = _report.stage_page if was_executed(folder) else _report.failure_page
    problem = draw(page, lambda: write(folder, page, one_file=one_file), source=str(folder))
    clean_page(page, private_texts(values))
    return problem


def was_executed(folder: Path) -> bool:
    """Whether a stage is complete and its executed notebook is there (executed by hand, only the person has it)."""
    return read_manifest(folder) is not None and (folder / NOTEBOOK).exists()


def draw(page: Path, drawing: Callable[[], None], *, source: str) -> str:
    """Draw a page; if that fails, write a plain page that says so.

    Args:
        page: the HTML file.
        drawing: writes it.
        source: where its content comes from, for the plain page, such as `runs/v1/explore`.

    Returns:
        What went wrong, in one line; empty if nothing did.
    """
    # A future keeps whatever was raised: no kind of content may be forgotten in a list of exceptions.
    with ThreadPoolExecutor(1) as pool:
        error = pool.submit(drawing).exception()
    if error is None:
        return ""
    problem = f"{type(error).__name__}: {error}".splitlines()[0]
    details = "".join(traceback.format_exception(error))
    texts = {"title": f"{page.stem} could not be drawn", "folder": source, "problem": problem, "details": details}
    write_text(page, _PAGE.format(**{name: html.escape(text) for name, text in texts.items()}))
    return problem
