import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from playwright.sync_api import Page, sync_playwright

from pipelines._report import failure_page, grid_page, index_page, stage_page
from shared.figures import EMBEDDED, bars
from shared.runs import write_json, write_parquet

CHROMIUM = Path("/usr/bin/chromium")
ATTACK = "<script>window.attacked = true</script><img src=x onerror='window.attacked = true'>"
FRAME = '<iframe sandbox="allow-scripts" title="view" srcdoc="&lt;svg id=drawn&gt;&lt;/svg&gt;"></iframe>'


def display(data: dict[str, Any], **metadata: Any) -> nbformat.NotebookNode:
    return new_output("display_data", data=data, metadata=metadata)


def executed_notebook() -> nbformat.NotebookNode:
    notebook = cells_of_a_notebook()
    notebook.cells[-1].metadata["tags"] = ["findings"]
    return notebook


def cells_of_a_notebook() -> nbformat.NotebookNode:
    figure = bars(["a", ATTACK], [1.0, 2.0], x="calls (count)").update_layout(title_text="Calls")
    plot = display({"application/vnd.plotly.v1+json": json.loads(figure.to_json())})
    return new_notebook(
        cells=[
            new_markdown_cell("# Explore a corpus\n\n**Question** · How long are calls?\n\n**Cost** · seconds"),
            new_code_cell("x = 1", outputs=[new_output("stream", name="stderr", text="a warning\n")]),
            new_markdown_cell(r"## Lengths & limits" + "\n\nIt is $\\bar x = \\frac{1}{n}\\sum_i x_i$. " + ATTACK),
            new_code_cell("show()", outputs=[plot, display({"text/html": f"<table><td>{ATTACK}</td></table>"})]),
            new_code_cell("view()", outputs=[display({"text/html": FRAME}, **{EMBEDDED: {"height": 300}})]),
            new_code_cell("say()", outputs=[display({"text/markdown": f"Found **3**. {ATTACK}"})]),
        ]
    )  # fmt: skip


@pytest.fixture
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "110_explore.py").touch()
    monkeypatch.setenv("COLLOQUY_PROJECT", str(tmp_path))
    folder = tmp_path / "runs" / "v1" / "explore"
    folder.mkdir(parents=True)
    nbformat.write(executed_notebook(), folder / "notebook.ipynb")
    write_json(folder / "results.json", [{"name": "calls", "value": 300, "unit": "", "n": 300, "interval": [290, 310]}])
    write_json(folder / "manifest.json", {
        "stage": "explore", "version": "v1", "parameters": {"seed": 0}, "parameters_from": {"seed": "study"},
        "seed": 0, "inputs": [], "outputs": [{"path": "a.json", "digest": "ab", "bytes": 12}], "packages": {},
        "python": "3.11", "git": None, "device": "cpu", "finished": "2026-01-01", "wall_seconds": 12.0,
        "peak_memory_bytes": 1 << 28,
    })  # fmt: skip
    return folder


@pytest.fixture
def site(run_folder: Path, tmp_path: Path) -> Path:
    target = tmp_path / "reports" / "v1"
    stage_page(run_folder, target / "110_explore.html")
    study = {"name": "demo", "description": "Donation calls.", "status": {"explore": "done"}, "reason": {}}
    index_page(run_folder.parent, target, study)
    return target


def test_findings_come_first_and_code_is_folded(site: Path) -> None:
    page = (site / "110_explore.html").read_text(encoding="utf-8")
    assert page.index("Found <strong>3</strong>") < page.index("Lengths &amp; limits</h2>")
    assert '<details class="code">' in page
    assert "<math" in page
    assert "1 message line" in page


def test_the_index_says_what_was_asked_found_and_how_sure(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    for wanted in ("How long are calls?", "Found <strong>3</strong>", "290 – 310", "256 MiB", "12 s"):
        assert wanted in page


def test_one_file_mode_needs_nothing_beside_it(run_folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "single" / "report.html"
    stage_page(run_folder, target, one_file=True)
    assert [p.name for p in target.parent.iterdir()] == ["report.html"]
    assert 'src="assets' not in target.read_text(encoding="utf-8")


def test_a_failure_page_shows_cause_cell_and_parameters(run_folder: Path, tmp_path: Path) -> None:
    failure = {
        "stage": "explore", "heading": "Lengths", "source": "1 / 0", "message": "ZeroDivisionError: <b>",
        "parameters": {"seed": 0}, "likely_cause": "a division by zero", "peak_memory_bytes": 1 << 20,
    }  # fmt: skip
    write_json(run_folder / "failure.json", failure)
    failure_page(run_folder, tmp_path / "failed.html")
    page = (tmp_path / "failed.html").read_text(encoding="utf-8")
    assert "a division by zero" in page and "ZeroDivisionError: &lt;b&gt;" in page and "1 MiB" in page


def test_a_grid_page_links_every_combination(run_folder: Path, tmp_path: Path) -> None:
    import pandas as pd

    rows = {"combination": ["seed=0"], "status": ["done"], "link": ["grid/seed=0/index.html"], "a:accuracy": [0.5]}
    write_parquet(run_folder.parent / "grid" / "comparison.parquet", pd.DataFrame(rows))
    grid_page(run_folder.parent, tmp_path / "grid.html")
    page = (tmp_path / "grid.html").read_text(encoding="utf-8")
    assert 'href="grid/seed=0/index.html"' in page and "0.500" in page


def test_a_grid_page_begins_with_the_figures_that_differ_and_are_sure(run_folder: Path, tmp_path: Path) -> None:
    import pandas as pd

    rows = {
        "combination": ["s=0", "s=1"], "status": ["done"] * 2, "link": ["0", "1"], "a.seed": [0, 1], "a:n": [9, 9],
        "a:seconds": [1.5, 2.5], "a:accuracy": [0.5, 0.6], "a:accuracy [95 %]": ["0.4 – 0.6", "0.5 – 0.7"],
    }  # fmt: skip
    write_parquet(run_folder.parent / "grid" / "comparison.parquet", pd.DataFrame(rows))
    grid_page(run_folder.parent, tmp_path / "grid.html")
    table, _, folded = (tmp_path / "grid.html").read_text(encoding="utf-8").partition("</table>")
    assert 0 < table.index("accuracy") < table.index("seconds") and "a:n" not in table
    assert "1 figure the same in all combinations" in folded and "a:n 9" in folded


@pytest.fixture
def offline_page() -> Iterator[tuple[Page, list[str]]]:
    """A page of a real browser with the network off, and the list that collects its complaints."""
    if not CHROMIUM.exists():
        pytest.skip("Debian's chromium is not installed (apt-get install chromium)")
    quiet = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*quiet, "--disable-component-update"])
        context = browser.new_context(offline=True)
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda r: complaints.append(r.url) if r.url.startswith("http") else None)
        yield page, complaints
        browser.close()


@pytest.mark.browser
def test_in_a_browser_without_network_figures_are_drawn_and_data_stays_text(
    site: Path, offline_page: tuple[Page, list[str]]
) -> None:
    page, complaints = offline_page
    page.goto((site / "index.html").as_uri())
    page.fill("#search input", "lengths")
    assert page.locator("#hits a").inner_text() == "Explore a corpus · Lengths & limits"
    page.click("#hits a")
    page.wait_for_selector(".plot.drawn .bars path")
    assert page.frame_locator("iframe").locator("svg#drawn").count() == 1
    page.click("#theme")
    assert page.evaluate("window.attacked") is None
    assert complaints == []
