"""Where steps are executed: in this process, on a local Dask cluster, or on a running one. The orders are the same.

One step at a time needs no cluster, and starting one takes a second; so a local cluster is only started for work that
can go in parallel. On SLURM or Kubernetes, dask-jobqueue or dask-kubernetes start a scheduler and workers;
`--scheduler` joins them. Workers must see the same project and home folders.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipelines._lifeline import die_with_parent

if TYPE_CHECKING:
    from pipelines._executor import Order, Outcome

    Submit = Callable[[Order], Future[Outcome]]


@contextmanager
def workers(jobs: int, scheduler: str | None) -> "Iterator[Submit]":
    """A function that takes an order and gives the future of its outcome.

    Args:
        jobs: steps at a time; 1 executes in this process.
        scheduler: address of a running Dask scheduler, such as tcp://host:8786; None = this machine.
    """
    if scheduler is None and jobs == 1:
        with ThreadPoolExecutor(1) as pool:
            yield lambda order: pool.submit(_execute, order)
        return
    with _client(jobs, scheduler) as client, ThreadPoolExecutor(1000) as waiting:
        yield lambda order: waiting.submit(_result, client, order)


def _execute(order: "Order") -> "Outcome":
    from pipelines._executor import execute  # papermill and its kind take a second to import

    return execute(order)


def _result(client: Any, order: "Order") -> "Outcome":
    future = client.submit(_execute, order, key=f"{order.version}/{order.stage}", pure=False, retries=1)
    outcome: Outcome = future.result()
    return outcome


@contextmanager
def _client(jobs: int, scheduler: str | None) -> Iterator[Any]:
    from distributed import Client, LocalCluster

    if scheduler is not None:
        with Client(scheduler, timeout="30s") as client:
            yield client
        return
    with (
        LocalCluster(
            n_workers=jobs, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=40
        ) as c,
        Client(c) as client,
    ):
        client.run(_tie_to_parent)
        yield client


def _tie_to_parent() -> None:
    die_with_parent(os.getppid())
