"""JupyterLab as `make lab` starts it, in a real browser: the start notebook, an edit, the report of a run by hand."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from pipelines._cli import main
from tests.pipelines.conftest import Toy

CHROMIUM = Path("/usr/bin/chromium")
PROJECT = Path(__file__).resolve().parents[2]
START = PROJECT / "notebooks" / "000_start.py"
PATIENCE = 240_000  # milliseconds; a machine that trains beside the tests is slow, not wrong

SLEEPY = """
import time
from shared.runs import home
time.sleep(0 if (home() / "awake").exists() else 600)
"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed (apt-get install chromium)"),
    pytest.mark.skipif(sys.platform != "linux", reason="drives Debian's chromium"),
]
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install playwright)")


class Lab(NamedTuple):
    """A running JupyterLab: its project and its address with the token."""

    toy: Toy
    address: str

    def at(self, notebook: str) -> str:
        """The address that opens a notebook in a workspace of its own."""
        where, _, token = self.address.partition("?")
        return (
            where.replace("/lab/tree/", "/lab/workspaces/test/tree/").replace("000_start", notebook) + f"?reset&{token}"
        )


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """`python -m pipelines lab` for a toy project that holds the real start notebook, also for a study that sleeps."""
    root = tmp_path_factory.mktemp("lab")
    toy = Toy(root)
    toy.chain()
    toy.notebook("030_sleepy", work=SLEEPY)
    toy.study("study: sleepy\nrun_version: sleepy\nstages: {sleepy: {}}", "sleepy")
    toy.notebook("110_explore", work="pass", parameters="corpus: str = 'sample'  # a file")
    for guide, study in (("000_start", "toy"), ("002_sleepy", "sleepy")):
        text = START.read_text(encoding="utf-8").replace('study: str = "demo"', f'study: str = "{study}"')
        (root / "notebooks" / f"{guide}.py").write_text(text, encoding="utf-8")
    with served(root) as address:
        yield Lab(toy, address)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The same for a copy of this project's own notebooks, studies and sample."""
    root = tmp_path_factory.mktemp("house")
    toy = Toy(root)
    for part in ("notebooks", "pipelines/studies", "data/sample"):
        shutil.copytree(PROJECT / part, root / part, dirs_exist_ok=True)
    with served(root) as address:
        yield Lab(toy, address)


@contextmanager
def served(root: Path) -> Iterator[str]:
    """A server for a project, while the block runs: its address with the token."""
    places = {"COLLOQUY_PROJECT": str(root), "COLLOQUY_HOME": str(root), "OMP_NUM_THREADS": "1"}
    places |= {name: str(root / ".jupyter") for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    places |= {f"JUPYTERLAB_{name}_DIR": str(root / ".lab" / name) for name in ("WORKSPACES", "SETTINGS")}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in places.items():
            patch.setenv(name, value)
        assert main(["pair"]) == 0
        with (root / "lab.log").open("w") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", "pipelines", "lab", "--no-browser", "--port", str(free_port())],
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            yield address_in(root / "lab.log", server)
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(60)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def address_in(log: Path, server: "subprocess.Popen[bytes]") -> str:
    """What a person would copy from the terminal."""
    found = until(
        lambda: re.search(r"http://127\.0\.0\.1:\d+/lab/tree/\S+\?token=\w+", log.read_text()) or server.poll()
    )
    assert isinstance(found, re.Match), log.read_text()
    return found[0]


def until(look: Callable[[], object]) -> object:
    """The first true thing that a look finds."""
    deadline = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.2)
    raise TimeoutError("it did not happen in time")


@pytest.fixture
def page() -> Iterator["sync_api.Page"]:
    """A page of a real browser."""
    quiet = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=quiet)
        page = browser.new_context(viewport={"width": 1400, "height": 1100}).new_page()
        page.set_default_timeout(PATIENCE)
        yield page
        browser.close()


def opened(page: "sync_api.Page", address: str) -> "sync_api.Locator":
    """A notebook in JupyterLab, with a kernel that is ready."""
    page.goto(address)
    panel = page.locator(".jp-NotebookPanel")
    panel.locator(".jp-CodeCell").first.wait_for()
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
    return panel


def start_all(page: "sync_api.Page", panel: "sync_api.Locator") -> None:
    """Menu Run > Run All Cells."""
    panel.locator(".jp-Notebook-cell").first.click()  # commands are for the notebook that has the focus
    page.wait_for_timeout(2000)  # JupyterLab tells no page when its commands are enabled
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()


