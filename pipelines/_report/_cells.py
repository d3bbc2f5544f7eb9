"""Cells of an executed notebook as HTML fragments."""

import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import nh3
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from pipelines._report import _markdown
from pipelines._report._recorded import recorded_in
from pipelines._report._tables import breakable_headers, readable_tables
from shared.figures import EMBEDDED

FINDINGS = "Findings"  # heading of the cell that states them

_PLOTLY = "application/vnd.plotly.v1+json"
_TERMINAL_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_MOST_LINES = 15  # of printed text that stand open between a reader and the argument
_PLAIN_TAGS = {
    "a", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "del", "details", "div", "em", "h1", "h2", "h3",
    "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "s", "small", "span", "strong",
    "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul",
}  # fmt: skip
_PLAIN_ATTRIBUTES = {
    "*": {"class", "title", "style"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
# Colours and spacing only: no url(), which could fetch, and no position, which could cover the page.
_PLAIN_STYLES = {
    "background", "background-color", "border", "border-bottom", "border-left", "border-radius", "color", "font-size",
    "font-style", "font-weight", "line-height", "margin", "max-width", "min-width", "padding", "text-align",
    "text-decoration", "vertical-align", "white-space", "width", "display", "opacity", "float", "height",
}  # fmt: skip


class Fragment(NamedTuple):
    """One cell on a page: its kind, its folded source and its outputs as HTML."""

    kind: str  # "markdown", "code" or "findings"
    source: Markup
    outputs: list[Markup]
    codes: tuple[str, ...] = ()  # of the notebook's cells that are joined in it
    figures: tuple[Mapping[str, Any], ...] = ()  # recorded in it, where its outputs do not tell them


def fragments(cells: Iterable[Mapping[str, Any]], results: Iterable[Mapping[str, Any]] = ()) -> list[Fragment]:
    """Every cell that has something to show, in notebook order; code that shows nothing joins the code below it.

    Args:
        cells: of an executed notebook.
        results: rows of its `results.json`, for cells that record values and show nothing.
    """
    rows = list(results)
    shown = [_markdown_cell(c) if c["cell_type"] == "markdown" else _code_cell(c) for c in cells if _has_content(c)]
    joined: list[Fragment] = []
    for cell in shown:
        silent = joined and joined[-1].kind == cell.kind == "code" and not joined[-1].outputs
        joined.append(_below(joined.pop(), cell) if silent else cell)
    return [_with_figures(cell, rows) for cell in joined]


def _with_figures(cell: Fragment, results: list[Mapping[str, Any]]) -> Fragment:
    """A question that is answered by recorded values alone would look as if it had no answer."""
    told = any("<details" not in output for output in cell.outputs)  # messages and long output are folded
    if told or cell.kind != "code":
        return cell
    return cell._replace(figures=tuple(recorded_in(cell.codes, results)))


def _has_content(cell: Mapping[str, Any]) -> bool:
    # Findings stand at the top of the page under a heading of their own.
    return bool(cell["source"].strip()) and cell["source"].strip() != f"## {FINDINGS}"


def _below(first: Fragment, second: Fragment) -> Fragment:
    return Fragment(first.kind, first.source + second.source, second.outputs, first.codes + second.codes)


def draw_plots(cells: Iterable[Fragment]) -> bool:
    """Whether a page with these cells needs plotly, 5 MB of script that a browser takes a second to read."""
    return any('class="plot"' in output for cell in cells for output in cell.outputs)


def headings(cells: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """(anchor, text) of the second-level headings, for the table of contents."""
    texts = [c["source"] for c in cells if c["cell_type"] == "markdown"]
    found = re.findall(r"^##\s+(.+)$", "\n".join(texts), flags=re.MULTILINE)
    return [(_markdown.slug(_inline_text(text)), _inline_text(text)) for text in found]


def _inline_text(markdown: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", _markdown.render(markdown))).strip()


def _markdown_cell(cell: Mapping[str, Any]) -> Fragment:
    return Fragment("markdown", Markup(_markdown.render(cell["source"])), [])


def _code_cell(cell: Mapping[str, Any]) -> Fragment:
    tags = cell["metadata"].get("tags", [])
    shown = [_output(output) for output in _joined_streams(cell["outputs"])]
    kind = "findings" if "findings" in tags else "code"
    return Fragment(kind, source(cell["source"]), [o for o in shown if o], (cell["source"],))


def source(code: str) -> Markup:
    """Python source, highlighted."""
    return Markup(highlight(code, PythonLexer(), HtmlFormatter(cssclass="source")))


def _joined_streams(outputs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Outputs with neighbouring pieces of one stream joined, as a person reads them."""
    joined: list[dict[str, Any]] = []
    for output in outputs:
        same = joined and output["output_type"] == "stream" == joined[-1]["output_type"]
        if same and output["name"] == joined[-1]["name"]:
            joined[-1]["text"] += output["text"]
        else:
            joined.append(dict(output))
    return joined


def _output(output: Mapping[str, Any]) -> Markup:
    if output["output_type"] == "stream":
        return _stream(output["name"], output["text"])
    if output["output_type"] == "error":
        return _terminal("\n".join(output["traceback"]), "error")
    return _rich(output["data"], output.get("metadata", {}))


def _stream(name: str, text: str) -> Markup:
    if name == "stderr":  # warnings are kept, but do not stand between a reader and the argument
        lines = len(text.strip().splitlines())
        return _folded(f"{lines} message line{'' if lines == 1 else 's'}", text)
    lines = len(text.strip().splitlines())
    return _terminal(text, "stream") if lines <= _MOST_LINES else _folded(f"{lines} lines of output", text)


def _folded(summary: str, text: str) -> Markup:
    return Markup('<details class="messages"><summary>{}</summary>{}</details>').format(
        summary, _terminal(text, "stream")
    )


def _terminal(text: str, kind: str) -> Markup:
    return Markup('<pre class="{}">{}</pre>').format(kind, _TERMINAL_COLOURS.sub("", text))


def _rich(data: Mapping[str, Any], metadata: Mapping[str, Any]) -> Markup:
    if _PLOTLY in data:
        return plot(data[_PLOTLY])
    if "text/html" in data:
        return _html(data["text/html"], metadata)
    if "text/markdown" in data:
        return Markup(_markdown.render(data["text/markdown"]))
    if "image/png" in data:
        alternative = data.get("text/plain", "figure")
        return Markup('<img alt="{}" src="data:image/png;base64,{}">').format(alternative, data["image/png"].strip())
    return _terminal(data.get("text/plain", ""), "result")


def plot(figure: Mapping[str, Any]) -> Markup:
    """A plotly figure as JSON in the page, under its title as text that wraps; `site.js` draws it."""
    title = _inline_text((figure["layout"].get("title") or {}).get("text") or "")
    content = json.dumps(figure).replace("<", "\\u003c").replace("&", "\\u0026")  # cannot close the script element
    caption = Markup("<figcaption>{}</figcaption>").format(title) if title else Markup()
    return Markup(
        '<figure>{}<div class="plot" role="img" aria-label="{}" style="height:{}px">'
        '<script type="application/json">{}</script></div></figure>'
    ).format(caption, title or "figure", int(figure["layout"].get("height", 380)), Markup(content))


def _html(text: str, metadata: Mapping[str, Any]) -> Markup:
    if EMBEDDED in metadata:
        return Markup(text)
    plain = breakable_headers(plain_html(readable_tables(text)))
    return Markup('<div class="html">{}</div>').format(Markup(plain))


def plain_html(text: str) -> str:
    """HTML without scripts, handlers, remote content or styles that could cover the page."""
    return nh3.clean(
        text,
        tags=_PLAIN_TAGS,
        attributes=_PLAIN_ATTRIBUTES,
        filter_style_properties=_PLAIN_STYLES,
        attribute_filter=_local_only,
        url_schemes={"data", "https", "http"},
        link_rel="noopener noreferrer",
    )


def _local_only(tag: str, attribute: str, value: str) -> str | None:
    """Images may only be embedded ones, styles may not fetch; links stay, since they fetch only on a click."""
    if tag == "img" and attribute == "src" and not value.startswith("data:image/"):
        return None
    if attribute == "style" and "url(" in value.lower():
        return None
    return value
