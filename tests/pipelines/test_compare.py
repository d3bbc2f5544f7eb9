import math
from collections.abc import Callable
from typing import Any

import pytest

from pipelines._compare import compared, interval_of_difference
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
    assert (both["only_first"], both["n_judged"], both["n_beyond"]) == (["second"], 1, 1)
    code, told = command("compare", "v1", "v2")
    page = done.root / "reports" / "_compare" / "v1--v2.html"
    assert code == 0 and str(page) in told and "beyond chance" in page.read_text(encoding="utf-8")


def test_a_run_that_is_not_there_is_told_with_those_that_are(done: Any, command: Callable[..., Any]) -> None:
    with pytest.raises(UserError, match=r"no run 'v9'.*Runs: v1"):
        compared("v1", "v9")
