"""The part of a corpus that a run works on: all of it or an even sample."""

import numpy as np
import pandas as pd

from shared.data import Corpus


def part_of_corpus(corpus: Corpus, *, keep: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Conversations and turns of a run.

    Args:
        corpus: as read.
        keep: so many conversations, evenly spaced over the file; 0 = all.
    """
    conversations, turns = corpus.conversations, corpus.turns
    if 0 < keep < len(conversations):
        conversations = conversations.iloc[np.linspace(0, len(conversations) - 1, keep).astype(int)]
        turns = turns[turns["conversation_id"].isin(conversations["conversation_id"])]
    return conversations.reset_index(drop=True), turns.reset_index(drop=True)
