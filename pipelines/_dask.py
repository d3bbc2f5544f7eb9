"""Scheduling on Dask: a local cluster whose processes die with this one, or a client of a running scheduler."""

import os
import signal
import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from distributed import Client, KilledWorker, LocalCluster, WorkerPlugin

from pipelines._lifeline import die_with_parent
from pipelines._pool import execute_order
from shared.runs import UserError

if TYPE_CHECKING:
    from pipelines._executor import Order, Outcome
    from pipelines._pool import Submit

_SECONDS_TO_CONNECT = 30


@contextmanager
def dask_workers(jobs: int, scheduler: str | None) -> "Iterator[Submit]":
    """A function that takes an order and gives the future of its outcome, on Dask's workers.

    Raises:
        UserError: nothing answers at the scheduler's address.
    """
    with _local_client(jobs) if scheduler is None else _joined_client(scheduler) as client:
        yield lambda order: _submit(client, order)


@contextmanager
def _local_client(jobs: int) -> Iterator[Client]:
    # After Ctrl-C Python's resource tracker would complain about semaphores that the system has already freed.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning")
    # No memory limit of Dask's: it would see the worker only, and the memory is in the kernels.
    options = {"n_workers": jobs, "threads_per_worker": 1, "memory_limit": 0, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(**options, processes=True, silence_logs=50) as cluster, Client(cluster) as client:
        client.register_plugin(_Lifeline())
        yield client


@contextmanager
def _joined_client(scheduler: str) -> Iterator[Client]:
    try:
        client = Client(scheduler, timeout=_SECONDS_TO_CONNECT)
    except (OSError, TimeoutError, ValueError) as error:
        raise UserError(
            f"No Dask scheduler answers at {scheduler} ({error}). Start one (dask scheduler; dask worker {scheduler}), "
            "or leave --scheduler away to use this machine."
        ) from None
    with client:
        yield client


class _Lifeline(WorkerPlugin):
    """This worker, and any that replaces it, dies with the process that runs the study."""

    name = "lifeline"

    def setup(self, worker: Any) -> None:
        """Dask calls this in each worker, before its first task."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run; this process follows it
        die_with_parent(os.getppid())


def _submit(client: Client, order: "Order") -> "Future[Outcome]":
    promise: Future[Outcome] = Future()
    # A key of its own: what a run that died had asked a scheduler to do must not answer for this order.
    task = client.submit(execute_order, order, key=f"{order.stage}-{uuid.uuid4().hex}")
    # The callback holds `task`; Dask would forget the work of a task that nobody holds.
    task.add_done_callback(lambda done: _settle(promise, order, task if done is None else done))
    return promise


def _settle(promise: "Future[Outcome]", order: "Order", done: Any) -> None:
    from pipelines._executor import lost_worker

    error = done.exception()
    if error is None:
        promise.set_result(done.result())
    elif isinstance(error, KilledWorker):
        promise.set_result(lost_worker(order, str(error)))
    else:
        promise.set_exception(error)
