"""Entry point of `python -m pipelines`."""

import os
import signal
import sys
from types import FrameType

from pipelines._lifeline import die_with_parent

if __name__ == "__mp_main__":
    # A Dask worker is being born: Python imports this module first. Tied here, it cannot outlive a run that is
    # killed while it still imports Dask.
    die_with_parent(os.getppid())

from pipelines._cli import main  # the lifeline comes before everything slow

EXIT_INTERRUPTED = 130
EXIT_NOBODY_READS = 141  # as a shell counts the signal SIGPIPE


def _interrupted(_: int, __: FrameType | None) -> None:
    # Kernels and workers die with this process, and whatever they had not finished counts as not written.
    os.write(2, b"\nInterrupted. The next run continues with what is missing.\n")
    os._exit(EXIT_INTERRUPTED)


def _main() -> int:
    try:
        try:
            return main()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # `| head` has read enough. Python would flush once more at its exit, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_NOBODY_READS


if __name__ == "__main__":
    signal.signal(signal.SIGINT, _interrupted)
    sys.exit(_main())
