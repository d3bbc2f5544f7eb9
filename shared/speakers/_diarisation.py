"""What labelling is worth to someone who has a diariser: errors by word, before and after."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from shared.data import TURNS_SCHEMA
from shared.speakers._disturb import Diarised, diarise_badly
from shared.speakers._method import Method, label_turns
from shared.speakers._metrics import word_error_rate, word_errors
from shared.stats import Estimate, mean_estimate
from shared.text import split_utterances


class Repair(NamedTuple):
    """Word-level diarisation error rate: as the diariser gave it, after relabelling, and the part taken away."""

    before: Estimate
    after: Estimate
    difference: Estimate


def repair_diarisation(
    turns: pd.DataFrame,
    truth: pd.Series,
    conversations: pd.DataFrame,
    method: Method,
    *,
    swap_share: float,
    merge_share: float,
    seed: int = 0,
) -> Repair:
    """Break the labels of known turns as a diariser would, then label them anew.

    A segment is cut at the ends of its sentences before it is labelled, so that two people who were run together can
    come apart again. The diariser's labels themselves are not read: a better method would weigh them too.

    Args:
        turns: canonical turns.
        truth: (turns,) who said each, known for all.
        conversations: canonical conversations.
        method: a fitted method.
        swap_share: probability in [0, 1] that a segment has the wrong label.
        merge_share: probability in [0, 1] that a turn is run together with the one before it.
        seed: of the injected errors and of the intervals.
    """
    broken = [
        (str(name), _broken(turns.loc[rows, "text"], truth.loc[rows], swap_share, merge_share, (seed, place)))
        for place, (name, rows) in enumerate(turns.groupby("conversation_id", sort=False).groups.items())
    ]
    pieces = pd.concat([_pieces(name, diarised) for name, diarised in broken], ignore_index=True)
    labels = label_turns(pieces, conversations, method)
    said = [speaker for _, d in broken for segment in d.truth for speaker in segment]
    given = [s for _, d in broken for s, words in zip(d.speakers, d.truth, strict=True) for _ in words]
    counts = np.array([len(text.split()) for text in pieces["text"]])
    ids = np.repeat(pieces["conversation_id"].to_numpy(object), counts).tolist()
    relabelled = np.repeat(labels["role"].to_numpy(object), counts).tolist()
    before, after = word_errors(said, given), word_errors(said, relabelled)
    return Repair(
        word_error_rate(before, ids, seed=seed),
        word_error_rate(after, ids, seed=seed),
        mean_estimate(after - before, ids, seed=seed),
    )


def _broken(
    texts: pd.Series, speakers: pd.Series, swap_share: float, merge_share: float, seed: tuple[int, int]
) -> Diarised:
    random = np.random.default_rng(seed)
    return diarise_badly(
        texts.tolist(), speakers.tolist(), swap_share=swap_share, merge_share=merge_share, random=random
    )


def _pieces(conversation_id: str, diarised: Diarised) -> pd.DataFrame:
    """Turns without speakers: the sentences of every segment."""
    texts = [piece for segment in diarised.texts for piece in split_utterances(segment)]
    columns = {"conversation_id": conversation_id, "turn": range(len(texts)), "text": texts}
    return pd.DataFrame(columns).reindex(columns=TURNS_SCHEMA.names)
