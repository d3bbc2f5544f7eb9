"""One plotly style for every notebook, and the shapes of plot that stages need again and again."""

from shared.figures._shapes import bars, confusion, heatmap, histogram, intervals, lines, mark, reliability, scatter
from shared.figures._style import COLOURS, EMBEDDED, embed, show

__all__ = [
    "COLOURS",
    "EMBEDDED",
    "bars",
    "confusion",
    "embed",
    "heatmap",
    "histogram",
    "intervals",
    "lines",
    "mark",
    "reliability",
    "scatter",
    "show",
]
