"""What each command of the command line does."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from pipelines import _pairing, _tasks
from pipelines._by_hand import report_by_hand, study_of_version
from pipelines._check import check_everything, undefined_names
from pipelines._drawing import draw, draw_stage, was_executed
from pipelines._failure import Kind
from pipelines._notebooks import notebook_folder, notebook_path
from pipelines._pairing import PairState
from pipelines._places import FAILURE, page_path
from pipelines._plan import Step, environment_problems, make_plan
from pipelines._run import Course, run_steps
from pipelines._site import prose_was_edited, states_of, write_index, write_page, write_runs
from pipelines._state import State, Status
from pipelines._study import (
    Study,
    is_study,
    load_study,
    narrowed,
    override,
    sound_part,
    stage_of_task,
    study_problems,
)
from pipelines._tell import in_words
from shared.runs import UserError, notebook_of, read_manifest, reports_folder, runs_folder

EXIT_CODES = {Kind.DONE: 0, Kind.USER_ERROR: 2, Kind.FAILED: 3, Kind.KILLED: 4}


def run(options: argparse.Namespace) -> int:
    """Run a study, then write its index; failures are told together at the end."""
    study, steps = _planned(options)
    _refuse_before_compute(study, steps)
    forced = [_known_stage(study, name) for name in options.force]
    course = run_steps(study, steps, jobs=max(1, options.jobs), scheduler=options.scheduler, forced=forced)
    undrawn = course.undrawn | _write_site(study, course)
    _tell_end(study, course)
    _tell_undrawn(undrawn)
    ended = max((EXIT_CODES[kind] for kind in course.ended.values()), default=0)
    return max(ended, EXIT_CODES[Kind.FAILED] if undrawn else 0)


def _planned(options: argparse.Namespace) -> tuple[Study, list[Step]]:
    study = override(load_study(options.study), options.sets, options.run_version)
    part = narrowed(study, options.task)  # a mistake in a stage that is not needed does not stand in the way
    problems = study_problems(part)
    if problems:
        raise UserError("\n".join([f"{study.path.name}: {len(problems)} problem(s), nothing was run.", *problems]))
    return study, make_plan(part)


def _known_stage(study: Study, name: str) -> str:
    stage = stage_of_task(name)
    if stage not in study.stages:
        raise UserError(f"--force {name}: the study has no such stage. It has: {', '.join(study.stages)}.")
    return stage


def _refuse_before_compute(study: Study, steps: list[Step]) -> None:
    problems = environment_problems(steps)
    for stage in dict.fromkeys(step.stage for step in steps):
        path = notebook_of(stage)
        state = _pairing.edited_state(path)
        if state in (PairState.NOTEBOOK_EDITED, PairState.BOTH_EDITED):
            problems.append(_pairing.complaint(path, state))
        problems += undefined_names(path)
    if problems:
        raise UserError("\n".join([f"{study.name}: nothing was run.", *problems]))


def _write_site(study: Study, course: Course) -> dict[str, str]:
    if not (course.executed or course.blocked or not (reports_folder(study.run_version) / "index.html").exists()):
        return {}
    return _index_of(study)


def _index_of(study: Study) -> dict[str, str]:
    """Write the index; what went wrong with it, by its identity."""
    index = reports_folder(study.run_version) / "index.html"
    problem = draw(index, lambda: write_index(sound_part(study)), source=str(runs_folder(study.run_version)))
    return {f"{study.run_version}/index": problem} if problem else {}


def _tell_undrawn(undrawn: Mapping[str, str]) -> None:
    for identity, problem in undrawn.items():
        print(f"{identity}: the page could not be drawn ({problem}). The results themselves are complete.")


def _tell_end(study: Study, course: Course) -> None:
    for identity, summary in course.problems.items():
        stage = identity.rpartition("/")[2]
        version = identity.rpartition("/")[0]
        print(f"\n{stage}: {summary}\n    {runs_folder(version) / stage / FAILURE}")
        print(f"    {page_path(version, notebook_of(stage).stem)}")
    if not course.executed and not course.problems:
        print("Everything is up to date.")
    print(f"Report: {reports_folder(study.run_version) / 'index.html'}")


def status(options: argparse.Namespace) -> int:
    """Tell the state of each stage, with reasons; 0 whatever it is."""
    study, steps = _planned(options)
    print(f"{study.name}, run version {study.run_version}: {runs_folder(study.run_version)}")
    states = states_of(steps)
    for step in steps:
        print(_status_line(step, states))
    return 0


def _status_line(step: Step, states: Mapping[str, State]) -> str:
    state = states[step.identity]
    grid = f" ({step.version.partition('/grid/')[2]})" if "/grid/" in step.version else ""
    notes = [reason.splitlines()[0] for reason in state.reasons] + _notes(step, state, states)
    first = f"{step.stage + grid:<14} {state.status.value:<8} {_cost(step)}".rstrip()
    return "\n".join([first, *(f"{'':<15}- {note}" for note in notes)])


def _notes(step: Step, state: State, states: Mapping[str, State]) -> list[str]:
    unsettled = [name.rpartition("/")[2] for name in step.after if name in states and _will_run(states[name])]
    notes = []
    if unsettled and state.status is Status.DONE:
        notes.append(f"{', '.join(unsettled)} will run first; this stage follows only if what it reads changes")
    if state.status is Status.DONE and prose_was_edited(step):
        notes.append("only its prose was edited: the next run renews the page and executes nothing")
    edited = _pairing.edited_state(notebook_of(step.stage))
    if edited is not PairState.IN_STEP:
        notes.append(f"{edited.value}: see `python -m pipelines pair --check {notebook_of(step.stage).stem}`")
    return notes


def _will_run(state: State) -> bool:
    return state.status is not Status.DONE


def _cost(step: Step) -> str:
    manifest = read_manifest(step.folder)
    if manifest is None:
        return ""
    return f"{manifest['finished']}, {in_words(manifest['wall_seconds'])}, {manifest['peak_memory_bytes'] >> 20:,} MiB"


def report(options: argparse.Namespace) -> int:
    """Write pages again: of a study or a run version from its run folders, or of one notebook executed by hand."""
    if options.study.endswith(".ipynb"):
        return _by_hand(Path(options.study))
    study, steps = _reported(options)
    if options.one_file:
        return _one_file(study, steps, stage_of_task(options.one_file))
    undrawn = {step.identity: problem for step in steps if (problem := write_page(step))} | _index_of(study)
    print(f"Report: {reports_folder(study.run_version) / 'index.html'}")
    _tell_undrawn(undrawn)
    return EXIT_CODES[Kind.FAILED] if undrawn else 0


def _by_hand(notebook: Path) -> int:
    page, problem = report_by_hand(notebook)
    print(f"Report: {page}")
    _tell_undrawn({page.stem: problem} if problem else {})
    return EXIT_CODES[Kind.FAILED] if problem else 0


def _reported(options: argparse.Namespace) -> tuple[Study, list[Step]]:
    """The study that is named; else the one behind the run version that is named."""
    if is_study(options.study) or not runs_folder(options.study).is_dir():
        return _planned(options)
    study = study_of_version(options.study)
    return study, make_plan(narrowed(study, options.task))


def _one_file(study: Study, steps: list[Step], stage: str) -> int:
    chosen = [step for step in steps if step.stage == stage and was_executed(step.folder)]
    if not chosen:
        raise UserError(f"There is no executed '{stage}' in {runs_folder(study.run_version)}. Run it first.")
    undrawn = {}
    for step in chosen:
        target = page_path(step.version, f"{notebook_of(stage).stem}.single")
        if problem := draw_stage(step.folder, target, step.values, one_file=True):
            undrawn[step.identity] = problem
        print(f"{target} ({target.stat().st_size / 1e6:.1f} MB)")
    _tell_undrawn(undrawn)
    return EXIT_CODES[Kind.FAILED] if undrawn else 0


def compare(options: argparse.Namespace) -> int:
    """Write the comparison of two runs, and list it among all runs."""
    from pipelines._compare import write_comparison

    page = write_comparison(options.first, options.second)
    write_runs()
    print(f"Report: {page}")
    return 0


def check(options: argparse.Namespace) -> int:
    """Check everything that can be checked without running; 2 if something is wrong."""
    return _print_complaints(check_everything(options.studies), "Pairs, notebooks and studies are in order.")


def pair(options: argparse.Namespace) -> int:
    """Write or check the pairs."""
    in_step = "Every .ipynb is in step with its .py."
    if options.check:
        return _print_complaints(_pairing.check_pairs(options.names), in_step)
    if options.from_ipynb:
        lines = [f"{_pairing.take_notebook(name).name}: written" for name in _named(options.names)]
    elif options.from_py:
        lines = [f"{_pairing.write_notebook(notebook_path(name)).name}: written" for name in _named(options.names)]
    else:
        lines = _pairing.pair(options.names)
    print("\n".join(lines) or in_step)
    return 0


def _named(names: list[str]) -> list[str]:
    if not names:
        raise UserError(f"Name the notebooks of {notebook_folder()}, for instance 130_classifier.")
    return names


def _print_complaints(complaints: list[str], otherwise: str) -> int:
    print("\n\n".join(complaints) or otherwise)
    return EXIT_CODES[Kind.USER_ERROR] if complaints else 0


def test(options: argparse.Namespace) -> int:
    """Run the tests."""
    return _tasks.test(slow=options.slow)


def lint(_: argparse.Namespace) -> int:
    """Run every static check."""
    return _tasks.lint()


def bench(_: argparse.Namespace) -> int:
    """Run the benchmarks."""
    return _tasks.bench()


def lab(options: argparse.Namespace) -> int:
    """Open JupyterLab."""
    return _tasks.lab(port=options.port, browser=not options.no_browser)
