"""The command line: studies, their state and reports, and the chores of the project.

Run notebooks as studies, one at a time, as a chain, or as a grid; only what is not up to date is executed.

to begin with:
  python -m pipelines lab                      JupyterLab at the start notebook
  python -m pipelines run demo                 every stage on the sample; six minutes the first time
  python -m pipelines status demo              what is done, stale (and why), missing, failed

more examples:
  python -m pipelines run conversations --task classifier_train --run-version v0.1
  python -m pipelines run my_study.yaml --set classifier.epochs=5 --force classifier --jobs 4
  python -m pipelines run demo --scheduler tcp://host:8786       on a running Dask cluster
  python -m pipelines report demo --one-file classifier          one page that can be sent alone
  python -m pipelines compare v0.1 v0.2                          what differs between two runs

Every command has a page of its own: python -m pipelines run --help

exit codes: 0 all is well, 2 a mistake of the user, 3 a stage failed, 4 a kernel was killed, 130 interrupted
"""

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from pipelines import _commands
from pipelines._help import HELP
from pipelines._study import study_names
from shared.runs import UserError, home

EXIT_USER_ERROR = 2
_DISK_FULL = (
    "The disk of {place} is full. Nothing half-written counts as a result. Free some space there, or set COLLOQUY_HOME "
    "to another disk, and give the same command again: it goes on where it was."
)

_AsWritten = argparse.RawDescriptionHelpFormatter
_Commands = argparse._SubParsersAction


class _Parser(argparse.ArgumentParser):
    """Says what is wrong and where to read on, instead of a screen of usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USER_ERROR, f"{message}\nSee: {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code of the process."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments:
        _parser().print_help()
        return EXIT_USER_ERROR
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except UserError as error:
        print(error, file=sys.stderr)
        return EXIT_USER_ERROR
    except OSError as error:
        # Where nothing can be written there is no failure page either: this line is all that a user gets.
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(_DISK_FULL.format(place=home()), file=sys.stderr)
        return EXIT_USER_ERROR


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m pipelines", description=__doc__, formatter_class=_AsWritten)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands)
    _add_study_commands(commands)
    _add_check(commands)
    _add_pair(commands)
    _add_chores(commands)
    return parser


def _command(commands: "_Commands[_Parser]", name: str) -> _Parser:
    """The parser of one command, which is carried out by the function of that name in `_commands`."""
    parser = commands.add_parser(name, help=HELP[name].line, description=HELP[name].page, formatter_class=_AsWritten)
    parser.set_defaults(command=getattr(_commands, name))
    return parser


def _add_run(commands: "_Commands[_Parser]") -> None:
    run = _command(commands, "run")
    _add_study(run)
    run.add_argument(
        "--force", action="append", default=[], metavar="STAGE", help="execute it even if it is up to date"
    )
    run.add_argument(
        "--jobs", type=int, default=min(os.cpu_count() or 1, 2), help="stages at a time (default %(default)s)"
    )
    run.add_argument("--scheduler", metavar="ADDRESS", help="of a running Dask cluster, such as tcp://host:8786")


def _add_study(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("study", metavar="STUDY", help=f"a path, or one of: {', '.join(study_names())}")
    parser.add_argument("--task", metavar="STAGE", help="only this stage and what it reads, such as explore")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="STAGE.PARAMETER=VALUE",
        dest="sets",
        help="another value, this once",
    )
    parser.add_argument("--run-version", metavar="NAME", help="folder under runs/ (default: the study's)")


def _add_study_commands(commands: "_Commands[_Parser]") -> None:
    _add_study(_command(commands, "status"))
    report = _command(commands, "report")
    _add_study(report)
    report.add_argument("--one-file", metavar="STAGE", help="one stage as a single file that can be sent alone")
    compare = _command(commands, "compare")
    compare.add_argument("first", metavar="RUN_A", help="a run version: a folder under runs/, such as v1")
    compare.add_argument("second", metavar="RUN_B", help="another; a grid's combination is v1/grid/seed=1")


def _add_check(commands: "_Commands[_Parser]") -> None:
    check = _command(commands, "check")
    check.add_argument("studies", nargs="*", metavar="STUDY", help="default: all in pipelines/studies")


def _add_pair(commands: "_Commands[_Parser]") -> None:
    pair = _command(commands, "pair")
    pair.add_argument("names", nargs="*", metavar="NOTEBOOK", help="for instance 130_classifier; default: all")
    direction = pair.add_mutually_exclusive_group()
    direction.add_argument("--check", action="store_true", help="write nothing; exit 2 where a pair differs")
    direction.add_argument("--from-ipynb", action="store_true", help="take edits made in JupyterLab into the .py")
    direction.add_argument("--from-py", action="store_true", help="write the .ipynb even if it was edited")


def _add_chores(commands: "_Commands[_Parser]") -> None:
    test = _command(commands, "test")
    test.add_argument("--slow", action="store_true", help="those marked slow instead of the others")
    for name in ("lint", "bench"):
        _command(commands, name)
    lab = _command(commands, "lab")
    lab.add_argument("--port", type=int, default=8888, help="the first one to try (default %(default)s)")
    lab.add_argument("--no-browser", action="store_true", help="only print the address")
