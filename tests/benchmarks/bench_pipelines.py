"""The runner beside papermill's own command line, on a diamond of four notebooks that hardly compute.

Run: `python tests/benchmarks/bench_pipelines.py`. What is timed is what a run costs besides the work: starting Python,
kernels, reports (which the peer does not write), and finding out that nothing is left to do (which the peer cannot).
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NOTEBOOK = """\
# %% [markdown]
# # Pass a number on

# %%
from shared.runs import begin

# %% tags=["parameters"]
run_version: str = "v0.1"
upstream: list[str] = []
seed: int = 0

# %%
run = begin("{stage}", globals())
run.write_json("{stage}.json", {reads})

# %%
run.finish()
"""
DIAMOND = {"010_top": [], "020_left": ["top"], "030_right": ["top"], "040_bottom": ["left", "right"]}


def build(root: Path) -> None:
    """A project with the four notebooks and their study."""
    (root / "notebooks").mkdir()
    (root / "pipelines" / "studies").mkdir(parents=True)
    here = Path(__file__).resolve().parents[2]
    (root / "pyproject.toml").write_text((here / "pyproject.toml").read_text())
    stages = {}
    for name, after in DIAMOND.items():
        reads = "[" + ", ".join(f'run.find("{stage}.json").name' for stage in after) + "]"
        (root / "notebooks" / f"{name}.py").write_text(NOTEBOOK.format(stage=name[4:], reads=reads))
        stages[name[4:]] = {"after": after}
    (root / "pipelines" / "studies" / "diamond.yaml").write_text(json.dumps({"run_version": "ours", "stages": stages}))


def seconds(root: Path, *commands: list[str]) -> float:
    """Wall time of commands one after another."""
    environment = os.environ | {"COLLOQUY_PROJECT": str(root), "COLLOQUY_HOME": str(root)}
    started = time.perf_counter()
    for command in commands:
        subprocess.run([sys.executable, "-m", *command], env=environment, check=True, capture_output=True, cwd=root)
    return time.perf_counter() - started


def told(name: str, ours: float, peer: float, target: float) -> None:
    """Print one line of the benchmark file."""
    row = {"name": name, "ratio": peer / ours, "target": target, "ours": ours, "peer": peer, "unit": "s"}
    print(json.dumps(row))


def main() -> None:
    """Time the diamond cold and finished."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        build(root)
        seconds(root, ["pipelines", "pair"])
        each = [
            ["papermill", f"notebooks/{name}.ipynb", f"{name}.ipynb", "-p", "run_version", "peer"] for name in DIAMOND
        ]
        peer = seconds(root, *each)
        cold = seconds(root, ["pipelines", "run", "diamond"])
        told("runner: a diamond of 4 notebooks, beside papermill's command line", cold, peer, 1.0)
        noop = min(seconds(root, ["pipelines", "run", "diamond"]) for _ in range(3))
        told("runner: the same again, nothing changed, beside papermill's command line", noop, peer, 5.0)


if __name__ == "__main__":
    main()
