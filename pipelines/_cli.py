"""The command line of the runner."""

import argparse
import sys
from collections.abc import Sequence

from pipelines import _pairing
from shared.runs import UserError

EXIT_USER_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code of the process."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except UserError as error:
        print(error, file=sys.stderr)
        return EXIT_USER_ERROR


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines", description=__doc__)
    commands = parser.add_subparsers(required=True)
    _add_pair(commands)
    return parser


def _add_pair(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    pair = commands.add_parser("pair", help="write each .ipynb from its .py, or check that both say the same")
    pair.add_argument("names", nargs="*", metavar="NOTEBOOK", help="for instance 130_classifier; default: all")
    direction = pair.add_mutually_exclusive_group()
    direction.add_argument("--check", action="store_true", help="write nothing; exit 2 where a pair differs")
    direction.add_argument("--from-ipynb", action="store_true", help="take edits made in JupyterLab into the .py")
    direction.add_argument("--from-py", action="store_true", help="write the .ipynb even if it was edited")
    pair.set_defaults(command=_pair)


def _pair(options: argparse.Namespace) -> int:
    if options.check:
        return _print_complaints(_pairing.check_pairs(options.names))
    if options.from_ipynb:
        lines = [f"{_pairing.take_notebook(name).name}: written" for name in _named(options.names)]
    elif options.from_py:
        lines = [f"{_pairing.write_notebook(_pairing.notebook_path(n)).name}: written" for n in _named(options.names)]
    else:
        lines = _pairing.pair(options.names)
    print("\n".join(lines) or "Every .ipynb is in step with its .py.")
    return 0


def _named(names: list[str]) -> list[str]:
    if not names:
        raise UserError("Name the notebooks, for instance: python -m pipelines pair --from-ipynb 130_classifier")
    return names


def _print_complaints(complaints: list[str]) -> int:
    print("\n\n".join(complaints) or "Every .ipynb is in step with its .py.")
    return EXIT_USER_ERROR if complaints else 0
