"""A stage that is executed by hand: which cells ran, and how its report is made.

In a study the runner knows what it executed. In JupyterLab, or with plain papermill, only the kernel does; so the
kernel writes it down, and a saved notebook can be held against it.
"""

import sys

from shared.runs._digest import digest_of_text
from shared.runs._places import home, project, reports_folder

HINT = "colloquy-hint"  # metadata of an output that is for the person at the keyboard and not for the report


def executed_cells() -> list[str]:
    """Digest of every cell that this session executed, at the index that is its execution count; [] outside IPython."""
    if "IPython" not in sys.modules:
        return []
    from IPython import get_ipython

    shell = get_ipython()
    return [digest_of_text(text) for text in shell.history_manager.input_hist_raw] if shell else []


def tell_way_to_report(version: str, notebook: str) -> None:
    """Show where the report will be once the notebook is saved, as an output that reports leave out."""
    from IPython.display import display

    page = reports_folder(version) / f"{notebook}.html"
    shown = page.relative_to(home()).as_posix()
    text = (
        f"Save this notebook (Ctrl+S): a few seconds later its report is {shown}. Where JupyterLab was not started by "
        f"`make lab`, save it and run: python -m pipelines report notebooks/{notebook}.ipynb"
    )
    link = f'Save this notebook (Ctrl+S): a few seconds later <a href="../{shown}">its report</a> is there.'
    data = {"text/plain": text} | ({"text/html": link} if home() == project() else {})
    display(data, raw=True, metadata={HINT: True})
