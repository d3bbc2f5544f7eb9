"""The look: one template, colour-blind safe colours (Okabe and Ito 2008), readable at report width."""

import html
import json

import plotly.graph_objects as go
from plotly.io.json import to_json_plotly

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#000000"]

# Output metadata under this key tells the report site that the HTML is one of our sandboxed frames.
EMBEDDED = "colloquy-embedded"

_TEMPLATE = go.layout.Template(
    layout={
        "colorway": COLOURS,
        "font": {"family": "system-ui, -apple-system, Segoe UI, Roboto, sans-serif", "size": 14},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 60, "r": 24, "t": 56, "b": 56},
        "xaxis": {"automargin": True, "gridcolor": "rgba(128,128,128,0.25)", "zeroline": False},
        "yaxis": {"automargin": True, "ticklabelstandoff": 4, "gridcolor": "rgba(128,128,128,0.25)", "zeroline": False},
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        "title": {"x": 0, "xanchor": "left", "yref": "container", "y": 0.98, "yanchor": "top", "font": {"size": 16}},
        "hoverlabel": {"namelength": -1},
    }
)
_HEIGHT = 380  # pixels


def show(figure: go.Figure, *, title: str | None = None) -> None:
    """Display a figure in the house style; JupyterLab and the report site both draw it from its JSON.

    Args:
        figure: any plotly figure; its own height is kept if it has one.
        title: replaces the figure's title; say what is seen, axis titles say the units.
    """
    from IPython.display import display

    figure.update_layout(template=_TEMPLATE, height=figure.layout.height or _HEIGHT)
    if title is not None:
        figure.update_layout(title_text=title)
    if figure.layout.showlegend is not False and len(figure.data) > 1:
        figure.update_layout(margin_t=88)  # the legend stands between title and plot
    bundle = {"application/vnd.plotly.v1+json": figure.to_plotly_json(), "text/plain": _alternative(figure)}
    display(_as_json(bundle), raw=True)


def _as_json(bundle: dict[str, object]) -> dict[str, object]:
    """Numpy arrays inside a figure as plain lists, as a notebook file needs them."""
    return json.loads(to_json_plotly(bundle))


def _alternative(figure: go.Figure) -> str:
    title = figure.layout.title.text or "untitled"
    return f"Figure: {title}"


def embed(page: str, *, title: str, height: int = 600) -> None:
    """Display a complete, self-contained HTML page with scripts of its own, such as a bertviz view.

    The page runs in a sandboxed frame: it cannot touch the notebook or the report around it. The report site keeps
    scripts only inside such frames; every other HTML output is reduced to plain markup.

    Args:
        page: HTML that fetches nothing.
        title: what the frame shows, for people who listen instead of look.
        height: pixels.
    """
    from IPython.display import display

    frame = (
        f'<iframe sandbox="allow-scripts" title="{html.escape(title)}" loading="lazy" srcdoc="{html.escape(page)}" '
        f'style="width:100%;height:{height}px;border:0;background:white"></iframe>'
    )
    display(
        {"text/html": frame, "text/plain": f"Embedded view: {title}"}, raw=True, metadata={EMBEDDED: {"height": height}}
    )
