"""What JupyterLab's server does when a notebook is saved: it has the report of a finished run by hand written."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from pipelines._by_hand import awaits_report


def after_saving(*, os_path: str, model: dict[str, Any], **_: Any) -> None:
    """Write the report of a saved notebook in a process of its own, if its run was finished by hand.

    Args:
        os_path: the file that was saved.
        model: what the server knows of it; its `type` is `notebook`, `file` or `directory`.
    """
    path = Path(os_path)
    if model["type"] == "notebook" and path.suffix == ".ipynb" and awaits_report(path):
        # Saving must neither wait for the page nor fail because of it; what is wrong is told in the server's log.
        subprocess.Popen([sys.executable, "-m", "pipelines", "report", str(path)], cwd=path.parent)
