"""What a start notebook shows: what can be asked, what was run, and a study while it runs.

`show_questions`, `show_runs`, `show_stages` and `show_parameters` display tables; `run_study` runs a study and keeps a
table of its stages up to date meanwhile. JupyterLab's server, started by `python -m pipelines lab`, loads this package
as an extension: then links lead to the reports, and saving a notebook that was executed by hand writes its report.
"""

from typing import Any

from pipelines.lab._guide import show_parameters, show_questions
from pipelines.lab._runs import show_runs, show_stages
from pipelines.lab._watch import run_study

__all__ = ["run_study", "show_parameters", "show_questions", "show_runs", "show_stages"]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "pipelines.lab"}]


def _load_jupyter_server_extension(server: Any) -> None:
    from pipelines.lab._server import prepare  # of no use in a kernel

    prepare(server)
