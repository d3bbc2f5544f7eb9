"""Signs of life between a run and its workers on other machines."""

import threading
import time

import pytest

from pipelines import _lifeline
from pipelines._lifeline import Pulse, follow_pulse


@pytest.fixture
def quick(monkeypatch):
    """Beats in hundredths of a second, patience in tenths: a busy machine must not look dead."""
    monkeypatch.setattr(_lifeline, "_SECONDS_BETWEEN_BEATS", 0.02)
    monkeypatch.setattr(_lifeline, "_SECONDS_WITHOUT_PULSE", 1.5)


def follow(path, run: str) -> tuple[threading.Event, threading.Event, threading.Thread]:
    over, stopped = threading.Event(), threading.Event()
    thread = threading.Thread(target=follow_pulse, args=(path, run, over, stopped.set))
    thread.start()
    return over, stopped, thread


def test_a_worker_goes_on_while_the_pulse_beats_and_stops_when_it_stops(tmp_path, quick):
    pulse = Pulse(tmp_path / "pulse.json")
    pulse.beat()
    _, stopped, thread = follow(tmp_path / "pulse.json", pulse.run)
    for _ in range(90):  # longer than the patience
        time.sleep(0.02)
        pulse.beat()
    assert not stopped.is_set()
    thread.join(20)
    assert stopped.is_set()


def test_a_worker_stops_at_once_when_another_run_has_taken_over(tmp_path, quick):
    first, second = Pulse(tmp_path / "pulse.json"), Pulse(tmp_path / "pulse.json")
    first.beat()
    _, stopped, thread = follow(tmp_path / "pulse.json", first.run)
    second.beat()
    thread.join(20)
    assert stopped.is_set()


def test_a_worker_that_has_ended_looks_no_longer(tmp_path, quick):
    pulse = Pulse(tmp_path / "pulse.json")
    pulse.beat()
    over, stopped, thread = follow(tmp_path / "pulse.json", pulse.run)
    over.set()
    thread.join(20)
    assert not thread.is_alive() and not stopped.is_set()
