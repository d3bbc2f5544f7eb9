"""The transition graph: time runs from left to right, sides are above and below."""

import html

import pandas as pd
import plotly.graph_objects as go

from shared.figures import COLOURS


def draw_transitions(cards: pd.DataFrame, found: pd.DataFrame, side: str, *, edges: int = 40) -> go.Figure:
    """Codes as circles and the most telling transitions as lines.

    Args:
        cards: what `code_cards` gave, with a column `label`; codes without turns are not drawn.
        found: what `transitions` gave; lines are the pairs whose lowest plausible share is most above chance.
        side: the column of `cards` that gives the height, such as "said_by_agent"; missing shares are drawn at 0.5.
        edges: number of lines.

    Returns:
        A figure to finish with `shared.figures.show`.
    """
    shown = cards[cards["turns"] > 0]
    heights = shown[side].fillna(0.5) if side in shown else pd.Series(0.5, index=shown.index)
    telling = found[found["code"].isin(shown.index) & found["next"].isin(shown.index) & (found["low"] > found["base"])]
    strongest = telling.assign(surplus=telling["low"] - telling["base"]).nlargest(edges, "surplus")
    lines = [_line(row, shown["position"], heights) for row in strongest.itertuples()]
    figure = go.Figure([*lines, _circles(shown, heights)])
    figure.update_layout(showlegend=False, height=640, xaxis_title="mean place in the conversation (0 first, 1 last)")
    return figure.update_layout(yaxis_title=f"share {side.replace('_', ' ')}", yaxis_range=[-0.08, 1.08])


def _line(row: object, places: pd.Series, heights: pd.Series) -> go.Scatter:
    start, end, share = row.code, row.next, row.share  # type: ignore[attr-defined]
    text = f"{start} to {end}: {share:.2f} ({row.low:.2f} to {row.high:.2f})"  # type: ignore[attr-defined]
    return go.Scatter(
        x=[places[start], places[end]],
        y=[heights[start], heights[end]],
        mode="lines+markers",
        line={"width": 1 + 6 * share, "color": "rgba(86,180,233,0.55)"},
        marker={"symbol": "arrow", "size": 12, "angleref": "previous", "color": COLOURS[5]},
        hoverinfo="text",
        text=text,
    )


def _circles(cards: pd.DataFrame, heights: pd.Series) -> go.Scatter:
    # plotly reads tags in texts, and the labels are what people said.
    hover = [f"{code}: {html.escape(label)} ({n:,} turns)" for code, label, n in cards[["label", "turns"]].itertuples()]
    return go.Scatter(
        x=cards["position"],
        y=heights,
        mode="markers+text",
        text=[str(code) for code in cards.index],
        hovertext=hover,
        hoverinfo="text",
        marker={"size": 12 + 60 * cards["share"] ** 0.5, "color": COLOURS[0], "opacity": 0.85},
        textfont={"color": "white", "size": 11},
    )
