import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from pipelines._compare import compared, interval_of_difference, write_comparison
from shared.runs import UserError, write_json


def figure(value: float, low: float | None, high: float | None) -> dict[str, Any]:
    return {"value": value, "interval": None if low is None else [low, high]}


def test_the_interval_of_a_difference_adds_the_squares_of_the_arms_that_point_away_from_each_other() -> None:
    # A 0.5 (0.4 to 0.6), B 0.8 (0.7 to 0.9): 0.3 plus or minus sqrt(0.1² + 0.1²) = 0.141
    low, high = interval_of_difference(figure(0.5, 0.4, 0.6), figure(0.8, 0.7, 0.9))
    assert (low, high) == pytest.approx((0.3 - math.sqrt(0.02), 0.3 + math.sqrt(0.02)))
    # Lopsided: down go B's lower arm (0.3) and A's upper (0.4), together 0.5; up B's upper (0) and A's lower (0).
    low, high = interval_of_difference(figure(0.5, 0.5, 0.9), figure(0.8, 0.5, 0.8))
    assert (low, high) == pytest.approx((0.3 - 0.5, 0.3))


def test_without_both_intervals_nothing_is_said_about_chance() -> None:
    assert interval_of_difference(figure(1, 0, 2), figure(1, None, None)) is None
    assert interval_of_difference(figure(1, 0, math.inf), figure(1, 0, 2)) is None


def recorded(done: Any, version: str, value: float, interval: list[float]) -> None:
    row = {"name": "answer", "value": value, "unit": "", "n": 50, "interval": interval}
    write_json(done.runs(version, "first", "results.json"), [row])


def test_a_run_beside_another_tells_parameters_and_figures_that_differ(done: Any, command: Callable[..., Any]) -> None:
    assert command("run", "toy", "--task", "first", "--run-version", "v2", "--set", "first.count=6")[0] == 0
    recorded(done, "v1", 0.5, [0.4, 0.6])
    recorded(done, "v2", 0.8, [0.7, 0.9])
    both = compared("v1", "v2")
    assert both["stages"][0]["parameters"] == [("count", 4, 6)]
    assert (both["only_first"], both["n_judged"]) == (["second"], 1)
    assert [(row["stage"], row["name"]) for row in both["beyond"]] == [("first", "answer")]
    code, told = command("compare", "v1", "v2")
    page = done.root / "reports" / "_compare" / "v1--v2.html"
    assert code == 0 and str(page) in told and "beyond chance" in page.read_text(encoding="utf-8")


def test_what_holds_for_every_stage_is_told_once_and_equal_stages_in_one_line(
    done: Any, command: Callable[..., Any]
) -> None:
    assert command("run", "toy", "--run-version", "v2", "--set", "second.factor=2.0")[0] == 0
    for stage in ("first", "second"):
        for version, revision in (("v1", "aaa"), ("v2", "bbb")):
            path = done.runs(version, stage, "manifest.json")
            write_json(path, json.loads(path.read_text(encoding="utf-8")) | {"git": revision})
    both = compared("v1", "v2")
    assert both["notes"] == ["They ran different revisions of the code."]
    assert [stage["stage"] for stage in both["stages"]] == ["second"]
    assert [stage["stage"] for stage in both["equal"]] == ["first"]
    page = write_comparison("v1", "v2").read_text(encoding="utf-8")
    assert page.count("different revisions") == 1 and "No parameter and no figure differs in" in page


def test_a_pair_has_one_page_in_the_order_that_was_asked_for_last(done: Any, command: Callable[..., Any]) -> None:
    assert command("run", "toy", "--run-version", "v2")[0] == 0
    folder = done.root / "reports" / "_compare"
    assert [page.name for page in folder.glob("*.html")] == ["v1--v2.html"]
    assert command("compare", "v2", "v1")[0] == 0
    assert command("run", "toy", "--run-version", "v2", "--force", "first")[0] == 0
    assert [page.name for page in folder.glob("*.html")] == ["v2--v1.html"]


def test_a_run_that_is_not_there_is_told_with_those_that_are(done: Any, command: Callable[..., Any]) -> None:
    with pytest.raises(UserError, match=r"no run 'v9'.*Runs: v1"):
        compared("v1", "v9")
