"""Nothing private in an executed notebook: secrets and local paths become placeholders before it is saved.

A notebook names a secret by its environment variable (a parameter that ends in `_env`), so its value can only come in
by being printed. Local paths come in through tracebacks, warnings and papermill's metadata.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from shared.runs import home, project

_SHORTEST_SECRET = 6  # shorter values would turn ordinary text into placeholders


def replacements(values: Mapping[str, Any]) -> dict[str, str]:
    """What to replace by what, longest first.

    Args:
        values: the stage's parameters; those that end in `_env` name environment variables.
    """
    secrets = {os.environ.get(name, ""): f"<value of {name}>" for name in _secret_variables(values)}
    found = {secret: shown for secret, shown in secrets.items() if len(secret) >= _SHORTEST_SECRET}
    for path, shown in _local_paths():
        found.setdefault(path, shown)
    return dict(sorted(found.items(), key=lambda pair: -len(pair[0])))


def _secret_variables(values: Mapping[str, Any]) -> Iterable[str]:
    named = [value for name, value in values.items() if name.endswith("_env") and isinstance(value, str)]
    return [name for name in named if name]


def _local_paths() -> list[tuple[str, str]]:
    places = [(home(), "<home>"), (project(), "<project>"), (Path(__file__).resolve().parents[1], "<project>")]
    data = os.environ.get("COLLOQUY_DATA")
    places += [(Path(data).resolve(), "${COLLOQUY_DATA}")] if data else []
    places += [(Path.home(), "~")] if len(Path.home().parts) > 1 else []
    return [(str(path), shown) for path, shown in places if len(path.parts) > 1]


def cleaned(value: Any, replaced_by: Mapping[str, str]) -> Any:
    """A JSON-like value with every private text replaced, in keys' values at any depth.

    Args:
        value: notebook, output, or any nesting of dict, list and str.
        replaced_by: from `replacements`.
    """
    if isinstance(value, str):
        for private, shown in replaced_by.items():
            value = value.replace(private, shown) if private in value else value
        return value
    if isinstance(value, Mapping):
        return {key: cleaned(item, replaced_by) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [cleaned(item, replaced_by) for item in value]
    return value
