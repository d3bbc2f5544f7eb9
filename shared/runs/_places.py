"""Where things are: the project, the home of runs and reports, and paths as users write them."""

import difflib
import os
import re
from pathlib import Path

from shared.params import UserError

# 000 to 009 are guides, such as the start notebook: they belong to no run.
_NOTEBOOK_NAME = re.compile(r"^((?!00)\d{3})_(\w+)\.py$")
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def project() -> Path:
    """The folder that holds `notebooks/` and `shared/`; `COLLOQUY_PROJECT` names another one."""
    named = os.environ.get("COLLOQUY_PROJECT")
    return Path(named).resolve() if named else Path(__file__).resolve().parents[2]


def home() -> Path:
    """The folder that holds `runs/` and `reports/`: `COLLOQUY_HOME`, else the project."""
    named = os.environ.get("COLLOQUY_HOME")
    return Path(named).resolve() if named else project()


def runs_folder(version: str) -> Path:
    """`runs/<version>/`. A version may be nested (`v1/grid/alpha=0.5`)."""
    return home() / "runs" / version


def reports_folder(version: str) -> Path:
    """`reports/<version>/`."""
    return home() / "reports" / version


def stage_folder(version: str, stage: str) -> Path:
    """`runs/<version>/<stage>/`."""
    return runs_folder(version) / stage


def stage_numbers() -> dict[str, int]:
    """Number of each stage by its noun, in ascending order, read from the notebooks' file names (00x are guides)."""
    found = (_NOTEBOOK_NAME.match(p.name) for p in (project() / "notebooks").glob("*.py"))
    pairs = sorted((int(m[1]), m[2]) for m in found if m)
    return {stage: number for number, stage in pairs}


def notebook_of(stage: str) -> Path:
    """The py:percent notebook of a stage.

    Raises:
        UserError: there is no notebook of that name; a close one is suggested.
    """
    numbers = stage_numbers()
    if stage not in numbers:
        close = difflib.get_close_matches(stage, numbers, n=1)
        hint = f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(numbers)}."
        raise UserError(f"'{stage}' is not a stage. {hint}")
    return project() / "notebooks" / f"{numbers[stage]:03d}_{stage}.py"


def resolve_path(text: str) -> Path:
    """A path as users write it in a study or a parameter, made absolute.

    Args:
        text: may begin with `~`, hold `${VARIABLE}`, or be relative (then it starts at the project's folder).

    Raises:
        UserError: the text is empty or names an environment variable that is not set.
    """
    if not text.strip():
        raise UserError("A path is empty. Name a file in the study, or pass --set <stage>.<parameter>=<path>.")
    for name in _VARIABLE.findall(text):
        if name not in os.environ:
            raise UserError(
                f"'{text}' needs the environment variable {name}, which is not set. "
                f"Set it (export {name}=/folder/with/the/files), or pass --set <stage>.<parameter>=<path>."
            )
    expanded = Path(_VARIABLE.sub(lambda m: os.environ[m[1]], text)).expanduser()
    return expanded if expanded.is_absolute() else project() / expanded


def missing_hint(path: Path) -> str:
    """What to do about a path that leads nowhere: the likeliest name beside it, or where relative paths begin."""
    if not path.parent.is_dir():
        return "Its folder does not exist either. A relative path begins at the project's folder."
    names = sorted(entry.name for entry in path.parent.iterdir())
    close = difflib.get_close_matches(path.name, names, n=1)
    return f"Did you mean '{close[0]}'?" if close else "Its folder is there; look at what it holds."
