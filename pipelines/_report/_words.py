"""Numbers and texts as a reader wants them."""

import html
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_MEBIBYTE = 1 << 20


def number(value: Any) -> str:
    """A recorded value for a table: at most three decimals; null (unscored) and NaN as a dash."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.3f}" if 0.001 <= abs(value) < 10_000 else f"{value:.3g}"


def duration(seconds: float | None) -> str:
    """Seconds in the unit that people would use."""
    if seconds is None:
        return "–"
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def memory(size: int | None) -> str:
    """Bytes in MiB or GiB."""
    if not size:
        return "–"
    return f"{size / _MEBIBYTE:,.0f} MiB" if size < 1024 * _MEBIBYTE else f"{size / _MEBIBYTE / 1024:.1f} GiB"


def searchable(cells: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The words of a notebook that a search should find: prose, findings and printed text, not code or figures."""
    for cell in cells:
        if cell["cell_type"] == "markdown":
            yield cell["source"]
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            yield data.get("text/markdown", "") or re.sub(r"<[^>]+>", " ", html.unescape(output.get("text", "")))
