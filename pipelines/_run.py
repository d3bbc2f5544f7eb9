"""Running a study: every step as soon as what it reads is there, only if it is not up to date."""

import concurrent.futures
import os
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines._digests import Digests
from pipelines._failure import Kind
from pipelines._lifeline import Pulse
from pipelines._lock import only_writer
from pipelines._notebooks import text_digest
from pipelines._places import page_path, pulse_path, sweep_version
from pipelines._plan import Step
from pipelines._pool import workers
from pipelines._site import prose_was_edited, renew_prose, write_page
from pipelines._state import State, Status, key_of, state_of
from pipelines._study import Study
from pipelines._tell import Teller
from shared.runs import notebook_of
from shared.text import ensure_key

if TYPE_CHECKING:
    from pipelines._executor import Order, Outcome
    from pipelines._pool import Submit

_SECONDS_BETWEEN_TICKS = 0.2


@dataclass
class Course:
    """How far a run is.

    Attributes:
        waiting: steps that have not been looked at, in the plan's order.
        ended: identity to how the step ended; a step that could not run because of another is not in it.
        executed: identities of the steps whose pages were written now.
        problems: summaries of failures by identity.
        undrawn: why a step's page could not be drawn, by identity; its results are sound.
        blocked: identities of the steps that could not run because of another.
    """

    waiting: list[Step]
    ended: dict[str, Kind] = field(default_factory=dict)
    executed: set[str] = field(default_factory=set)
    problems: dict[str, str] = field(default_factory=dict)
    undrawn: dict[str, str] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)


def run_steps(study: Study, steps: list[Step], *, jobs: int, scheduler: str | None, forced: Iterable[str]) -> Course:
    """Run what is not up to date.

    Args:
        study: for its name and run version.
        steps: the plan.
        jobs: steps at a time on this machine.
        scheduler: address of a running Dask cluster, or None.
        forced: stages to execute even if they are up to date.

    Raises:
        UserError: another run writes into this run version.
    """
    with only_writer(study.run_version):
        sweep_version(study.run_version)
        return _Runner(study, steps, jobs, scheduler, set(forced)).run()


class _Runner:
    def __init__(self, study: Study, steps: list[Step], jobs: int, scheduler: str | None, forced: set[str]) -> None:
        self._study, self._steps, self._scheduler, self._forced = study, steps, scheduler, forced
        self._course = Course(list(steps))
        self._digests = Digests()
        self._teller = Teller(steps, study.name, study.run_version)
        self._jobs = min(jobs, _width(steps))
        self._pulse = Pulse(pulse_path(study.run_version)) if scheduler else None
        self._running: dict[Future[Outcome], Step] = {}

    def run(self) -> Course:
        """Drive all steps to their end; starts workers only if a step has to be executed."""
        ready = self._ready()
        try:
            if ready:
                with workers(self._jobs, self._scheduler) as submit:
                    self._drive(submit, ready)
        finally:
            self._digests.save()
        return self._course

    def _drive(self, submit: "Submit", ready: list[tuple[Step, str]]) -> None:
        if self._pulse is not None:
            self._pulse.beat()
        while ready or self._running:
            while ready and self._has_room():
                step, why = ready.pop(0)
                self._teller.started(step, why)
                self._running[submit(self._order(step))] = step
            done, _ = concurrent.futures.wait(
                self._running, _SECONDS_BETWEEN_TICKS, return_when=concurrent.futures.FIRST_COMPLETED
            )
            for future in done:
                self._take(self._running.pop(future), future.result())
            self._teller.tick()
            if self._pulse is not None:
                self._pulse.beat()
            ready += self._ready() if done else []

    def _has_room(self) -> bool:
        # On this machine a step beyond `jobs` would only wait, and its clock would run. A cluster knows its own size.
        return self._scheduler is not None or len(self._running) < self._jobs

    def _take(self, step: Step, outcome: "Outcome") -> None:
        course, success = self._course, outcome.kind is Kind.DONE
        course.ended[step.identity] = outcome.kind
        course.executed.add(step.identity)
        how = "done" if success else outcome.summary
        self._note_page(step, outcome.page_problem)
        self._teller.ended(step, how, outcome.wall_seconds, outcome.peak_memory_bytes, success=success)
        if not success:
            course.problems[step.identity] = outcome.summary

    def _note_page(self, step: Step, problem: str) -> None:
        if problem:
            self._course.undrawn[step.identity] = problem

    def _ready(self) -> list[tuple[Step, str]]:
        """Steps to execute now, with the reason; those that are up to date or blocked are ticked off on the way."""
        ready = []
        # The plan's order is topological, so one pass also settles whole chains that are up to date.
        for step in list(self._course.waiting):
            if blocker := self._blocker(step):
                self._course.waiting.remove(step)
                self._course.blocked.add(step.identity)
                self._teller.passed_over(step, f"not run: {blocker.rpartition('/')[2]} failed", blocked=True)
            elif self._may_start(step):
                self._course.waiting.remove(step)
                why = self._why(step)
                if why is None:
                    self._course.ended[step.identity] = Kind.DONE
                    self._teller.passed_over(step, self._renew(step))
                else:
                    ready.append((step, why))
        return ready

    def _renew(self, step: Step) -> str:
        if prose_was_edited(step):
            self._course.executed.add(step.identity)
            self._note_page(step, renew_prose(step))
            return "up to date; new prose, page written again"
        if not page_path(step.version, notebook_of(step.stage).stem).exists():
            self._course.executed.add(step.identity)
            self._note_page(step, write_page(step))
            return "up to date; page written again"
        return "up to date"

    def _may_start(self, step: Step) -> bool:
        course = self._course
        is_over = all(name in course.ended or name in course.blocked for name in step.behind)
        return is_over and all(course.ended.get(name) is Kind.DONE for name in step.after)

    def _blocker(self, step: Step) -> str | None:
        course = self._course
        return next((n for n in step.after if n in course.problems or n in course.blocked), None)

    def _why(self, step: Step) -> str | None:
        if step.stage in self._forced:
            return "forced"
        state = state_of(step, self._digests)
        return None if state.status is Status.DONE else _first_reason(state)

    def _order(self, step: Step) -> "Order":
        from pipelines._executor import Order, places

        notebook = notebook_of(step.stage)
        if step.values.get("redact"):
            ensure_key(step.version)  # before parameters are written down as digests under it
        facts = {
            "parameters_from": step.values_from,
            "study": self._study.name,
            "key": key_of(step),
            "text": text_digest(notebook),
        }
        return Order(
            stage=step.stage,
            notebook=notebook.stem,
            text=notebook.read_text(encoding="utf-8"),
            values=step.values,
            given=tuple(name for name, origin in step.values_from.items() if origin != "default"),
            readable=step.readable,
            facts=facts,
            environment=dict(places()),
            # From the plan, not from what happens to run beside it: sums on another number of threads differ.
            threads=max(1, (os.cpu_count() or 1) // self._jobs),
            pulse=self._pulse.run if self._pulse is not None else None,
        )


def _first_reason(state: State) -> str:
    if not state.reasons:
        return state.status.value
    more = f" and {len(state.reasons) - 1} more" if len(state.reasons) > 1 else ""
    return f"{state.reasons[0].splitlines()[0]}{more}"


def _width(steps: list[Step]) -> int:
    """The most steps at one depth of the plan: more workers than that would only wait."""
    depth: dict[str, int] = {}
    for step in steps:
        depth[step.identity] = 1 + max((depth.get(name, 0) for name in (*step.after, *step.behind)), default=0)
    levels = list(depth.values())
    return max((levels.count(level) for level in set(levels)), default=1)
