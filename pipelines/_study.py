"""Studies: one YAML names stages, their parameters, what each may read, and an optional grid.

    study: demo
    run_version: demo
    description: every stage on the sample, small
    redact: false  # true: names, numbers and addresses are replaced in all that the stages read from outside
    stages:
      explore: {params: {corpus: data/sample}}
      speakers: {after: [explore], params: {epochs: 1}}
    grid:
      speakers.seed: [0, 1, 2]

A stage may read the stages under its `after` and whatever these may read; without `after` it reads no other stage.
"""

import difflib
import os
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml

from shared.params import Parameter, check_values, coerce, normalise, read_parameters
from shared.runs import UserError, notebook_of, project, stage_numbers

# The names that earlier tools gave to these jobs.
TASK_NAMES = {
    "classifier_train": "classifier",
    "create_embeddings": "embeddings",
    "label_speakers": "speakers",
    "vqvae_train": "vqvae",
    "export_codes": "codes",
}
_STUDY_KEYS = ("study", "run_version", "description", "redact", "stages", "grid")
_STAGE_KEYS = ("after", "params")
_OURS = ("run_version", "upstream")  # the runner sets these two
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_VERSION = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")
_SECRET = re.compile(
    r"^(sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|hf_[A-Za-z0-9]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}"
    r"|AKIA[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]+|-----BEGIN [A-Z ]*PRIVATE KEY)"
    r"|://[^/\s:@]+:[^/\s@]+@"
)


@dataclass(frozen=True)
class StagePlan:
    """One stage of a study: the stages it reads, its parameter values, and who set each of them."""

    stage: str
    after: tuple[str, ...]
    values: dict[str, Any]
    values_from: dict[str, str]


@dataclass(frozen=True)
class Study:
    """A study as its YAML says, after the command line's changes.

    Attributes:
        name: for people and reports.
        run_version: folder under `runs/`.
        description: one sentence, may be empty.
        stages: by name, in the order of the YAML.
        grid: `stage.parameter` to the values to try; empty = no grid.
        path: the YAML.
        redact: personal data is replaced in everything that the stages read from outside.
    """

    name: str
    run_version: str
    description: str
    stages: dict[str, StagePlan]
    grid: dict[str, list[Any]]
    path: Path
    redact: bool = False


def studies_folder() -> Path:
    """The folder of the project's own studies."""
    return project() / "pipelines" / "studies"


def study_path(name: str) -> Path:
    """The YAML of a study named by path or by a bare name in `pipelines/studies`.

    Raises:
        UserError: there is none; a close name is suggested.
    """
    found = _study_file(name)
    if found is not None:
        return found
    raise UserError(f"There is no study '{name}'. {_suggestion(Path(name).stem, study_names())}")


def study_names() -> list[str]:
    """Names of the project's own studies, in alphabetical order."""
    return sorted(path.stem for path in studies_folder().glob("*.yaml"))


def is_study(name: str) -> bool:
    """Whether a path or a bare name names a study."""
    return _study_file(name) is not None


def _study_file(name: str) -> Path | None:
    candidates = [Path(name), project() / name, studies_folder() / f"{name}.yaml"]
    return next((path.resolve() for path in candidates if path.is_file()), None)


def load_study(name: str) -> Study:
    """Read a study's YAML.

    Args:
        name: a path or a bare name.

    Raises:
        UserError: not YAML, or its structure is wrong (all problems at once).
    """
    path = study_path(name)
    content = _read_yaml(path)
    problems = _structure_problems(content)
    if problems:
        raise UserError("\n".join([f"{path.name}: {len(problems)} problem(s).", *problems]))
    stages = {stage: _stage_plan(stage, part or {}, path.parent) for stage, part in content["stages"].items()}
    if content.get("redact"):
        stages = {stage: _redacting(plan) for stage, plan in stages.items()}
    return Study(
        name=str(content.get("study", path.stem)),
        run_version=str(content.get("run_version", path.stem)),
        description=str(content.get("description", "")).strip(),
        stages=stages,
        grid=content.get("grid") or {},
        path=path,
        redact=bool(content.get("redact", False)),
    )


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"{path.name} is not YAML: {error}") from None


def _stage_plan(stage: str, part: Mapping[str, Any], folder: Path) -> StagePlan:
    values = {name: _beside(folder, value) for name, value in (part.get("params") or {}).items()}
    return StagePlan(stage, tuple(part.get("after") or ()), values, dict.fromkeys(values, "study"))


def _beside(folder: Path, value: Any) -> Any:
    """A file beside the study by its whole path; whoever writes both into one folder names it without a thought."""
    is_name = isinstance(value, str) and Path(value).suffix and "\n" not in value and not Path(value).is_absolute()
    if not is_name or (project() / value).exists() or not (folder / value).is_file():
        return value
    return str(folder / value)


def _redacting(plan: StagePlan) -> StagePlan:
    """The plan with `redact` on, unless the stage says otherwise itself or reads nothing from outside."""
    if plan.stage not in stage_numbers() or "redact" in plan.values:
        return plan
    if "redact" not in _declared(plan.stage):
        return plan
    return replace(plan, values=plan.values | {"redact": True}, values_from=plan.values_from | {"redact": "study"})


