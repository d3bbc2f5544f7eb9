"""The report site: executed notebooks as HTML that opens anywhere, with no network, and is safe to send on.

`stage_page` turns one executed notebook into a page: findings first, code folded, figures drawn from their JSON by one
plotly file, formulas as MathML, parameters and provenance in a box. `index_page` is the page a manager reads,
`runs_page` lists all runs, `comparison_page` holds two of them side by side.
What comes from data is text everywhere: Markdown is rendered with HTML escaped, HTML outputs are reduced to plain
markup, and only the sandboxed frames of `shared.figures.embed` may hold scripts.
"""

from pipelines._report._index import index_page
from pipelines._report._runs import comparison_page, runs_page
from pipelines._report._site import INTERVAL, failure_page, grid_page, results_of, stage_page

__all__ = [
    "INTERVAL",
    "comparison_page",
    "failure_page",
    "grid_page",
    "index_page",
    "results_of",
    "runs_page",
    "stage_page",
]
