"""Glossary and sources: what words mean here, and whose work, data and software the reports stand on."""

from functools import cache
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import yaml

from pipelines._report import _markdown
from pipelines._report._render import Place, write_page


def reference_pages(folder: Path, *, assets: str = "assets") -> None:
    """Write `glossary.html` and `sources.html` beside an index.

    Args:
        folder: of the index.
        assets: name of the folder of scripts and styles there.
    """
    place = Place(assets=assets)
    terms = [{**term, "anchor": _markdown.slug(term["term"])} for term in _read("glossary.yaml")]
    write_page(folder / "glossary.html", "glossary.html.j2", place=place, title="Glossary", terms=terms)
    write_page(
        folder / "sources.html", "sources.html.j2", place=place, title="Sources", packages=_packages(),
        sources=_read("sources.yaml"),
    )  # fmt: skip


@cache
def _read(name: str) -> Any:
    text = (resources.files("pipelines._report") / "reference" / name).read_text(encoding="utf-8")
    return yaml.safe_load(text)


@cache
def _packages() -> list[tuple[str, str, str]]:
    """(name, version, licence) of the packages that the project depends on, as each states it about itself."""
    required = [line for line in metadata.requires("colloquy") or [] if "extra ==" not in line]
    names = sorted({_name(line) for line in required}, key=str.lower)
    return [(name, metadata.version(name), _licence(name)) for name in names]


def _name(requirement: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else " " for c in requirement).split()[0]


def _licence(package: str) -> str:
    about = metadata.metadata(package).json
    stated = str(about.get("license_expression") or about.get("license") or "")
    classified = [c.rpartition(" :: ")[2] for c in about.get("classifier", []) if c.startswith("License ::")]
    # Some put the whole text of their licence into the field: its first line names it.
    return stated.strip().splitlines()[0][:60] if stated.strip() else ", ".join(classified) or "see its own files"