def run_all(page: "sync_api.Page", panel: "sync_api.Locator", *, patience: int = PATIENCE) -> None:
    """Run all cells, and wait until the last code cell has its number."""
    start_all(page, panel)
    prompts = panel.locator(".jp-CodeCell .jp-InputPrompt")
    sync_api.expect(prompts.first).not_to_have_text("[ ]:", timeout=patience)
    sync_api.expect(prompts.last).to_have_text(re.compile(r"\[\d+\]"), timeout=patience)


def test_the_start_notebook_opens_as_a_notebook_runs_and_leads_to_the_report(lab: Lab, page: "sync_api.Page") -> None:
    panel = opened(page, lab.at("000_start"))
    run_all(page, panel)
    assert panel.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").all_inner_texts() == []
    assert panel.locator(".jp-OutputArea-output", has_text="Traceback").count() == 0
    run = panel.locator(".jp-CodeCell", has_text="run_study(").locator("table")
    assert [row.inner_text().split("\t")[:2] for row in run.locator("tbody tr").all()] == [
        ["first", "done"],
        ["second", "done"],
    ]
    with page.expect_popup() as popup:
        panel.get_by_role("link", name="The report").click()
    check_report(popup.value, lab)


def check_report(report: "sync_api.Page", lab: Lab) -> None:
    """The report is whole: style and scripts arrive, links lead on, and the server's own interface is out of reach."""
    report.wait_for_load_state("load")  # or the reload breaks the first request off, and that counts as failed
    failed: list[str] = []
    report.on("requestfailed", lambda request: failed.append(request.url))
    report.reload()
    report.get_by_role("link", name="Try first").first.click()
    report.wait_for_url("**/reports/v1/010_first.html")
    assert report.get_by_text("The answer is 4").count() == 1
    assert report.locator("body").evaluate("body => getComputedStyle(body).margin") == "0px"  # the style is ours
    assert failed == []
    assert report.evaluate("fetch('/api/contents').then(r => 'open', () => 'closed')") == "closed"


def test_a_report_needs_the_token(lab: Lab, page: "sync_api.Page") -> None:
    (lab.toy.root / "reports" / "v1").mkdir(parents=True, exist_ok=True)
    (lab.toy.root / "reports" / "v1" / "secret.html").write_text("what was said")
    page.goto(lab.address.partition("/lab/")[0] + "/reports/v1/secret.html")
    assert "/login" in page.url
    assert "what was said" not in page.content()


def test_a_parameter_edited_and_saved_is_seen_by_status_and_running_it_makes_a_report(
    lab: Lab, page: "sync_api.Page", monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLLOQUY_PROJECT", str(lab.toy.root))
    monkeypatch.setenv("COLLOQUY_HOME", str(lab.toy.root))
    assert main(["run", "toy", "--jobs", "1"]) == 0
    panel = opened(page, lab.at("010_first"))
    parameters = panel.locator(".jp-CodeCell").nth(1).locator(".cm-content")
    parameters.scroll_into_view_if_needed()
    sync_api.expect(parameters).to_contain_text("seed: int = 0", timeout=PATIENCE)  # cells are filled when they show
    text = parameters.inner_text().replace("seed: int = 0", "seed: int = 7").replace("count: int = 3", "count: int = 5")
    assert "seed: int = 7" in text
    parameters.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)
    run_all(page, panel)
    sync_api.expect(panel.get_by_role("link", name="its report")).to_be_visible()
    page.keyboard.press("Control+s")
    report = lab.toy.root / "reports" / "v0.1" / "010_first.html"  # the notebook's own run version
    until(report.exists)
    assert "The answer is 5" in report.read_text()
    assert "seed: int = 7" in (lab.toy.root / "notebooks" / "010_first.py").read_text()  # saved to both files
    capfd.readouterr()
    assert main(["status", "toy"]) == 0
    told = capfd.readouterr().out
    assert "first          stale" in told and "parameter seed: 0 → 7" in told