def _declared(stage: str) -> Container[str]:
    try:
        return read_parameters(notebook_of(stage))
    except UserError:  # `study_problems` tells what is wrong with it
        return ()


def _structure_problems(content: Any) -> list[str]:
    if not isinstance(content, dict) or not isinstance(content.get("stages"), dict) or not content["stages"]:
        return ["A study needs the key `stages:` with at least one stage, for instance `stages: {explore: {}}`."]
    problems = [f"Unknown key '{k}'. {_suggestion(k, _STUDY_KEYS)}" for k in content if k not in _STUDY_KEYS]
    if not isinstance(content.get("redact", False), bool):
        problems.append(f"redact is {content['redact']!r}, expected true or false.")
    version = str(content.get("run_version", "v0"))
    problems += version_problems(version)
    for stage, part in content["stages"].items():
        problems += _stage_problems(stage, part or {}, content["stages"])
    return problems + _grid_problems(content.get("grid") or {}, content["stages"])


def version_problems(version: str) -> list[str]:
    """What is wrong with a run version as a folder name."""
    if _VERSION.match(version):
        return []
    return [f"run_version '{version}' cannot name a folder. Use letters, digits, '.', '_', '+' and '-', such as v0.1."]


def _stage_problems(stage: str, part: Any, stages: Mapping[str, Any]) -> list[str]:
    if not isinstance(part, dict):
        return [f"stages.{stage} is {part!r}, expected {{after: [...], params: {{...}}}}."]
    problems = [
        f"stages.{stage}: unknown key '{k}'. {_suggestion(k, _STAGE_KEYS)}" for k in part if k not in _STAGE_KEYS
    ]
    after, values = part.get("after") or [], part.get("params") or {}
    if not isinstance(after, list):
        problems.append(f"stages.{stage}.after is {after!r}, expected a list such as [explore].")
    else:
        problems += [
            f"stages.{stage}.after: '{name}' is not a stage of this study. {_suggestion(name, stages)}"
            for name in after
            if name not in stages
        ]
    if not isinstance(values, dict):
        problems.append(f"stages.{stage}.params is {values!r}, expected a mapping of names to values.")
        return problems
    return problems + [
        f"stages.{stage}.params: '{name}' is set by the runner. Use `run_version:` of the study and `after:`."
        for name in _OURS
        if name in values
    ]


def _grid_problems(grid: Any, stages: Mapping[str, Any]) -> list[str]:
    if not isinstance(grid, dict):
        return [f"grid is {grid!r}, expected `stage.parameter: [values]`."]
    problems = []
    for key, values in grid.items():
        stage, _, parameter = str(key).partition(".")
        if stage not in stages or not parameter:
            problems.append(f"grid: '{key}' is not stage.parameter. {_suggestion(stage, stages)}")
        if not isinstance(values, list) or not values:
            problems.append(f"grid.{key} is {values!r}, expected a list of values to try.")
    return problems


def stage_of_task(task: str) -> str:
    """The stage that a `--task` means: a stage name, or a customary task name such as `classifier_train`."""
    return TASK_NAMES.get(task, task)


def override(study: Study, sets: Iterable[str], run_version: str | None) -> Study:
    """The study with the command line's `--set stage.parameter=value` and `--run-version`.

    Raises:
        UserError: a text is not of that form, or names no stage or parameter of this study.
    """
    if run_version is not None:
        if problems := version_problems(run_version):
            raise UserError(problems[0])
        study = replace(study, run_version=run_version)
    stages = dict(study.stages)
    for text in sets:
        stage, name, value = _parse_set(text, stages)
        plan = stages[stage]
        name, _, entry = name.partition(".")
        if entry:  # --set explore.columns.text=said: one entry of a mapping
            value = {**resolved_values(plan)[0].get(name, {}), entry: value}
        origins = plan.values_from | {name: "command line"}
        stages[stage] = replace(plan, values=plan.values | {name: value}, values_from=origins)
    return replace(study, stages=stages)


def _parse_set(text: str, stages: Mapping[str, StagePlan]) -> tuple[str, str, Any]:
    target, equals, value = text.partition("=")
    stage, dot, name = target.partition(".")
    stage = stage_of_task(stage)
    if not (equals and dot and name):
        raise UserError(f"--set {text}: expected stage.parameter=value, for instance --set classifier.epochs=3.")
    if stage not in stages:
        raise UserError(f"--set {text}: '{stage}' is not a stage of this study. {_suggestion(stage, stages)}")
    if name in _OURS:
        raise UserError(f"--set {text}: use --run-version for the version, and `after:` in the study for upstream.")
    declared = read_parameters(notebook_of(stage))
    head, dot, _ = name.partition(".")
    if dot and head in declared and get_origin(declared[head].type) is dict:
        is_text = get_args(declared[head].type)[1] is str
        return stage, name, value if is_text else yaml.safe_load(value)
    if dot:
        raise UserError(f"--set {text}: '{head}' is not a parameter of {stage} that holds names and values.")
    return stage, name, coerce(declared[name], value) if name in declared else yaml.safe_load(value)


