"""The guide for one's own data runs from its CSV to a report, and shows the errors that it promises."""

import json
from pathlib import Path

import papermill
import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder in which the guide was executed, with the notebook in it."""
    home = tmp_path_factory.mktemp("guide")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLLOQUY_HOME", str(home))
        papermill.execute_notebook(
            str(ROOT / "notebooks" / "001_your_data.ipynb"), str(home / "executed.ipynb"),
            parameters={"folder": str(home / "mine"), "conversations": 60}, progress_bar=False,
        )  # fmt: skip
    return home


@pytest.mark.parametrize(
    "message",
    [
        "There is no file cals.csv. Did you mean 'calls.csv'?",
        "columns 'conversation_id', 'text' are missing",
        "columns: {conversation_id: Call no, text: What was said}",
        "role 'Fundraiser' is unknown",
        "set `encoding`, for instance cp1252",
        "has a turn 3 already",
        "more than max_rejected_fraction = 0.0",
        "'epoch' is not a parameter. Did you mean 'epochs'?",
        "A classifier needs two outcomes",
    ],
)
def test_the_errors_that_people_meet_are_shown_with_their_remedy(executed: Path, message: str):
    cells = json.loads((executed / "executed.ipynb").read_text(encoding="utf-8"))["cells"]
    shown = json.dumps([cell.get("outputs", []) for cell in cells])
    assert json.dumps(message)[1:-1] in shown


def test_it_ends_with_a_redacted_report_of_both_stages(executed: Path):
    page = (executed / "reports" / "your_data" / "110_explore.html").read_text(encoding="utf-8")
    assert "[PERSON_" in page and "José" not in page
    assert (executed / "reports" / "your_data" / "130_classifier.html").exists()
    assert (executed / "reports" / "your_data" / "index.html").exists()
