"""What joint decoding has to beat: a rule on position, words alone, and words with one stay probability."""

import numpy as np
import pandas as pd

from shared.data import AGENT, ROLES
from shared.models import LabelledTexts, tfidf_floor
from shared.speakers._decode import decode_roles
from shared.speakers._method import dialogues

POSITION, WORDS, CHAINED_WORDS = "sides take turns", "words of the turn", "words, one stay probability"


def floor_roles(train: pd.DataFrame, test: pd.DataFrame) -> dict[str, pd.Series]:
    """Roles by three simple methods.

    Args:
        train: canonical turns with speakers, disturbed as the test turns are.
        test: canonical turns to label.

    Returns:
        By name of the floor, roles aligned with `test`: the agent begins and sides alternate; TF-IDF and a linear
        model on each turn; the same decoded with the one stay probability of the training turns.
    """
    known = train[train["speaker"].notna()]
    floor = tfidf_floor(LabelledTexts(known["text"].tolist(), known["speaker"].tolist()))
    probabilities = floor.probabilities(test["text"].tolist())[:, [floor.labels.index(role) for role in ROLES]]
    stay = _stay_share(known)
    chained = np.empty(len(test), int)
    for dialogue in dialogues(test):
        chained[dialogue.rows] = decode_roles(np.log(np.maximum(probabilities[dialogue.rows], 1e-6)), stay).roles
    parity = test.groupby("conversation_id").cumcount() % 2
    numbers = {POSITION: parity.to_numpy(), WORDS: probabilities.argmax(axis=1), CHAINED_WORDS: chained}
    return {name: pd.Series(np.array(ROLES, dtype=object)[roles], index=test.index) for name, roles in numbers.items()}


def _stay_share(turns: pd.DataFrame) -> float:
    """Share of transitions at which the speaker stays, kept off 0 and 1."""
    ids, agent = turns["conversation_id"].to_numpy(object), (turns["speaker"] == AGENT).to_numpy()
    inside = ids[1:] == ids[:-1]
    return float(((agent[1:] == agent[:-1])[inside].sum() + 1) / (inside.sum() + 2))
