"""Agreement of codes with known dialogue acts."""

import numpy as np
import pandas as pd
from sklearn.metrics import v_measure_score

from shared.stats import Estimate
from shared.vqvae import grouped_jackknife


def join_acts(turns: pd.DataFrame, truth: pd.DataFrame) -> np.ndarray:
    """The known act of each turn, (turns,) object; None where the truth has no such turn.

    Args:
        turns: columns conversation_id and turn.
        truth: columns conversation_id, turn, dialogue_act.
    """
    known = truth.set_index(["conversation_id", "turn"])["dialogue_act"].astype(object)
    wanted = pd.MultiIndex.from_frame(turns[["conversation_id", "turn"]])
    acts = known.reindex(wanted)
    return acts.where(acts.notna(), None).to_numpy()


def v_measure(codes: np.ndarray, acts: np.ndarray, conversations: np.ndarray, *, seed: int = 0) -> Estimate:
    """Harmonic mean of homogeneity (a code holds one act) and completeness (an act has one code), in [0, 1].

    Args:
        codes: (turns,) ids.
        acts: (turns,) known acts; None = unknown, unscored and counted.
        conversations: (turns,) ids, the unit of the interval.
        seed: of the jackknife's groups.

    Returns:
        Estimate; NaN if no act is known. More codes than acts cost completeness, so compare at equal numbers of codes.

    Source: Rosenberg and Hirschberg 2007.
    """
    scored = np.array([act is not None for act in acts], dtype=bool)
    if not scored.any():
        return Estimate(float("nan"), grouped_jackknife(_nothing, codes, clusters=conversations).interval, 0, len(acts))
    labels, names = acts[scored].astype(str), conversations[scored].astype(str)
    found = grouped_jackknife(_score, labels, codes[scored], clusters=names, seed=seed)
    return found._replace(n_unscored=int((~scored).sum()))


def _score(acts: np.ndarray, codes: np.ndarray) -> float:
    return float(v_measure_score(acts, codes))


def _nothing(codes: np.ndarray) -> float:
    return float("nan")
