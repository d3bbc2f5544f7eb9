"""bertviz's head and model views as pages that fetch nothing.

bertviz asks a content network for require.js, d3 and jQuery. Here d3 (which mpld3 carries) and jQuery (which
XStatic-jQuery carries) are written into the page from the installed packages, and a few lines stand in for require.js.
"""

import re
from importlib import metadata
from pathlib import Path
from typing import Literal

import numpy as np

from shared.attention._tokens import Tokens
from shared.runs import UserError

_D3 = ("mpld3", "mpld3/js/d3.v5.min.js")
_JQUERY = ("XStatic-jQuery", "xstatic/pkg/jquery/data/jquery.min.js")
_LOADER = """
window.require = window.requirejs = function (names, then) {
  then.apply(null, names.map(function (name) { return name === "d3" ? window.d3 : window.jQuery; }));
};
window.require.config = function () {};
"""
_FETCHED = re.compile(r'<script src="https://cdnjs[^"]*require[^"]*"></script>')


def attention_page(
    tokens: Tokens, maps: np.ndarray, *, view: Literal["head", "model"], most_tokens: int = 40,
    layers: list[int] | None = None,
) -> str:  # fmt: skip
    """A complete HTML page with bertviz's view of one conversation.

    Args:
        tokens: the conversation.
        maps: (layers, heads, tokens, tokens).
        view: "head" (lines between tokens of one layer) or "model" (a small picture of every head).
        most_tokens: a longer conversation is shown by its last tokens, where outcomes are decided, with their
            attention as it is: what went to tokens that are not shown is missing.
        layers: which to show; None: all.

    Returns:
        HTML that fetches nothing.

    Raises:
        UserError: a package that carries a script is not installed.
    """
    import torch
    from bertviz import head_view, model_view

    shown = _shown(len(tokens.ids), most_tokens)
    part = np.round(maps[:, :, shown][:, :, :, shown].astype(np.float64), 3)
    draw = head_view if view == "head" else model_view
    page = draw(
        [torch.tensor(layer)[None] for layer in part],
        # bertviz writes tokens into a script, where "</script>" would end it
        [tokens.pieces[i].replace("<", "‹") for i in shown],
        include_layers=layers or list(range(len(part))),
        html_action="return",
    )
    return _complete(page.data)


def _shown(count: int, most: int) -> list[int]:
    """The first token (it often is the largest sink) and the last ones."""
    return list(range(count)) if count <= most else [0, *range(count - most + 1, count)]


def _complete(body: str) -> str:
    """The page with its scripts written in."""
    scripts = "".join(f"<script>{code}</script>" for code in (_script(*_JQUERY), _script(*_D3), _LOADER))
    page, count = _FETCHED.subn(lambda _: scripts, body, count=1)
    if not count:
        raise RuntimeError("bertviz's page no longer loads require.js as expected; its scripts cannot be written in.")
    return f'<!DOCTYPE html><html><head><meta charset="utf-8"></head><body>{_offline(page)}</body></html>'


def _offline(page: str) -> str:
    """The addresses that require.js would have used are never asked for; remove them all the same."""
    return re.sub(r"'https://cdnjs[^']*'", "''", page)


def _script(distribution: str, path: str) -> str:
    """The script as the installed package carries it."""
    try:
        file = metadata.distribution(distribution).locate_file(path)
    except metadata.PackageNotFoundError as missing:
        raise UserError(
            f"The attention views need {Path(path).name}, which {distribution} carries. Run: pip install {distribution}"
        ) from missing
    return Path(str(file)).read_text(encoding="utf-8")
