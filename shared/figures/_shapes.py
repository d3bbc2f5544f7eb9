"""The usual shapes. Each returns a plotly figure to finish with `show`; none of them computes."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb

from shared.figures._style import COLOURS

Numbers = Sequence[float] | np.ndarray
_MOST_TICKS = 12  # whole numbers that are written one by one on an axis


def bars(labels: Sequence[str], values: Numbers, *, x: str, y: str = "", errors: Numbers | None = None) -> go.Figure:
    """Horizontal bars, one a label, the first on top.

    Args:
        labels: names of the bars.
        values: shape (labels,); NaN leaves the bar out.
        x: axis title with unit.
        y: axis title of the labels.
        errors: half-widths of symmetric error bars in the unit of `values`.
    """
    bar = go.Bar(
        x=list(values),
        y=[str(label) for label in labels],
        orientation="h",
        error_x={"array": list(errors)} if errors is not None else None,
    )
    figure = go.Figure(bar)
    figure.update_layout(xaxis_title=x, yaxis_title=y, yaxis_autorange="reversed", height=_row_height(len(labels)))
    return figure


def lines(
    x_values: Numbers,
    series: Mapping[str, Numbers],
    *,
    x: str,
    y: str,
    markers: bool = True,
    bands: Mapping[str, tuple[Numbers, Numbers]] | None = None,
) -> go.Figure:
    """One line a series over the same x values; NaN breaks a line.

    Args:
        x_values: shape (points,).
        series: by name, shape (points,).
        x: axis title with unit.
        y: axis title with unit.
        markers: draw the points as well.
        bands: (low, high) around a series, each of shape (points,), drawn as an area in its colour.
    """
    mode = "lines+markers" if markers else "lines"
    places = list(x_values)
    figure = go.Figure()
    for index, (name, values) in enumerate(series.items()):
        colour = COLOURS[index % len(COLOURS)]
        if bands and name in bands:
            figure.add_traces(_band(places, bands[name], colour))
        figure.add_scatter(x=places, y=list(values), name=name, mode=mode, line_color=colour)
    figure.update_layout(xaxis_title=x, yaxis_title=y, showlegend=len(series) > 1)
    return _count_ticks(figure, places)


def _band(places: list[float], bounds: tuple[Numbers, Numbers], colour: str) -> list[go.Scatter]:
    edge = {"mode": "lines", "line_width": 0, "line_color": colour, "showlegend": False, "hoverinfo": "skip"}
    low, high = (go.Scatter(x=places, y=list(bound), **edge) for bound in bounds)
    high.update(fill="tonexty", fillcolor="rgba({}, {}, {}, 0.18)".format(*hex_to_rgb(colour)))
    return [low, high]


def _count_ticks(figure: go.Figure, places: list[float]) -> go.Figure:
    """No ticks between whole numbers where there are only a few of these, such as epochs."""
    whole = all(float(place).is_integer() for place in places)
    if whole and 0 < len(set(places)) <= _MOST_TICKS:
        figure.update_xaxes(tickvals=sorted(set(places)))
    return figure


def histogram(groups: Mapping[str, Numbers], *, x: str, y: str = "count", bins: int = 40) -> go.Figure:
    """Histograms with common bins, one a group; bins of whole numbers hold equally many of them.

    One group is drawn as bars, several as outlines over a pale area: bars on top of each other would mix their colours
    into ones that no legend names.

    Args:
        groups: by name, values of shape (items,); NaN and infinite ones are left out.
        x: axis title with unit.
        y: what is counted.
        bins: about so many; fewer for few whole numbers.
    """
    finite = {name: np.asarray(v, float)[np.isfinite(np.asarray(v, float))] for name, v in groups.items()}
    together = np.concatenate(list(finite.values())) if finite else np.array([])
    edges = _bins(together, bins)
    figure = go.Figure()
    for colour, (name, values) in zip(itertools.cycle(COLOURS), finite.items(), strict=False):
        if edges is None or len(groups) == 1:
            figure.add_histogram(x=values, name=name, xbins=edges, marker_color=colour, opacity=0.65)
        else:
            figure.add_trace(_outline(values, name, edges, colour))
    figure.update_layout(xaxis_title=x, yaxis_title=y, barmode="overlay", showlegend=len(groups) > 1)
    if not together.size:
        figure.add_annotation(text="no values", xref="paper", yref="paper", x=0.5, y=0.5, showarrow=False)
    return figure


def _outline(values: np.ndarray, name: str, edges: dict[str, float], colour: str) -> go.Scatter:
    bins = int((edges["end"] - edges["start"]) / edges["size"])
    borders = edges["start"] + edges["size"] * np.arange(bins + 1)
    heights, _ = np.histogram(np.minimum(values, borders[-1]), bins=borders)  # sums of sizes may end below the largest
    # From the axis up and back to it: the line stands on its first border and ends on its last.
    return go.Scatter(
        x=[borders[0], *borders], y=[0, *heights.tolist(), 0], name=name, mode="lines", line_shape="hv",
        line_color=colour, fill="tozeroy", fillcolor="rgba({}, {}, {}, 0.12)".format(*hex_to_rgb(colour)),
    )  # fmt: skip


def _bins(values: np.ndarray, bins: int) -> dict[str, float] | None:
    if not values.size or values.min() == values.max():
        return None
    low, spread = float(values.min()), float(values.max() - values.min())
    if not np.equal(np.mod(values, 1), 0).all():
        return {"start": low, "end": low + spread * (1 + 1e-9), "size": spread / bins}
    size = float(np.ceil((spread + 1) / bins))
    return {"start": low - 0.5, "end": low + spread + size, "size": size}


def heatmap(
    values: np.ndarray, rows: Sequence[str], columns: Sequence[str], *, x: str, y: str, unit: str = ""
) -> go.Figure:
    """A matrix as colours, the first row on top, values of small matrices written into the cells.

    Args:
        values: shape (rows, columns); NaN stays empty.
        rows: names of the rows.
        columns: names of the columns.
        x: what the columns are.
        y: what the rows are.
        unit: title of the colour bar.
    """
    written = "%{z:.2~g}" if values.size <= 150 else None
    trace = go.Heatmap(
        z=values,
        x=[str(c) for c in columns],
        y=[str(r) for r in rows],
        colorscale="Blues",
        texttemplate=written,
        colorbar={"title": {"text": unit}},
    )
    figure = go.Figure(trace)
    figure.update_layout(xaxis_title=x, yaxis_title=y, yaxis_autorange="reversed", height=_row_height(len(rows)) + 60)
    return figure


def confusion(counts: np.ndarray, labels: Sequence[str]) -> go.Figure:
    """A confusion matrix as shares of each true class (rows sum to 1), with counts on hover.

    Args:
        counts: shape (classes, classes), rows are true, columns predicted; a class without examples stays empty.
        labels: class names.
    """
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)
    figure = heatmap(shares, labels, labels, x="predicted", y="true", unit="share of true class")
    figure.update_traces(customdata=counts, hovertemplate="true %{y}<br>predicted %{x}<br>%{customdata}<extra></extra>")
    return figure


def intervals(
    labels: Sequence[str],
    values: Numbers,
    lows: Numbers,
    highs: Numbers,
    *,
    x: str,
    reference: float | None = None,
    reference_name: str = "floor",
) -> go.Figure:
    """A forest plot: a point with its interval on each line, and a dashed reference such as the floor."""
    values, lows, highs = np.asarray(values, float), np.asarray(lows, float), np.asarray(highs, float)
    error = {"type": "data", "symmetric": False, "array": highs - values, "arrayminus": values - lows}
    figure = go.Figure(go.Scatter(x=values, y=[str(label) for label in labels], error_x=error, mode="markers"))
    figure.update_traces(marker_size=9)
    if reference is not None:
        mark(figure, reference, reference_name, colour=COLOURS[1])
    figure.update_layout(xaxis_title=x, yaxis_autorange="reversed", height=_row_height(len(labels)))
    return figure


def mark(figure: go.Figure, x: float, name: str, *, colour: str = COLOURS[6]) -> None:
    """A dashed line at a value, named above the plot: inside it the name would lie on what is drawn.

    Args:
        figure: changed in place.
        x: where, in the unit of the axis.
        name: what is there.
        colour: of the line.
    """
    above = {"text": name, "yref": "paper", "y": 1.0, "yanchor": "bottom", "xanchor": "center"}
    figure.add_vline(x=x, line_dash="dash", line_color=colour, annotation=above)


def reliability(curves: Mapping[str, tuple[Numbers, Numbers]]) -> go.Figure:
    """Calibration: mean confidence against observed share right, one curve a model, beside the diagonal.

    Args:
        curves: by name, (confidence, share right), each of shape (bins,) in [0, 1]; NaN for empty bins.
    """
    diagonal = go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dash", "color": "grey"}, name="calibrated")
    models = [go.Scatter(x=list(c), y=list(r), mode="lines+markers", name=n) for n, (c, r) in curves.items()]
    figure = go.Figure([diagonal, *models])
    figure.update_layout(xaxis_title="confidence", yaxis_title="share right")
    return figure


def scatter(x_values: Numbers, y_values: Numbers, *, x: str, y: str, labels: Sequence[str] | None = None) -> go.Figure:
    """Points, with a label on hover."""
    hover = [str(label) for label in labels] if labels is not None else None
    figure = go.Figure(go.Scatter(x=list(x_values), y=list(y_values), mode="markers", text=hover))
    figure.update_layout(xaxis_title=x, yaxis_title=y)
    return figure


def _row_height(rows: int) -> int:
    """Pixels that keep row labels apart: at least a readable plot, at most a screen and a half."""
    return int(min(max(300, 120 + 26 * rows), 1400))
