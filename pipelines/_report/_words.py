"""Numbers and texts as a reader wants them."""

import html
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from pipelines._report import _markdown
from shared.figures import EMBEDDED
from shared.runs import rounded

_MEBIBYTE = 1 << 20
_HEADING = re.compile(r"^##\s+(.+)$", re.MULTILINE)
_ABBREVIATIONS = {
    "auc": "AUC", "dpo": "DPO", "eq": "EQ", "f1": "F1", "fsq": "FSQ", "int8": "INT8", "kmeans": "k-means", "kto": "KTO",
    "llm": "LLM", "onnx": "ONNX", "roc": "ROC", "sft": "SFT", "tfidf": "TF-IDF", "usd": "USD", "v": "V",
}  # fmt: skip
_LONGEST_SECTION = 8_000  # characters; what a search finds beyond them is a table, not a sentence


def number(value: Any) -> str:
    """A recorded value for a table, in three digits or more; null (unscored) and NaN as a dash."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return rounded(value)


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


def money(dollars: float) -> str:
    """US dollars, to the cent from ten cents on."""
    return f"${dollars:,.2f}" if dollars >= 0.1 or dollars == 0 else f"${dollars:.4f}"


def moment(iso: str | None) -> str:
    """A time stamp to the minute, in UTC as it was written."""
    return f"{iso[:10]} {iso[11:16]} UTC" if iso else "–"


def plural(count: int, word: str) -> str:
    """`1 stage`, `2 stages`."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def breakable(name: str) -> Markup:
    """A name in snake_case that may break after its underscores, and nowhere else."""
    return Markup(escape(name).replace("_", Markup("_<wbr>")))


def spoken(name: str) -> str:
    """A recorded name as words: `floor_macro_f1` is `floor macro-F1`, `n_kept` is `kept`."""
    words = [_ABBREVIATIONS.get(word, word) for word in name.removeprefix("n_").split("_")]
    return " ".join(words).replace("macro F1", "macro-F1")


class Section(NamedTuple):
    """What a search can find: a part of a page under one heading."""

    anchor: str
    heading: str
    text: str


def sections(cells: Iterable[Mapping[str, Any]]) -> list[Section]:
    """The words of a notebook by second-level heading: prose, findings, tables and printed text, not code or plots."""
    found: list[tuple[str, list[str]]] = [("", [])]
    for cell in cells:
        if cell["cell_type"] == "markdown":
            # Text before the first heading, then a heading and its text in turns.
            first, *rest = _HEADING.split(cell["source"])
            found[-1][1].append(first)
            found += [(heading, [text]) for heading, text in zip(rest[::2], rest[1::2], strict=True)]
        found[-1][1].extend(_plain(output) for output in cell.get("outputs", []))
    return [Section(_markdown.slug(heading), heading, _one_line(texts)) for heading, texts in found]


def _plain(output: Mapping[str, Any]) -> str:
    data = output.get("data", {})
    if "text/html" in data and EMBEDDED not in output.get("metadata", {}):
        return html.unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", data["text/html"], flags=re.DOTALL))
    return str(data.get("text/markdown", "") or output.get("text", ""))


def _one_line(texts: Iterable[str]) -> str:
    return " ".join(" ".join(texts).split())[:_LONGEST_SECTION]
