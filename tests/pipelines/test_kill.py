"""`kill -9` at any moment: nobody survives, nothing half-written is used, the next run ends as if nothing had been."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import psutil
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the lifeline is a Linux signal")

SLOW = """
import time
for number in progress(range(8), "steps"):
    run.write_json(f"part-{number}.json", list(range(20_000)))
    (run.checkpoints / "last").write_text(str(number))
    time.sleep(0.05)
"""


def start(toy, *arguments: str) -> subprocess.Popen:
    """A run in a process of its own."""
    command = [sys.executable, "-m", "pipelines", "run", "toy", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def family(toy) -> list[psutil.Process]:
    """Every process of this project: they carry its folder in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get("COLLOQUY_PROJECT") == str(toy.root):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return [process for process in found if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def kill_at(toy, seconds: float, *arguments: str) -> None:
    """Start a run and kill its first process, and only that one, after some seconds."""
    process = start(toy, *arguments)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()


def wait_for(path) -> None:
    """Wait until a file is there, at most a minute."""
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.05)


def nobody_is_left(toy) -> bool:
    """Whether all processes of the project end by themselves; on a busy machine even dying takes its time."""
    deadline = time.monotonic() + 20
    while family(toy) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not family(toy)


def whole(toy) -> bool:
    """Whether every stage that has a manifest has its outputs exactly as the manifest says."""
    from shared.runs import digest_of

    manifests = toy.runs("v1").glob("*/manifest.json")
    return all(
        digest_of(path.parent / output["path"]) == output["digest"]
        for path in manifests
        for output in json.loads(path.read_text())["outputs"]
    )


def slow_study(toy) -> None:
    """Two stages that can go in parallel, and one that reads both."""
    toy.notebook("010_left", work=SLOW, answer="1")
    toy.notebook("020_right", work=SLOW, answer="2")
    toy.notebook("030_both", work=SLOW + "\nrun.find('part-7.json')", answer="3")
    toy.study("run_version: v1\nstages: {left: {}, right: {}, both: {after: [left, right]}}")


def check_after_kills(toy, command, moments: list[float], *arguments: str) -> None:
    """Kill at each moment, then let a run end well."""
    for moment in moments:
        kill_at(toy, moment, *arguments)
        assert nobody_is_left(toy), [process.cmdline() for process in family(toy)]
        assert whole(toy)
    code, text = command("run", "toy", "--jobs", "1")
    assert code == 0, text
    assert json.loads(toy.runs("v1", "both", "results.json").read_text())[0]["value"] == 3
    assert not list(toy.root.rglob(".partial-*"))
    assert not toy.runs("v1", "both", "checkpoints").exists()


def test_a_run_that_is_killed_a_few_times_ends_as_if_nothing_had_been(toy, command):
    slow_study(toy)
    chance = random.Random(0)
    check_after_kills(toy, command, [chance.uniform(0.5, 4.0) for _ in range(3)])


@pytest.mark.slow
def test_a_run_that_is_killed_twenty_times_ends_as_if_nothing_had_been(toy, command):
    slow_study(toy)
    chance = random.Random(1)
    moments = [chance.uniform(0.3, 6.0) for _ in range(20)]
    check_after_kills(toy, command, moments[:10])
    toy.study("run_version: v1\nstages: {left: {params: {seed: 1}}, right: {}, both: {after: [left, right]}}")
    check_after_kills(toy, command, moments[10:], "--jobs", "1")


def test_an_interrupted_stage_is_told_as_interrupted(toy, command):
    slow_study(toy)
    process = start(toy, "--task", "left")
    wait_for(toy.runs("v1", "left", "part-0.json"))
    _, text = command("status", "toy")
    assert "left           running" in text
    process.kill()
    process.wait()
    _, text = command("status", "toy")
    assert "it was interrupted before it ended" in text


def test_two_runs_of_one_version_cannot_write_at_once(toy, command):
    slow_study(toy)
    process = start(toy, "--task", "left")
    wait_for(toy.runs("v1", "left", "part-0.json"))
    code, text = command("run", "toy")
    assert code == 2
    assert f"'v1' is being written by process {process.pid}" in text
    assert "--run-version" in text
    process.kill()
    process.wait()
    code, text = command("run", "toy", "--jobs", "1")  # the lock of a dead process is free
    assert code == 0, text
