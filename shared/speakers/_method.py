"""One interface for both methods: evidence about turns and transitions in, roles with a confidence out."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd

from shared.data import AGENT, DONOR, ROLES
from shared.runs import UserError
from shared.speakers._chain import ChainWeights, Evidence


class Dialogue(NamedTuple):
    """The turns of one conversation as decoding sees them.

    Attributes:
        conversation_id: which one.
        rows: (turns,) places in the table that it came from.
        texts: (turns,).
        roles: (turns,) int, 0 agent, 1 donor, -1 unknown.
    """

    conversation_id: str
    rows: np.ndarray
    texts: list[str]
    roles: np.ndarray


class Method(Protocol):
    """What labels speakers: sources of evidence, and how much each of them is worth."""

    @property
    def weights(self) -> ChainWeights:
        """How the sources are weighed together."""

    def evidence(self, turns: pd.DataFrame, conversations: pd.DataFrame) -> list[Evidence]:
        """One `Evidence` a conversation, in order of first appearance in `turns`."""


def dialogues(turns: pd.DataFrame) -> Iterator[Dialogue]:
    """Conversations of a canonical table of turns, in order of first appearance."""
    texts = turns["text"].to_numpy(object)
    roles = turns["speaker"].map({AGENT: 0, DONOR: 1}).fillna(-1).to_numpy(int)
    ids = turns["conversation_id"].to_numpy(object)
    for name, places in turns.groupby(ids, sort=False).indices.items():
        rows = np.asarray(places)
        yield Dialogue(str(name), rows, texts[rows].tolist(), roles[rows])


def label_turns(turns: pd.DataFrame, conversations: pd.DataFrame, method: Method) -> pd.DataFrame:
    """Decode every conversation jointly.

    Args:
        turns: canonical turns; `speaker` is not read.
        conversations: canonical conversations, for methods that read channels.
        method: where the evidence comes from.

    Returns:
        Aligned with `turns`: `role` (agent or donor, never missing) and `confidence` in [0.5, 1] or a little below,
        the posterior of that role given the whole conversation.
    """
    roles, confidence = np.empty(len(turns), int), np.empty(len(turns))
    for dialogue, evidence in zip(dialogues(turns), method.evidence(turns, conversations), strict=True):
        path = method.weights.decode(evidence)
        roles[dialogue.rows], confidence[dialogue.rows] = path
    return pd.DataFrame({"role": np.array(ROLES, dtype=object)[roles], "confidence": confidence}, index=turns.index)


def labelled_turns(
    turns: pd.DataFrame, conversations: pd.DataFrame, labels: pd.DataFrame, *, threshold: float
) -> pd.DataFrame:
    """The canonical turns with speakers.

    A speaker that the corpus names stays, with confidence 1. Below the threshold the speaker is left unknown: the
    method abstains. Authors follow from the speaker where the conversation names them.

    Args:
        turns: canonical turns.
        conversations: canonical conversations.
        labels: `role` and `confidence`, aligned with `turns`, from `label_turns`.
        threshold: least confidence, in [0.5, 1).

    Raises:
        UserError: the threshold is outside its range.
    """
    if not 0.5 <= threshold < 1:
        raise UserError(f"threshold must be in [0.5, 1), got {threshold}: below 0.5 the other role is likelier.")
    given = turns["speaker"]
    known = given.notna()
    decoded = labels["role"].where(labels["confidence"] >= threshold)
    speaker = given.where(known, decoded)
    confidence = labels["confidence"].where(~known, 1.0).astype("float32")
    author = turns["author_id"].astype("str").fillna(_authors(turns["conversation_id"], speaker, conversations))
    return turns.assign(speaker=speaker.astype("str"), speaker_confidence=confidence, author_id=author.astype("str"))


def _authors(ids: pd.Series, speaker: pd.Series, conversations: pd.DataFrame) -> pd.Series:
    people = conversations.set_index("conversation_id")
    agent, donor = (ids.map(people[f"{side}_id"]).astype("str") for side in ROLES)
    return agent.where(speaker == AGENT, donor.where(speaker == DONOR))


def spaced(ids: pd.Series, most: int) -> pd.Series:
    """At most so many of the conversation ids, evenly over the table; 0 = all."""
    if not 0 < most < len(ids):
        return ids
    return ids.iloc[np.linspace(0, len(ids) - 1, most).astype(int)]


def true_speakers(turns: pd.DataFrame, truth: pd.DataFrame | None) -> pd.Series:
    """Who really said each turn, as far as anybody knows.

    Args:
        turns: canonical turns; a known `speaker` counts as true.
        truth: planted truth with conversation_id, turn, speaker, or None.

    Returns:
        Aligned with `turns`: agent, donor or missing.
    """
    if truth is None:
        return turns["speaker"]
    planted = turns[["conversation_id", "turn"]].merge(truth, on=["conversation_id", "turn"], how="left")["speaker"]
    return turns["speaker"].fillna(planted.set_axis(turns.index))


def teaching_turns(turns: pd.DataFrame, labels: pd.DataFrame | None) -> pd.DataFrame:
    """Turns with speakers to learn from: the given ones, and where there are none those that another method found.

    Args:
        turns: canonical turns.
        labels: `role`, aligned with `turns`, or None.
    """
    return turns if labels is None else turns.assign(speaker=turns["speaker"].fillna(labels["role"].astype("str")))


def shares_above(thresholds: Sequence[float], confidence: pd.Series, right: pd.Series) -> pd.DataFrame:
    """What abstaining costs and gains.

    Args:
        thresholds: least confidences to try, in [0, 1].
        confidence: (turns,).
        right: (turns,) 1 or 0; NaN = unscored, left out.

    Returns:
        Columns threshold, labelled (share of turns), accuracy (of those; NaN if none).
    """
    scored = right.notna()
    rows = [
        {
            "threshold": threshold,
            "labelled": float((confidence[scored] >= threshold).mean()),
            "accuracy": float(right[scored & (confidence >= threshold)].mean()),
        }
        for threshold in thresholds
    ]
    return pd.DataFrame(rows)
