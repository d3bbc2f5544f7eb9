from pathlib import Path
from typing import Any

import pytest

from shared.params import Parameter, check_values, coerce, normalise, read_parameters

CELL = """# %% tags=["parameters"]
epochs: int = 3  # passes over train, in [1, 100]
rate: float = 0.1  # step size, in (0, 1]
method: Literal["mean", "median"] = "mean"  # how rows are merged
names: list[str] = []  # stages
columns: dict[str, str] = {}  # new name by old name
target: str | None = None  # column
"""


@pytest.fixture
def declared(tmp_path: Path) -> dict[str, Parameter]:
    path = tmp_path / "130_toy.py"
    path.write_text(CELL, encoding="utf-8")
    return read_parameters(path)


def test_every_problem_is_reported_at_once_with_a_suggestion(declared: dict[str, Parameter]) -> None:
    problems = check_values(declared, {"epoch": 3, "epochs": "three", "method": "mode", "rate": 0.0})
    assert len(problems) == 4
    assert "Did you mean 'epochs'?" in problems[0]
    assert "'three' (str), expected int" in problems[1]
    assert "Literal['mean', 'median']" in problems[2]
    assert "in (0, 1]" in problems[3]


@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", True), ("epochs", 3.0), ("epochs", 0), ("names", ["a", 1]), ("target", 4), ("rate", float("nan"))],
)
def test_wrong_types_and_values_out_of_range_are_problems(
    declared: dict[str, Parameter], name: str, value: Any
) -> None:
    assert len(check_values(declared, {name: value})) == 1


@pytest.mark.parametrize(
    ("name", "value"), [("epochs", 100), ("rate", 1), ("target", None), ("names", []), ("columns", {"a": "b"})]
)
def test_legal_values_are_no_problem(declared: dict[str, Parameter], name: str, value: Any) -> None:
    assert check_values(declared, {name: value}) == []


@pytest.mark.parametrize(
    ("name", "text", "meant"),
    [
        ("epochs", "7", 7),
        ("rate", "1e-4", 1e-4),  # YAML 1.1 alone reads this as a string
        ("names", "[a, b]", ["a", "b"]),
        ("columns", "{outcome: result}", {"outcome": "result"}),
        ("target", "a=b", "a=b"),
        ("target", "null", None),
        ("method", "median", "median"),
    ],
)
def test_command_line_text_means_what_the_annotation_asks_for(
    declared: dict[str, Parameter], name: str, text: str, meant: Any
) -> None:
    assert coerce(declared[name], text) == meant


def test_a_number_that_yaml_left_as_text_becomes_a_number(declared: dict[str, Parameter]) -> None:
    assert normalise(declared["rate"], "1e-4") == 1e-4
    assert normalise(declared["target"], "1e-4") == "1e-4"
