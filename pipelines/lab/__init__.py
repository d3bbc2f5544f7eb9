"""What a start notebook shows: what can be asked, what was run, and a study while it runs.

`show_questions`, `show_runs`, `show_stages` and `show_parameters` display tables; `run_study` runs a study and keeps a
table of its stages up to date meanwhile. `after_saving` is for JupyterLab's server: it writes the report of a notebook
that was executed by hand, once it is saved.
"""

from pipelines.lab._guide import show_parameters, show_questions
from pipelines.lab._runs import show_runs, show_stages
from pipelines.lab._saving import after_saving
from pipelines.lab._watch import run_study

__all__ = ["after_saving", "run_study", "show_parameters", "show_questions", "show_runs", "show_stages"]
