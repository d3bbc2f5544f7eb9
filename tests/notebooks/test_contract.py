"""Every notebook keeps the house's contract, and says the same in both of its files."""

import ast
import statistics
from pathlib import Path

import pytest

from pipelines._check import notebook_problems
from pipelines._notebooks import is_guide, read_cells
from pipelines._pairing import PairState, complaint, pair_state

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("[0-9][0-9][0-9]_*.py"))


def by_name(path: Path) -> str:
    """Test ids that name the notebook."""
    return path.stem


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_name)
def test_a_notebook_keeps_the_contract(path: Path):
    assert notebook_problems(path) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_name)
def test_both_files_say_the_same(path: Path):
    state = pair_state(path)
    assert state is PairState.IN_STEP, complaint(path, state)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_name)
def test_a_notebook_is_short_code_between_prose(path: Path):
    cells = read_cells(path)
    code = [cell for cell in cells if cell.kind == "code"]
    lengths = [sum(1 for line in cell.source.splitlines() if line.strip()) for cell in code]
    assert statistics.median(lengths) <= 7
    assert len(cells) - len(code) >= 0.5 * len(code), "at least one Markdown cell for two code cells"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_name)
def test_a_notebook_names_its_sources_and_no_path_of_a_machine(path: Path):
    text = path.read_text(encoding="utf-8")
    assert "ource" in text, "a section or line with the sources of its methods"
    for machine in ("/home/", "/Users/", "/tmp/", "C:\\"):
        assert machine not in text


def test_every_stage_is_one_word_in_the_same_places():
    root = NOTEBOOKS[0].parents[1]
    for path in (path for path in NOTEBOOKS if not is_guide(path.stem)):
        stage = path.stem[4:]
        assert (root / "shared" / stage).is_dir() or (root / "shared" / stage).with_suffix(".py").is_file(), stage
        assert (root / "tests" / stage).is_dir(), stage


def test_imports_come_in_the_order_standard_library_others_shared():
    for path in NOTEBOOKS:
        first = next(c for c in read_cells(path) if c.kind == "code")
        modules = [node.module or "" for node in ast.parse(first.source).body if isinstance(node, ast.ImportFrom)]
        houses = [module.startswith("shared") for module in modules]
        assert houses == sorted(houses), f"{path.stem}: imports of shared come last"
