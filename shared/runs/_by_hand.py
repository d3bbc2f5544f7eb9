"""A stage that is executed by hand: which cells ran, and how its report is made.

In a study the runner knows what it executed. In JupyterLab, or with plain papermill, only the kernel does; so the
kernel writes it down, and a saved notebook can be held against it.
"""

import os
import sys
from urllib.parse import quote

from shared.runs._digest import digest_of_text

REPORTS_URL = "COLLOQUY_REPORTS_URL"  # where a JupyterLab that `python -m pipelines lab` started serves the reports
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

    address = os.environ.get(REPORTS_URL)
    if address is None:
        text = f"For its report, save this notebook and run: python -m pipelines report notebooks/{notebook}.ipynb"
        data = {"text/plain": text}
    else:
        link = f'<a href="{address}{quote(version)}/{notebook}.html" target="_blank">its report</a>'
        html = f"Save this notebook (Ctrl+S): a few seconds later {link} is there."
        data = {"text/plain": f"Save this notebook: its report is then {version}/{notebook}.html", "text/html": html}
    display(data, raw=True, metadata={HINT: True})
