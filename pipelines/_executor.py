"""Executing one step: papermill in this process, a kernel that dies with it, atomic saves after every cell.

What is on disk, in the order of writing, so that a kill at any instant is survived: the old manifest, executed
notebook and failure are removed; facts for the kernel and the running state are written; `notebook.partial.ipynb` is
replaced after every cell; the notebook itself writes its outputs and, last, `manifest.json`; then the partial notebook
is renamed to `notebook.ipynb`. A stage without manifest or without executed notebook is not done.
"""

import os
import platform
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any

import nbformat
from nbclient.exceptions import DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.execute import execute_notebook
from papermill.log import logger

from pipelines._drawing import draw_stage
from pipelines._failure import Failure, Kind, end_of_process, heading_above, last_lines, likely_cause, summary_of
from pipelines._hygiene import cleaned, cleaned_notebook, private_texts
from pipelines._kernel import MemoryWatch, StageKernel
from pipelines._lifeline import follow_pulse
from pipelines._notebooks import notebook_folder
from pipelines._pairing import generate
from pipelines._places import (
    FAILURE,
    NOTEBOOK,
    PARTIAL_NOTEBOOK,
    PROGRESS,
    facts_path,
    log_path,
    page_path,
    pulse_path,
    runner_folder,
    state_path,
)
from shared.runs import home, project, read_manifest, stage_folder, write_json, write_text

_ENGINE = "colloquy"
_START_SECONDS = 180  # a machine under load may take long to start Python


@dataclass(frozen=True)
class Order:
    """What a worker needs to execute one step; it travels to other processes and machines.

    Attributes:
        stage: its noun.
        notebook: name such as `130_classifier`.
        text: the py:percent text, so that every machine executes what was planned.
        values: every parameter.
        given: names of the parameters that are not the notebook's defaults; only these are injected.
        readable: stages that the step may read.
        facts: for the manifest: study, where values come from, content key.
        environment: variables that start with COLLOQUY_, so that all machines agree on the places.
        threads: cores that the kernel's libraries may use.
        pulse: the run's sign of life in `.runner/pulse.json`, where workers are on other machines; else None.
    """

    stage: str
    notebook: str
    text: str
    values: dict[str, Any]
    given: tuple[str, ...]
    readable: tuple[str, ...]
    facts: dict[str, Any]
    environment: dict[str, str]
    threads: int
    pulse: str | None = None

    @property
    def version(self) -> str:
        """The folder under `runs/`."""
        return str(self.values["run_version"])

    @property
    def folder(self) -> Path:
        """The step's run folder."""
        return stage_folder(self.version, self.stage)


@dataclass(frozen=True)
class Outcome:
    """How a step ended."""

    kind: Kind
    summary: str
    wall_seconds: float
    peak_memory_bytes: int
    page_problem: str = ""  # why its page could not be drawn; the step's outputs are not touched by that


@dataclass
class _Execution:
    """What the notebook's execution leaves for the report of it."""

    order: Order
    started: float = field(default_factory=time.monotonic)
    memory: MemoryWatch = field(default_factory=MemoryWatch)
    notebook: Any = None
    cell: int = 0
    kernel: StageKernel | None = None
    over: threading.Event = field(default_factory=threading.Event)
    orphaned: threading.Event = field(default_factory=threading.Event)


def execute(order: Order) -> Outcome:
    """Execute one step and write its page; a failure is an outcome, not an exception.

    Returns:
        The outcome. `failure.json` lies in the run folder unless it is `Kind.DONE`.
    """
    # A worker on another machine was started by someone else: the run's places are the order's.
    os.environ.update(order.environment)
    _clear(order)
    write_json(facts_path(order.version, order.stage), order.facts)
    run = _Execution(order)
    try:
        failure = _run_notebook(run)
    finally:
        run.over.set()
        run.memory.stop()
    if run.orphaned.is_set():  # these files may belong to another run by now
        return Outcome(Kind.KILLED, "the run that gave this order has ended", _elapsed(run), run.memory.peak_bytes)
    state_path(order.version, order.stage).unlink(missing_ok=True)
    return _close(run, failure)


def _elapsed(run: _Execution) -> float:
    return round(time.monotonic() - run.started, 3)


