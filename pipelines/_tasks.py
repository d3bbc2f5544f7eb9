"""What the Makefile does, in Python alone: tests, lint, benchmarks and JupyterLab, also where there is no make."""

import json
import os
import subprocess
import sys
from pathlib import Path

from importlinter.cli import lint_imports

from shared.runs import project, write_json

_START = "notebooks/000_start.ipynb"
# JupyterLab opens a .py of notebooks/ as a notebook, and asks nobody whether to fetch news.
_LAB_SETTINGS = {
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"python": "Jupytext Notebook"}},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}


def test(*, slow: bool = False) -> int:
    """Run the tests on all cores; returns pytest's exit code.

    Args:
        slow: run the tests marked slow instead of the others.
    """
    # Every worker is one process of its own: one thread each, or torch would start cores x cores threads.
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    workers = str(min(os.cpu_count() or 1, 8))
    marked = "slow" if slow else "not slow"
    return _run("pytest", "-n", workers, "--dist", "loadfile", "-m", marked, environment=environment)


def lint() -> int:
    """Run every static check, all of them even if one fails; returns 0 if all passed, else 1."""
    checks = [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        ("pipelines", "pair", "--check"),
        ("pipelines", "check"),
    ]
    failed = [" ".join(check) for check in checks if _run(*check) != 0]
    failed += ["import contracts"] if lint_imports() != 0 else []
    for name in failed:
        print(f"failed: {name}", file=sys.stderr)
    return 1 if failed else 0


def bench() -> int:
    """Run every benchmark in a process of its own and write `reports/bench.json`; returns 1 if one gave no figure.

    A benchmark is `tests/benchmarks/bench_<room>.py`: it prints one JSON object a line with `name`, `ratio`, `target`,
    `ours`, `peer` and `unit`. A ratio below its target is reported, not raised: speed depends on the machine.
    """
    results: list[dict[str, object]] = []
    failed = 0
    for script in sorted((project() / "tests" / "benchmarks").glob("bench_*.py")):
        finished = subprocess.run(
            [sys.executable, str(script)], check=False, cwd=project(), stdout=subprocess.PIPE, text=True
        )
        found = [json.loads(line) for line in finished.stdout.splitlines() if line.startswith("{")]
        if finished.returncode or not found:
            failed += 1
            print(f"{script.name} ended with code {finished.returncode} and {len(found)} figures", file=sys.stderr)
        for row in found:
            print(
                "{name}: {ratio:.2f} x (target {target}), ours {ours:.4g} {unit}, peer {peer:.4g} {unit}".format(**row)
            )
        results += found
    write_json(project() / "reports" / "bench.json", results)
    return 1 if failed else 0


def lab(*, port: int = 8888, browser: bool = True) -> int:
    """Open JupyterLab on the loopback address with a token, at the start notebook; returns its exit code.

    Args:
        port: the first to try; a taken one gives way to the next.
        browser: open it in a browser; the address is printed either way.
    """
    write_json(Path(sys.prefix) / "share" / "jupyter" / "lab" / "settings" / "overrides.json", _LAB_SETTINGS)
    options = [
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.allow_root=True",  # the usual user in a container; the address is local and needs the token
        f"--ServerApp.port={port}",
        f"--ServerApp.root_dir={project()}",
        f"--ServerApp.open_browser={browser}",
        "--ServerApp.jpserver_extensions=pipelines.lab=True",
        f"--LabApp.default_url=/lab/tree/{_START}",
    ]
    return _run("jupyterlab", *options)


def _run(module: str, *arguments: str, environment: dict[str, str] | None = None) -> int:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], check=False, cwd=project(), env=environment
    ).returncode