def test_a_restarted_kernel_ends_its_run_and_the_next_run_goes_on(lab: Lab, page: "sync_api.Page") -> None:
    panel = opened(page, lab.at("002_sleepy"))
    start_all(page, panel)
    run = panel.locator(".jp-CodeCell", has_text="run_study(")
    sync_api.expect(run.locator("tbody")).to_contain_text("running", timeout=PATIENCE)
    until(lambda: "pipelines._kernel" in str(processes("sleepy")))
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_text("Restart Kernel…", exact=True).click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    until(lambda: not processes("sleepy"))  # neither the run nor the stage's kernel is left
    (lab.toy.root / "awake").touch()
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
    run_all(page, panel)
    assert [row.inner_text().split("\t")[:2] for row in run.locator("tbody tr").all()] == [["sleepy", "done"]]


def processes(study: str) -> list[list[str]]:
    """Command lines of the run of a study, and of everything that it started."""
    # `process_iter` asks for names itself and leaves out those that end meanwhile.
    pythons = [p for p in psutil.process_iter(["name"]) if (p.info["name"] or "").startswith("python")]
    runs = [process for process in pythons if _command(process)[-2:] == ["run", study]]
    return [_command(process) for run in runs for process in (run, *_started_by(run))]


def _started_by(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:  # it ended meanwhile
        return []


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:  # it ended meanwhile
        return []


def set_parameters(page: "sync_api.Page", panel: "sync_api.Locator", values: dict[str, str]) -> None:
    """Change lines of the parameters cell as a person does: select it, and type."""
    cell = panel.locator(".jp-CodeCell", has_text="run_version: str").first.locator(".cm-content")
    cell.scroll_into_view_if_needed()
    sync_api.expect(cell).to_contain_text("seed: int = 0", timeout=PATIENCE)
    text = cell.inner_text()
    for name, value in values.items():
        text, n = re.subn(rf"(?m)^({name}: [^=]+= ).*$", lambda line, value=value: line[1] + value, text)
        assert n == 1, name
    cell.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def argument(page: Path, version: str) -> str:
    """What a page says to a reader: without code, provenance and the version's name."""
    text = page.read_text(encoding="utf-8").partition("<main>")[2].partition('<section class="provenance"')[0]
    folded = r'<details class="(?:code|messages)">.*?</details>|in \d+\.\d s'
    shown = re.sub(folded, "", text, flags=re.DOTALL).replace(version, "VERSION")
    return re.sub(r"(\d)\.0\b", r"\1", shown)  # a browser writes the 34.0 of a figure as 34


@pytest.mark.slow
def test_a_stage_with_another_parameter_gives_by_hand_the_report_that_a_study_gives(
    house: Lab, page: "sync_api.Page", monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"corpus": "data/sample/transcripts.csv", "kind": "transcripts", "seed": 3}
    panel = opened(page, house.at("110_explore"))
    set_parameters(page, panel, {name: repr(value) for name, value in (values | {"run_version": "by_hand"}).items()})
    run_all(page, panel)
    sync_api.expect(panel.get_by_role("link", name="its report")).to_be_visible()
    page.keyboard.press("Control+s")
    by_hand = house.toy.root / "reports" / "by_hand" / "110_explore.html"
    until(by_hand.exists)
    monkeypatch.setenv("COLLOQUY_PROJECT", str(house.toy.root))
    monkeypatch.setenv("COLLOQUY_HOME", str(house.toy.root))
    assignments = [part for name, value in values.items() for part in ("--set", f"explore.{name}={value}")]
    # The notebook was saved with the values above as its defaults, so the study has to be told its own version only.
    house.toy.study("study: headless\nrun_version: headless\nstages: {explore: {}}", "headless")
    assert main(["run", "headless", *assignments]) == 0
    headless = house.toy.root / "reports" / "headless" / "110_explore.html"
    assert argument(by_hand, "by_hand") == argument(headless, "headless")
    assert "360 conversations" in argument(by_hand, "by_hand")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_guide_for_ones_own_data_leads_from_a_csv_to_its_report(house: Lab, page: "sync_api.Page") -> None:
    panel = opened(page, house.at("001_your_data"))
    run_all(page, panel, patience=1_200_000)
    assert panel.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").all_inner_texts() == []
    assert panel.locator(".jp-OutputArea-output", has_text="Traceback").count() == 0
    with page.expect_popup() as popup:
        panel.get_by_role("link", name="The report").click()
    popup.value.get_by_role("link", name="Predict how conversations end").first.click()
    popup.value.wait_for_url("**/reports/your_data/130_classifier.html")
    assert popup.value.locator(".findings").inner_text().startswith("Findings")
