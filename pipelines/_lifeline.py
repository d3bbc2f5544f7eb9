"""No orphans: a process that dies with the one that started it, however that one ends.

On Linux the operating system sends the signal, even after `kill -9`. Elsewhere Jupyter's own parent poller (a heartbeat
thread that looks once a second) ends the kernel.
"""

import ctypes
import json
import math
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from shared.runs import write_json

_PR_SET_PDEATHSIG = 1
_SECONDS_BETWEEN_BEATS = 2.0
_SECONDS_WITHOUT_PULSE = 60.0


def die_with_parent(parent: int) -> None:
    """Have this process killed when its parent ends.

    Args:
        parent: pid that the parent had; if it is gone already, this process ends at once.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the line above took effect
        os._exit(1)


class Pulse:
    """The sign of life of a run whose workers are on other machines, in a file that they see.

    When the run dies, nobody there sends a signal: workers look at the pulse and end their kernels when it stops.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._beat = 0
        self._last = -math.inf
        self.run = uuid.uuid4().hex

    def beat(self) -> None:
        """Write a new beat; called often, it writes every few seconds."""
        if time.monotonic() - self._last >= _SECONDS_BETWEEN_BEATS:
            self._beat, self._last = self._beat + 1, time.monotonic()
            write_json(self._path, {"run": self.run, "beat": self._beat})


def follow_pulse(path: Path, run: str, over: threading.Event, stop: Callable[[], None]) -> None:
    """Call `stop` when the pulse of a run stops or belongs to another run; return when that was done or `over` is set.

    Only changes of the content count, never clocks: two machines seldom agree on the time.
    """
    last, seen = "", time.monotonic()
    while not over.wait(_SECONDS_BETWEEN_BEATS):
        text = path.read_text(encoding="utf-8")
        if text != last:
            last, seen = text, time.monotonic()
        if json.loads(text)["run"] != run or time.monotonic() - seen > _SECONDS_WITHOUT_PULSE:
            stop()
            return