def _clear(order: Order) -> None:
    folder = order.folder
    folder.mkdir(parents=True, exist_ok=True)
    runner_folder(order.version).mkdir(parents=True, exist_ok=True)
    # The manifest goes first: from here on the stage is incomplete, whatever else happens.
    for name in ("manifest.json", NOTEBOOK, FAILURE, PROGRESS, PARTIAL_NOTEBOOK):
        (folder / name).unlink(missing_ok=True)


def _run_notebook(run: _Execution) -> Failure | None:
    order = run.order
    logger.setLevel("ERROR")  # papermill tells every path that it touches
    papermill_engines.register(_ENGINE, _StageEngine)
    try:
        execute_notebook(
            generate(order.text),
            None,
            parameters={name: order.values[name] for name in order.given},
            engine_name=_ENGINE,
            kernel_name="python3",
            progress_bar=False,
            start_timeout=_START_SECONDS,
            run=run,
        )
    except PapermillExecutionError as error:
        return _cell_failure(run, error)
    except (DeadKernelError, RuntimeError) as error:
        return _dead_kernel(run, error)
    return _contract_failure(run)


class _StageEngine(NBClientEngine):
    """papermill's engine with our kernel, our way of saving, and a state file for people who wait."""

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, *, run: _Execution, **options: Any) -> Any:
        """Called by papermill with the parameterised notebook; gives it back with its outputs."""
        manager = _StageManager(nb, run)
        manager.notebook_start()
        try:
            client = PapermillNotebookClient(
                manager,
                timeout=None,
                startup_timeout=options["start_timeout"],
                iopub_timeout=_START_SECONDS,  # the default of 4 s fails cells on a busy machine
                kernel_name=kernel_name,
                resources={"metadata": {"path": str(notebook_folder())}},
                log=logger,
            )
            client.km = run.kernel = _kernel(run.order)
            client.execute()
        finally:
            manager.notebook_complete()
        return manager.nb


class _StageManager(NotebookExecutionManager):
    """Saves atomically and without private text; notes which cell runs; has the kernel's memory watched."""

    def __init__(self, nb: Any, run: _Execution) -> None:
        super().__init__(nb, progress_bar=False)
        self._run = run

    def save(self, **_: Any) -> None:
        """Called before and after every cell, and now and then within a long one."""
        self._run.notebook = cleaned_notebook(self.nb, self._run.order.values)
        content = nbformat.writes(nbformat.from_dict(self._run.notebook))
        write_text(self._run.order.folder / PARTIAL_NOTEBOOK, content)
        self.last_save_time = self.now()

    def cell_start(self, cell: Any, cell_index: int | None = None, **options: Any) -> None:
        """Called before every cell; the kernel is up when the first one comes."""
        self._run.cell = index = cell_index or 0
        if index == 0:
            _watch(self._run)
        self._note(index)
        super().cell_start(cell, cell_index, **options)

    def _note(self, index: int) -> None:
        state = {
            "pid": os.getpid(),
            "host": platform.node(),
            "cell": index + 1,
            "cells": len(self.nb.cells),
            "heading": heading_above(self.nb, index),
            "time": time.time(),
        }
        write_json(state_path(self._run.order.version, self._run.order.stage), state)


def _watch(run: _Execution) -> None:
    process = run.kernel.process if run.kernel else None
    if process is None:
        return
    run.memory.start(process.pid)
    if run.order.pulse is not None:
        threading.Thread(target=_follow, args=(run, run.order.pulse, process), daemon=True).start()


def _follow(run: _Execution, pulse: str, process: Popen[bytes]) -> None:
    def abandon() -> None:
        run.orphaned.set()
        process.kill()

    follow_pulse(pulse_path(_root_version(run.order)), pulse, run.over, abandon)


def _root_version(order: Order) -> str:
    return order.version.partition("/")[0]


def _kernel(order: Order) -> StageKernel:
    kernel = StageKernel()
    kernel.noise = log_path(order.version, order.stage)
    library = str(Path(__file__).resolve().parents[1])
    threads = {} if "OMP_NUM_THREADS" in os.environ else {"OMP_NUM_THREADS": str(order.threads)}
    kernel.environment = {
        **os.environ,
        **threads,
        "PYTHONHASHSEED": "0",  # the order of sets is part of "the same seed gives the same files"
        "PYTHONPATH": os.pathsep.join(p for p in (library, os.environ.get("PYTHONPATH", "")) if p),
        "COLLOQUY_RUN_FACTS": str(facts_path(order.version, order.stage)),
        "COLLOQUY_PROGRESS": str(order.folder / PROGRESS),
    }
    return kernel


