"""Nothing private in an executed notebook: secrets and local paths become placeholders before it is saved.

A notebook names a secret by its environment variable (a parameter that ends in `_env`), so its value can only come in
by being printed. Local paths come in through tracebacks, warnings and papermill's metadata. Where a stage redacts,
stray originals of the data are replaced as well, and error messages, which quote files, are redacted like data.
"""

import html
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from shared.runs import Private, hidden, local_texts, strings_in, write_text
from shared.text import known_redactor, redaction_shield

_SHORTEST_SECRET = 6  # shorter values would turn ordinary text into placeholders

cleaned = hidden


def private_texts(values: Mapping[str, Any], *, wholly: bool = False) -> list[Private]:
    """What must not be saved, the most specific first.

    Args:
        values: the stage's parameters; those that end in `_env` name environment variables.
        wholly: where the stage redacts, take texts for data instead of only looking for what is known.
    """
    secrets = {os.environ.get(name, ""): f"<value of {name}>" for name in _secret_variables(values)}
    found = [Private(re.compile(re.escape(s)), shown) for s, shown in secrets.items() if len(s) >= _SHORTEST_SECRET]
    return [*found, *redaction_shield(values, wholly=wholly), *local_texts(values)]


def _secret_variables(values: Mapping[str, Any]) -> Iterable[str]:
    return [str(value) for name, value in values.items() if name.endswith("_env") and value]


def cleaned_notebook(notebook: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """A notebook without private texts, whatever its cells printed.

    Args:
        notebook: a notebook node.
        values: the stage's parameters.
    """
    clean = cleaned(notebook, private_texts(values))
    if values.get("redact"):
        errors = private_texts(values, wholly=True)
        for cell in clean["cells"]:
            outputs = cell.get("outputs", [])
            outputs[:] = [cleaned(o, errors) if o["output_type"] == "error" else o for o in outputs]
    return clean


def told_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters in a form that can be written down and compared: where the stage redacts, texts as keyed digests."""
    if not values.get("redact"):
        return dict(cleaned(values, local_texts(values)))
    redactor = known_redactor(values["run_version"])
    return {
        name: redactor.placeholder("VALUE", json.dumps(value, sort_keys=True)) if any(strings_in(value)) else value
        for name, value in values.items()
    }


def clean_page(page: Path, private: Iterable[Private]) -> None:
    """Replace local paths and secrets in a written page: its scripts and styles come from installed packages."""
    before = page.read_text(encoding="utf-8")
    texts = [Private(pattern, html.escape(shown)) for pattern, shown in private if isinstance(shown, str)]
    after = cleaned(before, texts)
    if after != before:
        write_text(page, after)
