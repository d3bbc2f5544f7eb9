"""Markdown as safe HTML, with formulas as MathML, so that a page needs neither scripts nor a network."""

import html
from typing import Any

import mistune
from latex2mathml.converter import convert
from latex2mathml.exceptions import NoAvailableTokensError
from mistune.plugins.math import math


class _Renderer(mistune.HTMLRenderer):
    """Escapes HTML and gives headings an anchor and formulas a MathML element."""

    def __init__(self) -> None:
        super().__init__(escape=True)

    def heading(self, text: str, level: int, **attributes: Any) -> str:
        return f'<h{level} id="{slug(text)}">{text}</h{level}>\n'


def _block_math(_renderer: Any, text: str) -> str:
    return f'<div class="formula">{_mathml(text, "block")}</div>\n'


def _inline_math(_renderer: Any, text: str) -> str:
    return _mathml(text, "inline")


def _mathml(text: str, display: str) -> str:
    try:
        return str(convert(text, display=display))
    except (NoAvailableTokensError, IndexError):  # not a formula after all, such as a lone price
        return html.escape(f"${text}$")


def _formulas(markdown: mistune.Markdown) -> None:
    math(markdown)
    renderer = markdown.renderer
    assert isinstance(renderer, _Renderer)
    renderer.register("block_math", _block_math)
    renderer.register("inline_math", _inline_math)


_MARKDOWN = mistune.create_markdown(renderer=_Renderer(), plugins=["table", "strikethrough"])
_formulas(_MARKDOWN)


def render(text: str) -> str:
    """Markdown as HTML; any HTML inside it is shown as text."""
    return str(_MARKDOWN(text))


def slug(text: str) -> str:
    """An anchor name for a heading."""
    kept = "".join(c if c.isalnum() else "-" for c in html.unescape(text).lower())
    return "-".join(part for part in kept.split("-") if part)
