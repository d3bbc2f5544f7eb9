"""Writing one page: its template, where it stands among the others, and what it shares with them."""

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, select_autoescape
from plotly.offline import get_plotlyjs
from pygments.formatters import HtmlFormatter

from pipelines._report import _words
from shared.runs import write_text

SHARED = "_assets"  # beside the list of all runs; no run version begins with an underscore


class Place(NamedTuple):
    """Where a page stands: the way up to the index that it belongs to, and the name of the assets there."""

    up: str = ""  # "" or "../" once a level
    assets: str = "assets"


def place_in(version: str) -> Place:
    """The place of a stage's page; those of a grid's combinations lie deeper than the index of their run."""
    return Place("../" * version.count("/"))


def write_page(
    target: Path, template: str, *, place: Place | None = None, one_file: bool = False, **content: Any
) -> None:
    """Write a page, and beside its index what pages share if that is not there yet.

    Args:
        target: the HTML file.
        template: name in `templates/`.
        place: default: beside its index.
        one_file: put scripts and styles inside the page, and link to no other.
        content: what the template shows.
    """
    place = place or Place()
    page = _environment().get_template(template)
    inside = shared_files() if one_file else None
    write_text(target, page.render(one_file=one_file, inside=inside, up=place.up, assets=place.assets, **content))
    if not one_file:
        _write_shared(target.parent / place.up / place.assets)


def _write_shared(folder: Path) -> None:
    for name, text in shared_files().items():
        path = folder.resolve() / name
        # Pages of all runs draw no figures: 5 MB less.
        needless = folder.name == SHARED and name == "plotly.min.js"
        if not needless and (not path.exists() or path.read_text(encoding="utf-8") != text):
            write_text(path, text)


@cache
def shared_files() -> dict[str, str]:
    """Styles and scripts by file name; plotly comes from the installed package."""
    folder = resources.files("pipelines._report") / "assets"
    style = (folder / "style.css").read_text(encoding="utf-8")
    return {
        "style.css": f"{style}\n{HtmlFormatter(cssclass='source', style='friendly').get_style_defs('.source')}\n",
        "site.js": (folder / "site.js").read_text(encoding="utf-8"),
        "plotly.min.js": get_plotlyjs(),
    }


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipelines._report"), autoescape=select_autoescape(["html", "j2"]), trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "number": _words.number, "duration": _words.duration, "memory": _words.memory, "money": _words.money,
        "moment": _words.moment, "plural": _words.plural, "breakable": _words.breakable, "spoken": _words.spoken,
    }  # fmt: skip
    return environment
