"""The glossary and the sources hold what the reports and the code name."""

import re
from importlib import resources
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = resources.files("pipelines._report") / "reference"
NOT_AUTHORS = {"ICML", "JMLR", "Scorecards"}  # a conference, a journal and the end of a title, before their year
CITED = re.compile(
    r"([A-ZÀ-Ý][\w-]+)(?: et al\.,?| and [A-Z][\w-]+|(?:, [A-Z][\w-]+)+ and [A-Z][\w-]+)? \(?((?:19|20)\d\d)\b"
)


def papers() -> set[tuple[str, str]]:
    """(surname, year) of every author that the sources list; of `et al.` the first."""
    listed = yaml.safe_load((REFERENCE / "sources.yaml").read_text(encoding="utf-8"))["papers"]
    return {(name, str(paper["year"])) for paper in listed for name in re.findall(r"[\w-]{2,}", paper["authors"])}


def cited() -> set[tuple[str, str]]:
    notebooks = [path.read_text(encoding="utf-8") for path in (ROOT / "notebooks").glob("*.py")]
    sources = [text[text.rindex("Sources") :] for text in notebooks if "Sources" in text]
    modules = [path.read_text(encoding="utf-8") for path in (ROOT / "shared").rglob("*.py")]
    lines = [line for text in modules for line in text.splitlines() if line.strip().startswith("Source:")]
    return {found for found in CITED.findall("\n".join(sources + lines)) if found[0] not in NOT_AUTHORS}


def test_every_paper_that_a_notebook_or_a_docstring_names_is_listed_in_full() -> None:
    assert len(cited()) > 40
    assert cited() - papers() == set()


def test_terms_are_in_order_once_each_and_name_stages_that_exist() -> None:
    terms = yaml.safe_load((REFERENCE / "glossary.yaml").read_text(encoding="utf-8"))
    names = [term["term"].lower() for term in terms]
    assert names == sorted(set(names))
    stages = {path.stem[4:] for path in (ROOT / "notebooks").glob("[1-9]*.py")}
    assert {stage for term in terms for stage in term.get("stages", [])} <= stages
