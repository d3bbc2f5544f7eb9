"""Tasks of small encoders: labels, columns and training settings, read from a YAML file of the user's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from shared.models._settings import FineTuning, Kind
from shared.runs import UserError, project

_KEYS = ("task", "kind", "columns", "minimum", "recommended", "labels", "training")
_OPTIONAL = ("spellings",)


@dataclass(frozen=True)
class Task:
    """What an encoder decides.

    Attributes:
        name: of the task.
        kind: "single", "multi" or "values".
        columns: of its CSV: message, label and confidence ("" = the file has none).
        definitions: what each label means, by label; empty = the labels are those of the training file.
        minimum: messages a class needs.
        recommended: messages a class should have.
        settings: of fine-tuning.
        spellings: other ways in which files write a label, by label; upper and lower case are the same anyway.
    """

    name: str
    kind: Kind
    columns: Mapping[str, str]
    definitions: Mapping[str, str]
    minimum: int
    recommended: int
    settings: FineTuning
    spellings: Mapping[str, Sequence[str]] = field(default_factory=dict)


def read_task(name: str) -> Task:
    """A task by its name in `data/tasks/`, or by the path of a YAML file.

    Raises:
        UserError: there is no such file, it is not YAML, or a key is missing, unknown or out of range.
    """
    path = _path_of(name)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path.name} is not YAML: {error}") from None
    _check_keys(path.name, content, _KEYS)
    kind = content["kind"]
    if kind not in ("single", "multi", "values"):
        raise UserError(f"{path.name}: kind is '{kind}', expected single, multi or values.")
    return Task(
        content["task"], kind, content["columns"], content["labels"], content["minimum"], content["recommended"],
        _settings(path.name, content["training"]), content.get("spellings", {}),
    )  # fmt: skip


def _path_of(name: str) -> Path:
    folder = project() / "data" / "tasks"
    path = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.yaml")))
        raise UserError(f"There is no task '{name}'. Known: {known}; or name a YAML file of your own.")
    return path


def _check_keys(file: str, content: Any, known: tuple[str, ...]) -> None:
    found = set(content) if isinstance(content, dict) else set()
    missing, unknown = [k for k in known if k not in found], sorted(found - {*known, *_OPTIONAL})
    if missing or unknown:
        said = [f"missing: {', '.join(missing)}"] if missing else []
        said += [f"unknown: {', '.join(unknown)}"] if unknown else []
        raise UserError(
            f"{file}: {'; '.join(said)}. Its keys: {', '.join((*known, *_OPTIONAL))}; "
            "data/tasks/intent.yaml explains them."
        )


def _settings(file: str, training: Mapping[str, Any]) -> FineTuning:
    known = [one.name for one in fields(FineTuning)]
    unknown = [name for name in training if name not in known]
    if unknown:
        raise UserError(f"{file}: training has no setting {', '.join(unknown)}. Known: {', '.join(known)}.")
    return FineTuning(**training)
