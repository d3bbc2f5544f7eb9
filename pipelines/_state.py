"""Is a stage up to date? Decided by content, and told in words.

A stage is done if it was executed with the same notebook code, parameters, modules of `shared`, package versions and
inputs as now, and everything that it wrote is still there as it was written. Inputs count by content: an upstream
stage that runs again and writes the same bytes makes nothing else run.
"""

import json
import platform
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pipelines._code import Code, code_behind
from pipelines._digests import Digests
from pipelines._hygiene import cleaned, private_texts, told_values
from pipelines._places import FAILURE, NOTEBOOK, process_is_alive, pulse_path, state_path
from pipelines._plan import Step
from shared.runs import (
    RESULTS,
    UserError,
    declared_upstream,
    home,
    notebook_of,
    read_manifest,
    resolve_path,
    stage_folder,
    stage_numbers,
    strings_in,
)

_PULSE_SECONDS = 120.0


class Status(Enum):
    """What `status` says about a stage."""

    DONE = "done"
    STALE = "stale"
    MISSING = "missing"
    FAILED = "failed"
    RUNNING = "running"


@dataclass(frozen=True)
class State:
    """The status of one step and why it is so, a reason a line."""

    status: Status
    reasons: tuple[str, ...] = ()


def key_of(step: Step) -> dict[str, Any]:
    """Everything but the inputs that decides a stage's result, in a form that JSON keeps."""
    code: Code = code_behind(notebook_of(step.stage))
    key = {
        "notebook": code.notebook,
        "parameters": told_values(step.values),
        "modules": code.modules,
        "packages": code.packages,
        "python": ".".join(platform.python_version_tuple()[:2]),
    }
    # Through JSON, because it is compared with what a manifest kept: tuples are lists there.
    return dict(json.loads(json.dumps(key)))


def state_of(step: Step, digests: Digests) -> State:
    """The state of a step on disk, taken by itself: what its upstream stages will do is not looked at."""
    state = state_on_disk(step.version, step.stage)
    manifest = read_manifest(step.folder)
    if state.status is not Status.DONE or manifest is None:
        return state
    reasons = tuple(_reasons(step, manifest, digests))
    return State(Status.STALE, reasons) if reasons else state


def state_on_disk(version: str, stage: str) -> State:
    """The state of a stage as its folder tells it: done, running, failed or missing, but never stale."""
    if running := _running(version, stage):
        return State(Status.RUNNING, (running,))
    folder = stage_folder(version, stage)
    return State(Status.DONE) if read_manifest(folder) is not None else _incomplete(folder)


def _running(version: str, stage: str) -> str | None:
    path = state_path(version, stage)
    try:
        running = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    local = running["host"] == platform.node()
    if not (process_is_alive(running["pid"]) if local else _pulse_is_fresh(version)):
        return None
    return f"cell {running['cell']} of {running['cells']}: {running['heading']} (process {running['pid']})"


def _pulse_is_fresh(version: str) -> bool:
    # Only for telling people; workers themselves compare contents, because clocks of machines differ.
    pulse = pulse_path(version.partition("/")[0])
    return pulse.exists() and time.time() - pulse.stat().st_mtime < _PULSE_SECONDS


def _incomplete(folder: Path) -> State:
    try:
        failure = json.loads((folder / FAILURE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        # A failure leaves its report and a finish its manifest: files without either were left by a kill.
        was_killed = folder.exists() and any(folder.iterdir())
        return State(Status.MISSING, ("it was interrupted before it ended",) if was_killed else ())
    return State(Status.FAILED, (failure["summary"],))


def _reasons(step: Step, manifest: Mapping[str, Any], digests: Digests) -> Iterator[str]:
    known = manifest["facts"].get("key")
    if known is None:
        yield "it was executed by hand, so nobody wrote down which code it ran"
        return
    yield from _key_reasons(known, key_of(step))
    yield from _input_reasons(step, manifest["inputs"], digests)
    yield from _output_reasons(step.folder, manifest["outputs"], digests)
    for name in (NOTEBOOK, RESULTS):
        if not (step.folder / name).exists():
            yield f"{name} is missing"


def _key_reasons(known: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    if known["notebook"] != now["notebook"]:
        yield "the notebook's code was edited"
    for name, before, after in _changes(known["parameters"], now["parameters"]):
        yield f"parameter {name}: {_shown(before)} → {_shown(after)}"
    for name, before, after in _changes(known["modules"], now["modules"]):
        yield f"{name} {_verb(before, after)}"
    for name, before, after in _changes(known["packages"], now["packages"]):
        yield f"package {name}: {before or 'not used'} → {after or 'not used'}"
    if known["python"] != now["python"]:
        yield f"Python {known['python']} → {now['python']}"


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in [*before, *(n for n in after if n not in before)]:
        if before.get(name) != after.get(name):
            yield name, before.get(name), after.get(name)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def _verb(before: str | None, after: str | None) -> str:
    if before is None:
        return "is imported now"
    return "is no longer imported" if after is None else "was edited"


def _input_reasons(step: Step, inputs: list[dict[str, Any]], digests: Digests) -> Iterator[str]:
    for entry in inputs:
        if entry["digest"] is None:
            yield from _absence_reasons(step, entry)
        elif entry["stage"] is None:
            yield from _outside_reasons(step, entry, digests)
        else:
            yield from _upstream_reasons(step, entry, digests)


def _outside_reasons(step: Step, entry: Mapping[str, Any], digests: Digests) -> Iterator[str]:
    # The manifest hides where a file lies on this machine; the parameter that names it says so still.
    private = private_texts(step.values)
    true = {cleaned(text, private): text for text in strings_in(step.values)}
    try:
        digest = digests.of(resolve_path(true.get(entry["path"], entry["path"])))
    except UserError as error:
        yield str(error)
        return
    if digest != entry["digest"]:
        yield f"input {entry['path']} {'changed' if digest else 'is gone'}"


def _absence_reasons(step: Step, entry: Mapping[str, Any]) -> Iterator[str]:
    try:
        folders = declared_upstream(step.version, step.values["upstream"])
    except UserError:  # what is not complete runs first; then this is looked at again
        return
    found = _newest_holder(folders, entry["name"])
    if found is not None:
        yield f"{entry['name']} was not there and now comes from {found.relative_to(home()).as_posix()}"


def _upstream_reasons(step: Step, entry: Mapping[str, Any], digests: Digests) -> Iterator[str]:
    try:
        folders = declared_upstream(step.version, step.values["upstream"])
    except UserError:
        yield f"{entry['stage']}, or something else that it reads, is not complete"
        return
    found = _newest_holder(folders, entry["path"].rpartition(f"/{entry['stage']}/")[2])
    if found is None:
        yield f"no upstream stage holds {entry['name']}"
    # Another place with the same content is no reason: only what is read counts.
    elif digests.of(found) != entry["digest"]:
        moved = found != home() / entry["path"]
        place = found.relative_to(home()).as_posix()
        yield f"{entry['name']} now comes from {place}" if moved else f"{entry['name']} of {entry['stage']} changed"


def _newest_holder(folders: Mapping[str, Path], relative: str) -> Path | None:
    numbers = stage_numbers()
    holders = [s for s in folders if (folders[s] / relative).exists()]
    return folders[max(holders, key=numbers.__getitem__)] / relative if holders else None


def _output_reasons(folder: Path, outputs: list[dict[str, Any]], digests: Digests) -> Iterator[str]:
    for entry in outputs:
        digest = digests.of(folder / entry["path"])
        if digest != entry["digest"]:
            yield f"output {entry['path']} {'was changed after it was written' if digest else 'is missing'}"