def closure(stages: Mapping[str, StagePlan], stage: str) -> list[str]:
    """The stages that a stage reads, directly or indirectly, in the study's order."""
    found: set[str] = set()
    waiting = list(stages[stage].after)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += stages[name].after
    return [name for name in stages if name in found]


def narrowed(study: Study, task: str | None) -> Study:
    """The part of a study that one task needs: its stage and what that reads; the whole study for None.

    Raises:
        UserError: the task is not a stage of this study.
    """
    if task is None:
        return study
    stage = stage_of_task(task)
    if stage not in study.stages:
        known = ", ".join(study.stages)
        raise UserError(f"--task {task}: the study '{study.name}' has no stage '{stage}'. It has: {known}.")
    return _part(study, {stage, *closure(study.stages, stage)})


def sound_part(study: Study) -> Study:
    """The study without the stages that could not be run as they are, and what reads them."""
    sound = [name for name in study.stages if not stage_problems(study, name)]
    return _part(study, {name for name in sound if all(a in sound for a in closure(study.stages, name))})


def _part(study: Study, names: Container[str]) -> Study:
    grid = {key: values for key, values in study.grid.items() if key.partition(".")[0] in names}
    return replace(study, stages={n: plan for n, plan in study.stages.items() if n in names}, grid=grid)


def study_problems(study: Study) -> list[str]:
    """Everything that is wrong with a study before any compute, a sentence each.

    Unknown stages; cycles; unknown, mistyped or illegal parameters, also those of the grid; secrets written out as
    values. Environment variables that are not set are told by `missing_variables`, for the stages that will run.
    """
    problems = _cycle_problems(study.stages)
    return problems + [problem for stage in study.stages for problem in stage_problems(study, stage)]


def stage_problems(study: Study, stage: str) -> list[str]:
    """What is wrong with one stage of a study and with the grid's values for it, a sentence each."""
    if stage not in stage_numbers():
        return [f"stages.{stage}: there is no notebook of that name. {_suggestion(stage, stage_numbers())}"]
    try:
        declared = read_parameters(notebook_of(stage))
    except UserError as error:
        return [str(error)]
    problems = _value_problems(stage, declared, study.stages[stage].values) + _contract_problems(stage, declared)
    tried = [
        (key.partition(".")[2], v) for key, values in study.grid.items() for v in values if key.startswith(f"{stage}.")
    ]
    return problems + [f"grid: {p}" for name, value in tried for p in _value_problems(stage, declared, {name: value})]


def _value_problems(stage: str, declared: Mapping[str, Parameter], values: Mapping[str, Any]) -> list[str]:
    given = {name: normalise(declared[name], v) if name in declared else v for name, v in values.items()}
    problems = [f"{stage}: {problem}" for problem in check_values(declared, given)]
    return problems + [
        f"{stage}: '{name}' looks like a secret. Put it in an environment variable and name that variable in a "
        f"parameter that ends in _env."
        for name, value in values.items()
        if isinstance(value, str) and _SECRET.search(value)
    ]


def _contract_problems(stage: str, declared: Mapping[str, Parameter]) -> list[str]:
    missing = [name for name in ("run_version", "upstream", "seed") if name not in declared]
    return [f"{stage}: its notebook does not declare the parameter(s) {', '.join(missing)}."] if missing else []


def _cycle_problems(stages: Mapping[str, StagePlan]) -> list[str]:
    try:
        topological_order(stages)
    except UserError as error:
        return [str(error)]
    return []


def topological_order(stages: Mapping[str, StagePlan]) -> list[str]:
    """Stages so that each comes after what it reads; otherwise in the study's order.

    Raises:
        UserError: stages wait for each other in a circle.
    """
    ordered: list[str] = []
    waiting = list(stages)
    while waiting:
        ready = [s for s in waiting if all(a in ordered for a in stages[s].after)]
        if not ready:
            raise UserError(f"These stages wait for each other in a circle: {', '.join(waiting)}. Mend their `after:`.")
        ordered.append(ready[0])
        waiting.remove(ready[0])
    return ordered


def resolved_values(plan: StagePlan) -> tuple[dict[str, Any], dict[str, str]]:
    """Every parameter's value, and where each comes from (default, study, command line, grid)."""
    declared = read_parameters(notebook_of(plan.stage))
    given = {name: normalise(declared[name], value) for name, value in plan.values.items()}
    values = {name: p.default for name, p in declared.items()} | given
    return values, dict.fromkeys(declared, "default") | plan.values_from


def missing_variables(stage: str, values: Mapping[str, Any]) -> list[str]:
    """Environment variables that a stage's parameters need and that are not set, a sentence each."""
    return [
        f"{stage}.{name} is '{text}', but the environment variable {variable} is not set. "
        f"Set it (export {variable}=/folder/with/the/files), or pass --set {stage}.{name}=<path>."
        for name, value in values.items()
        for text in (value if isinstance(value, list) else [value])
        if isinstance(text, str)
        for variable in _VARIABLE.findall(text)
        if variable not in os.environ
    ]


def _suggestion(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(str(name), names, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(names)}."
