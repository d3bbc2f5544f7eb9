"""Who is near whom: a look-up for eyes, and a check that nearness means something."""

import numpy as np
import pandas as pd

from shared.embeddings._embed import Embedded
from shared.stats import Estimate, mean_estimate


def nearest_texts(queries: np.ndarray, embedded: Embedded, *, k: int = 5) -> pd.DataFrame:
    """The distinct texts nearest to each query.

    Args:
        queries: (queries, dimensions), length 1.
        embedded: what `embed_texts` gave.
        k: neighbours a query; fewer if there are fewer texts.

    Returns:
        Columns query (row number), similarity (cosine in [-1, 1]), said (how many turns say exactly this), text;
        nearest first.
    """
    said = np.bincount(embedded.row, minlength=len(embedded.texts))
    similarity = queries.astype(np.float32) @ embedded.vectors.astype(np.float32).T
    rows = [
        {"query": query, "similarity": float(line[i]), "said": int(said[i]), "text": embedded.texts[i]}
        for query, line in enumerate(similarity)
        for i in np.argsort(-line, kind="stable")[:k]
    ]
    return pd.DataFrame(rows, columns=["query", "similarity", "said", "text"])


def neighbour_speaker_agreement(
    turns: pd.DataFrame, embedded: Embedded, *, sample: int = 2000, seed: int = 0
) -> tuple[Estimate, float]:
    """Whether a turn and its nearest different turn, from another conversation, have the same speaker.

    Args:
        turns: columns conversation_id and speaker, in the order of the embedded texts; a missing speaker is unscored.
        embedded: what `embed_texts` gave.
        sample: turns drawn, both as queries and as possible neighbours.
        seed: which ones.

    Returns:
        Share of agreement with an interval clustered by conversation, and the share that two random turns agree.
        Both NaN where no speaker is known.
    """
    drawn = np.sort(np.random.default_rng(seed).permutation(len(turns))[:sample])
    speakers = turns["speaker"].iloc[drawn].astype(object).to_numpy()
    conversations = turns["conversation_id"].iloc[drawn].astype(object).to_numpy()
    neighbour = _nearest_elsewhere(embedded, drawn, conversations)
    known = ~(pd.isna(speakers) | pd.isna(speakers[neighbour]))
    same = np.where(known, speakers == speakers[neighbour], np.nan).astype(float)
    shares = pd.Series(speakers).value_counts(normalize=True)
    floor = float((shares**2).sum()) if len(shares) else float("nan")
    return mean_estimate(same, conversations, seed=seed), floor


def _nearest_elsewhere(embedded: Embedded, drawn: np.ndarray, conversations: np.ndarray) -> np.ndarray:
    rows = embedded.row[drawn]
    vectors = embedded.vectors[rows].astype(np.float32)
    similarity = vectors @ vectors.T
    similarity[rows[:, None] == rows[None, :]] = -np.inf
    similarity[conversations[:, None] == conversations[None, :]] = -np.inf
    return similarity.argmax(axis=1)