def _cell_failure(run: _Execution, error: PapermillExecutionError) -> Failure:
    # The exception lives in the kernel: here only its name is known.
    is_users = error.ename == "UserError"
    traceback = [] if is_users else [_without_colours(line) for line in error.traceback]
    text = error.evalue if is_users else f"{error.ename}: {error.evalue}"
    return _failure(run, Kind.USER_ERROR if is_users else Kind.FAILED, run.cell, text, traceback)


def _without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def _dead_kernel(run: _Execution, error: Exception) -> Failure:
    process = run.kernel.process if run.kernel else None
    ended = end_of_process(process.poll() if process else None)
    log = log_path(run.order.version, run.order.stage)
    noise = log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:] if log.exists() else []
    return _failure(run, Kind.KILLED, run.cell, f"the kernel died ({ended})", [str(error), *noise])


def _contract_failure(run: _Execution) -> Failure | None:
    manifest = read_manifest(run.order.folder)
    last = len(run.notebook["cells"]) - 1
    if manifest is None:
        return _failure(run, Kind.FAILED, last, "the notebook ended without run.finish(); end it with that line", [])
    # Without `after`, a stage may find whatever happens to be there: then its result would depend on the order of runs.
    read = {entry["stage"] for entry in manifest["inputs"] if entry["stage"]}
    undeclared = sorted(read - set(run.order.readable))
    if not undeclared:
        return None
    names = ", ".join(undeclared)
    text = f"it read {names}, which the study does not let it read. Add `after: [{names}]` to stages.{run.order.stage}."
    return _failure(run, Kind.USER_ERROR, last, text, [])


def _failure(run: _Execution, kind: Kind, index: int, error: str, traceback: list[str]) -> Failure:
    cell = run.notebook["cells"][index] if run.notebook else {"source": ""}
    heading = heading_above(run.notebook, index) if run.notebook else ""
    peak = run.memory.peak_bytes
    return Failure(
        summary=summary_of(kind, heading, error),
        kind=kind.value,
        stage=run.order.stage,
        version=run.order.version,
        heading=heading,
        cell=index + 1,
        source=cell["source"],
        parameters=run.order.values,
        message=error,
        traceback="\n".join(traceback),
        last_output="\n".join(last_lines(run.notebook)) if run.notebook else "",
        peak_memory_bytes=peak,
        wall_seconds=_elapsed(run),
        likely_cause=likely_cause(error, peak),
    )


def _close(run: _Execution, failure: Failure | None) -> Outcome:
    order = run.order
    wall = _elapsed(run)
    if failure is None:
        os.replace(order.folder / PARTIAL_NOTEBOOK, order.folder / NOTEBOOK)
        return Outcome(Kind.DONE, "", wall, run.memory.peak_bytes, _draw(order))
    (order.folder / "manifest.json").unlink(missing_ok=True)
    told = cleaned(failure.as_json(), private_texts(order.values, wholly=True))
    write_json(order.folder / FAILURE, told)
    return Outcome(Kind(failure.kind), told["summary"], wall, run.memory.peak_bytes, _draw(order))


def _draw(order: Order) -> str:
    return draw_stage(order.folder, page_path(order.version, order.notebook), order.values)


def lost_worker(order: Order, message: str) -> Outcome:
    """The outcome of an order whose worker was killed, again and again, with its kernel."""
    failure = _failure(_Execution(order), Kind.KILLED, 0, f"the worker died: {message}", [])
    write_json(order.folder / FAILURE, failure.as_json())
    return Outcome(Kind.KILLED, failure.summary, 0.0, 0, _draw(order))


def places() -> Mapping[str, str]:
    """The environment variables that tell every process of a run where things are."""
    ours = {name: value for name, value in os.environ.items() if name.startswith("COLLOQUY_")}
    return ours | {"COLLOQUY_HOME": str(home()), "COLLOQUY_PROJECT": str(project())}
