"""Where steps are executed: in this process, on a local Dask cluster, or on a running one. The orders are the same.

One step at a time needs no cluster, and starting one takes a second; so a local cluster is only started for work that
can go in parallel. On SLURM or Kubernetes, dask-jobqueue or dask-kubernetes start a scheduler and workers;
`--scheduler` joins them. Workers must see the same project and home folders.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines._executor import Order, Outcome

    Submit = Callable[[Order], Future[Outcome]]


@contextmanager
def workers(jobs: int, scheduler: str | None) -> "Iterator[Submit]":
    """A function that takes an order and gives the future of its outcome.

    Args:
        jobs: steps at a time; 1 executes in this process.
        scheduler: address of a running Dask scheduler, such as tcp://host:8786; None = this machine.

    Raises:
        UserError: nothing answers at the scheduler's address.
    """
    if scheduler is None and jobs == 1:
        with ThreadPoolExecutor(1) as pool:
            yield lambda order: pool.submit(execute_order, order)
        return
    from pipelines._dask import dask_workers  # Dask takes a third of a second to import

    with dask_workers(jobs, scheduler) as submit:
        yield submit


def execute_order(order: "Order") -> "Outcome":
    """Execute one order in this process."""
    from pipelines._executor import execute  # papermill and its kind take a second to import

    return execute(order)
