"""Recorded values: the numbers a stage stands by, and sentences printed from exactly those numbers."""

import html
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from shared.params import UserError

_LONGEST_CELL = 200  # characters of a text in a displayed table


@dataclass(frozen=True)
class Recorded:
    """One line of `results.json`: value with unit, number of units behind it and interval (same unit)."""

    name: str
    value: float | str
    unit: str = ""
    n: int | None = None
    interval: tuple[float, float] | None = None

    def __format__(self, spec: str) -> str:
        if spec == "share":
            return self._as_percentage()
        unscored = isinstance(self.value, float) and math.isnan(self.value)
        return format(self.value, spec) if spec and not unscored else self._in_words()

    def _in_words(self) -> str:
        return self._written(rounded, f" {self.unit}" if self.unit else "")

    def _as_percentage(self) -> str:
        return self._written(lambda share: f"{100 * share:.1f}", " %")

    def _written(self, number: Callable[[float], str], unit: str) -> str:
        if isinstance(self.value, str):
            return self.value
        if math.isnan(self.value):
            return "not scored"
        details = [f"95 % interval {number(self.interval[0])} to {number(self.interval[1])}"] if self.interval else []
        details += [f"n = {self.n:,}"] if self.n is not None else []
        return f"{number(self.value)}{unit}" + (f" ({', '.join(details)})" if details else "")


def rounded(value: float) -> str:
    """A number as people write it: three digits, whole numbers in full, three decimals below 1.

    Args:
        value: finite or not; NaN is written `nan`.
    """
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    size = abs(value)
    if 0.001 <= size < 1000:
        return f"{value:.{3 if size < 1 else 2 if size < 10 else 1}f}"
    return f"{value:,.0f}" if 1000 <= size < 1e7 else f"{value:.3g}"


def show_tables_like_sentences() -> None:
    """Make tables under the cells of a notebook show numbers as `say` does, and texts whole up to 200 characters.

    Only the look of a displayed table changes; a script or a test without cells is left alone.
    """
    if "IPython" not in sys.modules or sys.modules["IPython"].get_ipython() is None:
        return
    import pandas as pd

    pd.set_option("display.float_format", rounded, "display.max_colwidth", _LONGEST_CELL)


class Results:
    """The values recorded by one stage, by name, in the order of recording."""

    def __init__(self) -> None:
        self._by_name: dict[str, Recorded] = {}

    def add(self, recorded: Recorded) -> None:
        """Keep a value; recording a name again replaces it, as re-running a cell does."""
        self._by_name[recorded.name] = recorded

    def fill(self, template: str) -> str:
        """The template with every `{name}` replaced by the recorded value."""
        try:
            return template.format_map(self._by_name)
        except KeyError as missing:
            known = ", ".join(self._by_name) or "nothing yet"
            raise UserError(f"say(): {missing} was not recorded. Recorded: {known}.") from None

    def rows(self) -> list[dict[str, Any]]:
        """The content of `results.json`."""
        return [asdict(recorded) for recorded in self._by_name.values()]


_results = Results()


def start_results() -> Results:
    """Forget what was recorded before and return the empty collection (called when a stage begins)."""
    global _results
    _results = Results()
    return _results


def record(
    name: str,
    value: float | int | str,
    *,
    unit: str = "",
    n: int | None = None,
    interval: Sequence[float] | None = None,
) -> None:
    """Stand by a value: it goes to `results.json`, to the report's index and to `say`.

    Args:
        name: stable name in snake_case; others read it from `runs/<v>/<stage>/results.json`.
        value: a number (NaN = unscored) or a short text.
        unit: unit of value and interval; empty for shares and counts.
        n: number of scored items (conversations, turns, ...) behind the value.
        interval: (low, high) at 95 %, in the value's unit; None if there is none.
    """
    kept = value if isinstance(value, str) else float(value)
    bounds = (float(interval[0]), float(interval[1])) if interval is not None else None
    _results.add(Recorded(name, kept, unit, None if n is None else int(n), bounds))


def say(template: str) -> None:
    """Show a Markdown sentence in which `{name}` stands for a recorded value, its unit, n and interval.

    `{name:share}` says a share as a percentage, with its interval and n; `{name:.1%}` formats the bare value. The
    values are escaped: text from data is never markup.

    Raises:
        UserError: a name was not recorded.
    """
    from IPython.display import Markdown, display

    display(Markdown(_escaped(_results).fill(template)))


def _escaped(results: Results) -> Results:
    safe = Results()
    for row in results.rows():
        value = html.escape(row["value"]) if isinstance(row["value"], str) else row["value"]
        safe.add(Recorded(**{**row, "value": value}))
    return safe
