"""One stage of one run: what it reads, what it writes, and the manifest that says it is complete."""

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from shared.params import Parameter, UserError, check_values, read_parameters
from shared.runs import _atomic
from shared.runs._by_hand import executed_cells, tell_way_to_report
from shared.runs._digest import digest_of, digest_of_text
from shared.runs._places import home, missing_hint, notebook_of, project, resolve_path, stage_folder, stage_numbers
from shared.runs._private import hidden, local_texts
from shared.runs._results import show_tables_like_sentences, start_results

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

MANIFEST = "manifest.json"
RESULTS = "results.json"
# Written by the executor or kept for resuming: never outputs, never swept by `finish`.
KEPT = {MANIFEST, RESULTS, "notebook.ipynb", "notebook.partial.ipynb", "failure.json", "progress.jsonl", "checkpoints"}


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a stage folder, or None if the stage is not complete."""
    path = folder / MANIFEST
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def begin(stage: str, namespace: Mapping[str, Any]) -> "Run":
    """Check the notebook's parameters and open `runs/<run_version>/<stage>/`.

    Args:
        stage: the noun of the stage.
        namespace: `globals()` of the notebook, after its parameters cell.

    Returns:
        The open run. The manifest of an earlier execution is removed: the stage is incomplete until `finish`.

    Raises:
        UserError: a parameter has a wrong type or an illegal value, or a plain value was injected under a name
            that the notebook does not declare (all problems at once).
    """
    declared = read_parameters(notebook_of(stage))
    values = {name: namespace[name] for name in declared if name in namespace}
    problems = check_values(declared, values | _undeclared(namespace, declared))
    if problems:
        raise UserError("\n".join([f"{stage}: {len(problems)} problem(s) with the parameters.", *problems]))
    show_tables_like_sentences()
    return Run(stage, {name: p.default for name, p in declared.items()} | values)


def _undeclared(namespace: Mapping[str, Any], declared: Mapping[str, Parameter]) -> dict[str, Any]:
    # papermill injects a misspelt parameter as one more plain variable; at this point of a notebook nothing else
    # that is plain and public can exist, save imported CONSTANTS. IPython's history is In, Out and underscored names.
    plain = (str, int, float, bool, list, dict)
    return {
        name: value
        for name, value in namespace.items()
        if type(value) in plain and name not in declared and name.islower() and not name.startswith("_")
    }


class Run:
    """An open stage: reads go through `table`, `find`, `input`; writes through `write_*`, `new_file`, `new_folder`."""

    def __init__(self, stage: str, parameters: dict[str, Any]) -> None:
        self.stage = stage
        self.version: str = parameters["run_version"]
        self.parameters = parameters
        self.folder = stage_folder(self.version, stage)
        self._started = time.time()
        self._inputs: dict[str, dict[str, Any]] = {}
        self._written: set[str] = set()
        self._results = start_results()
        self._shields: list[Callable[[Any], Any]] = [lambda value: hidden(value, local_texts(parameters))]
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in (MANIFEST, "failure.json", "notebook.ipynb"):  # all that tells of an earlier execution
            (self.folder / name).unlink(missing_ok=True)

    # Reading

    def table(self, name: str, columns: list[str] | None = None) -> "pd.DataFrame":
        """The Parquet table `name` of the newest upstream stage that wrote it.

        Raises:
            UserError: no upstream stage wrote it, or one named in `upstream` is not complete.
        """
        import pandas as pd

        return pd.read_parquet(self.find(f"{name}.parquet"), columns=columns)

    def has(self, name: str) -> bool:
        """Whether an upstream stage wrote a file or folder `name` (a table is `<name>.parquet`).

        The answer counts as an input: the stage is stale once it would be another one.
        """
        holders = self._holders(name)
        if holders:
            self._remember(holders[0] / name, stage=holders[0].name, text=None)
        else:
            self._inputs.setdefault(name, {"path": name, "stage": None, "name": name, "digest": None})
        return bool(holders)

    def find(self, name: str) -> Path:
        """The file or folder `name` of the newest upstream stage that wrote it.

        Raises:
            UserError: no upstream stage wrote it, or one named in `upstream` is not complete.
        """
        holders = self._holders(name)
        if not holders:
            read = ", ".join(folder.name for folder in self._upstream_folders()) or "none"
            raise UserError(
                f"{self.stage}: no earlier stage of run '{self.version}' wrote {name}. Complete stages read: {read}. "
                "Run the stage that writes it first, or list it under `after:` (parameter `upstream`)."
            )
        self._remember(holders[0] / name, stage=holders[0].name, text=None)
        return holders[0] / name

    def input(self, text: str) -> Path:
        """An outside file or folder named by a parameter; its content counts for being up to date.

        Raises:
            UserError: the path is empty, names an unset environment variable, or does not exist.
        """
        path = resolve_path(text)
        if not path.exists():
            raise UserError(f"{self.stage}: there is no file or folder '{text}'. {missing_hint(path)}")
        self._remember(path, stage=None, text=text)
        return path

    def _remember(self, path: Path, *, stage: str | None, text: str | None) -> None:
        shown = text or path.relative_to(home()).as_posix()
        if shown not in self._inputs:
            self._inputs[shown] = {"path": shown, "stage": stage, "name": path.name, "digest": digest_of(path)}

    def _holders(self, name: str) -> list[Path]:
        return [folder for folder in self._upstream_folders() if (folder / name).exists()]

    def _upstream_folders(self) -> list[Path]:
        """Complete upstream folders, newest stage first."""
        return [folder for _, folder in sorted(self._upstream().items(), reverse=True)]

    def _upstream(self) -> dict[int, Path]:
        numbers = stage_numbers()
        declared = self.parameters["upstream"]
        if not declared:
            earlier = [s for s, number in numbers.items() if number < numbers[self.stage]]
            return {numbers[s]: f for s in earlier if (f := _complete_folder(self.version, s))}
        return {numbers[s]: f for s, f in declared_upstream(self.version, declared).items()}

    # Writing

    def write_table(self, name: str, frame: "pd.DataFrame", schema: "pa.Schema | None" = None) -> None:
        """Write `<name>.parquet`; later stages read it with `table(name)`."""
        _atomic.write_parquet(self._target(f"{name}.parquet"), frame, schema)

    def write_csv(self, name: str, frame: "pd.DataFrame") -> None:
        """Write `<name>` as UTF-8 CSV with a header and without the index."""
        with self.new_file(name) as partial:
            frame.to_csv(partial, index=False)

    def write_json(self, name: str, value: Any) -> None:
        """Write indented JSON; NaN becomes null."""
        _atomic.write_json(self._target(name), value)

    def write_jsonl(self, name: str, rows: Iterable[Any]) -> None:
        """Write one JSON value a line."""
        _atomic.write_jsonl(self._target(name), rows)

    def write_text(self, name: str, content: str) -> None:
        """Write UTF-8 text."""
        _atomic.write_text(self._target(name), content)

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write bytes."""
        _atomic.write_bytes(self._target(name), content)

    @contextmanager
    def new_file(self, name: str) -> Iterator[Path]:
        """A temporary path that becomes `<name>` when the block ends without an error."""
        with _atomic.new_file(self._target(name)) as partial:
            yield partial

    @contextmanager
    def new_folder(self, name: str) -> Iterator[Path]:
        """An empty temporary folder that becomes `<name>` when the block ends without an error."""
        with _atomic.new_folder(self._target(name)) as partial:
            yield partial

    def _target(self, name: str) -> Path:
        self._written.add(Path(name).parts[0])
        return self.folder / name

    @property
    def checkpoints(self) -> Path:
        """A folder for what lets killed work resume: one for each set of parameters and inputs, removed by `finish`."""
        inputs = {shown: entry["digest"] for shown, entry in self._inputs.items()}
        key = digest_of_text(json.dumps([self.parameters, inputs], sort_keys=True, default=str))
        folder = self.folder / "checkpoints" / key[:12]
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    # Closing

    def finish(self) -> None:
        """Write `results.json`, sweep what an earlier execution left and this one did not write, then the manifest.

        Executed by hand, the manifest keeps a digest of every executed cell: that is how `python -m pipelines report`
        knows that a saved notebook shows this very execution. In JupyterLab the way to the report is told.
        """
        self._sweep()
        _atomic.write_json(self.folder / RESULTS, self._shielded(self._results.rows()))
        _atomic.write_json(self.folder / MANIFEST, self._shielded(self._manifest()))
        shutil.rmtree(self.folder / "checkpoints", ignore_errors=True)
        if "JPY_SESSION_NAME" in os.environ and "COLLOQUY_RUN_FACTS" not in os.environ:
            tell_way_to_report(self.version, notebook_of(self.stage).stem)

    def shield_with(self, shield: Callable[[Any], Any]) -> None:
        """Have results and manifest pass through one more function first, which hides what must not be shown."""
        self._shields.insert(0, shield)

    def _shielded(self, value: Any) -> Any:
        for shield in self._shields:
            value = shield(value)
        return value

    def _sweep(self) -> None:
        for entry in self.folder.iterdir():
            if entry.name in KEPT or entry.name in self._written:
                continue
            if entry.is_dir():
                shutil.rmtree(entry)
            elif not entry.name.startswith(_atomic.PARTIAL):  # the executor writes its notebook at the same time
                entry.unlink()

    def _manifest(self) -> dict[str, Any]:
        now = time.time()
        facts = _facts()
        return {
            "stage": self.stage,
            "version": self.version,
            "parameters": self.parameters,
            "parameters_from": facts.pop("parameters_from", {}),
            "seed": self.parameters["seed"],
            "inputs": list(self._inputs.values()),
            "outputs": [_output(self.folder / name) for name in sorted(self._written)],
            "packages": _packages(),
            "python": platform.python_version(),
            "git": _git_revision(),
            "device": _device(),
            "started": datetime.fromtimestamp(self._started, UTC).isoformat(timespec="seconds"),
            "finished": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
            "wall_seconds": round(now - self._started, 3),
            "peak_memory_bytes": _peak_memory(),
            "facts": facts,
        }


