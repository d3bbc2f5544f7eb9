"""Run notebooks as studies: one at a time, as a chain, or as a grid; only what is not up to date.

Examples:
  python -m pipelines run demo                                   every stage of pipelines/studies/demo.yaml
  python -m pipelines run conversations --task classifier_train --run-version v0.1
  python -m pipelines run my_study.yaml --set classifier.epochs=5 --force classifier --jobs 4
  python -m pipelines run demo --scheduler tcp://host:8786       on a running Dask cluster
  python -m pipelines status demo                                what is done, stale (and why), missing, failed
  python -m pipelines check                                      pairs, studies and notebooks, before any compute
  python -m pipelines pair                                       write each .ipynb from its .py
  python -m pipelines report demo --one-file classifier          one page that can be sent alone
  python -m pipelines compare v0.1 v0.2                          parameters and figures that differ between two runs

exit codes: 0 all is well, 2 a mistake of the user, 3 a stage failed, 4 a kernel was killed, 130 interrupted
"""

import argparse
import os
import sys
from collections.abc import Sequence

from pipelines import _commands
from shared.runs import UserError

EXIT_USER_ERROR = 2

_Commands = argparse._SubParsersAction


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code of the process."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except UserError as error:
        print(error, file=sys.stderr)
        return EXIT_USER_ERROR


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands)
    _add_study_commands(commands)
    _add_check(commands)
    _add_pair(commands)
    _add_chores(commands)
    return parser


def _add_run(commands: "_Commands[argparse.ArgumentParser]") -> None:
    run = commands.add_parser("run", help="run what is not up to date in a study")
    _add_study(run)
    run.add_argument(
        "--force", action="append", default=[], metavar="STAGE", help="execute it even if it is up to date"
    )
    run.add_argument(
        "--jobs", type=int, default=min(os.cpu_count() or 1, 2), help="stages at a time (default %(default)s)"
    )
    run.add_argument("--scheduler", metavar="ADDRESS", help="of a running Dask cluster, such as tcp://host:8786")
    run.set_defaults(command=_commands.run)


def _add_study(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("study", metavar="STUDY", help="a path, or a name in pipelines/studies")
    parser.add_argument("--task", metavar="STAGE", help="only this stage and what it reads; classifier_train works too")
    parser.add_argument(
        "--set", action="append", default=[], metavar="STAGE.PARAMETER=VALUE", dest="sets", help="change a value"
    )
    parser.add_argument("--run-version", metavar="NAME", help="folder under runs/ (default: the study's)")


def _add_study_commands(commands: "_Commands[argparse.ArgumentParser]") -> None:
    status = commands.add_parser(
        "status", help="tell of each stage whether it is done, stale (and why), missing or failed"
    )
    _add_study(status)
    status.set_defaults(command=_commands.status)
    report = commands.add_parser("report", help="write the pages again from the executed notebooks")
    _add_study(report)
    report.add_argument("--one-file", metavar="STAGE", help="one stage as a single file that can be sent alone")
    report.set_defaults(command=_commands.report)
    compare = commands.add_parser("compare", help="write a page with what differs between two runs")
    compare.add_argument("first", metavar="RUN_A", help="a run version: a folder under runs/, such as v1")
    compare.add_argument("second", metavar="RUN_B", help="another; a grid's combination is v1/grid/seed=1")
    compare.set_defaults(command=_commands.compare)


def _add_check(commands: "_Commands[argparse.ArgumentParser]") -> None:
    check = commands.add_parser("check", help="check pairs, notebooks and studies without running anything")
    check.add_argument("studies", nargs="*", metavar="STUDY", help="default: all in pipelines/studies")
    check.set_defaults(command=_commands.check)


def _add_pair(commands: "_Commands[argparse.ArgumentParser]") -> None:
    pair = commands.add_parser("pair", help="write each .ipynb from its .py, or check that both say the same")
    pair.add_argument("names", nargs="*", metavar="NOTEBOOK", help="for instance 130_classifier; default: all")
    direction = pair.add_mutually_exclusive_group()
    direction.add_argument("--check", action="store_true", help="write nothing; exit 2 where a pair differs")
    direction.add_argument("--from-ipynb", action="store_true", help="take edits made in JupyterLab into the .py")
    direction.add_argument("--from-py", action="store_true", help="write the .ipynb even if it was edited")
    pair.set_defaults(command=_commands.pair)


def _add_chores(commands: "_Commands[argparse.ArgumentParser]") -> None:
    test = commands.add_parser("test", help="run the tests (make test)")
    test.add_argument("--slow", action="store_true", help="those marked slow instead of the others")
    test.set_defaults(command=_commands.test)
    for name, text in (("lint", "every static check"), ("bench", "benchmarks")):
        commands.add_parser(name, help=f"{text} (make {name})").set_defaults(command=getattr(_commands, name))
    lab = commands.add_parser("lab", help="JupyterLab at the start notebook (make lab)")
    lab.add_argument("--port", type=int, default=8888, help="the first one to try (default %(default)s)")
    lab.add_argument("--no-browser", action="store_true", help="only print the address")
    lab.set_defaults(command=_commands.lab)
