"""No orphans: a process that dies with the one that started it, however that one ends.

On Linux the operating system sends the signal, even after `kill -9`. Elsewhere Jupyter's own parent poller (a heartbeat
thread that looks once a second) ends the kernel.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


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
