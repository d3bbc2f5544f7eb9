"""The Jupyter kernel of a stage: started here, dying with its worker, its memory watched.

As a program (`python -m pipelines._kernel -f connection.json`) this is the kernel itself: the usual ipykernel behind
a lifeline.
"""

import os
import sys
import threading
from pathlib import Path
from subprocess import Popen
from typing import Any

import psutil
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from pipelines._lifeline import die_with_parent

_SECONDS_BETWEEN_LOOKS = 0.25


class StageKernel(AsyncKernelManager):
    """A kernel manager for one stage.

    Attributes:
        environment: the kernel's environment variables.
        noise: file for what libraries print past the notebook.
        process: the kernel's process once it runs; its `returncode` tells how it ended.
    """

    environment: dict[str, str]
    noise: Path
    process: Popen[bytes] | None = None

    @property
    def kernel_spec(self) -> KernelSpec:
        """This interpreter behind the lifeline; kernels installed on the machine play no part."""
        command = [sys.executable, "-m", "pipelines._kernel", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python 3", language="python")

    async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]  # typed for the blocking manager
        """Start the process with the stage's environment, its noise going to the log."""
        self.noise.parent.mkdir(parents=True, exist_ok=True)
        with self.noise.open("wb") as log:
            await super().start_kernel(env=self.environment, stdout=log, stderr=log, **options)
        self.process = getattr(self.provisioner, "process", None)


class MemoryWatch:
    """Largest resident memory of a process and its children, looked at while it lives."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._ended = threading.Event()

    def start(self, pid: int) -> None:
        """Look at the process until it ends or `stop` is called."""
        threading.Thread(target=self._watch, args=(pid,), daemon=True).start()

    def stop(self) -> None:
        """Stop looking."""
        self._ended.set()

    def _watch(self, pid: int) -> None:
        while not self._ended.wait(_SECONDS_BETWEEN_LOOKS):
            try:
                self.peak_bytes = max(self.peak_bytes, _resident_bytes(psutil.Process(pid)))
            except psutil.NoSuchProcess:
                return


def _resident_bytes(process: psutil.Process) -> int:
    family = [process, *process.children(recursive=True)]
    return sum(member.memory_info().rss for member in family if member.is_running())


def _main() -> None:
    # Before the slow imports: a parent that dies while a kernel starts must not leave it behind.
    die_with_parent(int(os.environ["JPY_PARENT_PID"]))
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()


if __name__ == "__main__":
    _main()