def _complete_folder(version: str, stage: str) -> Path | None:
    """The stage's folder in this version or, for a grid's combination, in the versions above it."""
    while version:
        folder = stage_folder(version, stage)
        if (folder / MANIFEST).exists():
            return folder
        version = Path(version).parent.as_posix() if "/" in version else ""
    return None


def declared_upstream(version: str, declared: list[str]) -> dict[str, Path]:
    """Folders of the declared stages and of everything that they in turn were allowed to read."""
    found: dict[str, Path] = {}
    waiting = list(declared)
    while waiting:
        stage = waiting.pop()
        if stage in found:
            continue
        folder = _complete_folder(version, stage)
        if folder is None:
            raise UserError(
                f"The upstream stage '{stage}' of run '{version}' is not complete: it has no {MANIFEST}. "
                f"Run it first, for instance with `python -m pipelines run <study> --task {stage}`."
            )
        found[stage] = folder
        waiting += (read_manifest(folder) or {})["parameters"]["upstream"]
    return found


def _output(path: Path) -> dict[str, Any]:
    files = [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]
    return {"path": path.name, "digest": digest_of(path), "bytes": sum(p.stat().st_size for p in files)}


def _facts() -> dict[str, Any]:
    """What the executor knows and the kernel does not: where parameters came from, study, content key.

    Without an executor: digests of the cells that were executed.
    """
    named = os.environ.get("COLLOQUY_RUN_FACTS")
    return json.loads(Path(named).read_text(encoding="utf-8")) if named else {"cells": executed_cells()}


def _packages() -> dict[str, str]:
    """Installed versions of the packages that the project depends on."""
    with (project() / "pyproject.toml").open("rb") as content:
        wanted = tomllib.load(content)["project"]["dependencies"]
    names = [requirement.split("[")[0].split(">")[0].split("=")[0].split("<")[0].strip() for requirement in wanted]
    return {name: importlib.metadata.version(name) for name in names}


def _git_revision() -> str | None:
    """Commit of the project, with `+changes` if tracked files differ from it; None outside a repository."""
    try:
        described = subprocess.run(
            ["git", "-C", str(project()), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+changes"],
            capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()


def _device() -> str:
    """Name of the accelerator if torch was used with one, else the number of CPU cores."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return f"cpu ({os.cpu_count()} cores)"


def _peak_memory() -> int:
    """Largest resident size of this process so far, in bytes."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # macOS reports bytes, Linux KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
