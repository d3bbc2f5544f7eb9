"""Do attention sinks matter? Forbid the encoder to look at them and see how far the prediction moves."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from shared.attention._network import log_odds, masked_logits, predicted_class
from shared.attention._tokens import CONTENT, PUNCTUATION, SPEAKER, SPECIAL, Tokens
from shared.models import TextClassifier
from shared.runs import progress

_SINKS = {"special": (SPECIAL,), "punctuation": (PUNCTUATION,), "speaker": (SPEAKER,),
          "all sinks": (SPECIAL, PUNCTUATION, SPEAKER)}  # fmt: skip


def sink_effects(classifier: TextClassifier, conversations: Sequence[Tokens], *, seed: int) -> pd.DataFrame:
    """How the prediction changes when no token may attend to the tokens of a kind.

    Pooling still reads them, so only the flow of attention is cut. Beside each kind stands a control: as many content
    tokens, drawn at random.

    Args:
        classifier: of kind "single".
        conversations: any number.
        seed: of the controls.

    Returns:
        conversation_id, masked, control (bool), tokens (how many were masked), delta (change of the predicted class's
        log-odds; NaN = the conversation has no such token), flipped (1 if another class is predicted).
    """
    rng = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    for tokens in progress(conversations, "conversations masked", total=len(conversations)):
        target = predicted_class(classifier, tokens)
        masks = _masks(tokens, rng)
        seen = np.stack([np.ones(len(tokens.ids), bool), *(mask for _, _, mask in masks)])
        logits = masked_logits(classifier, tokens, seen, pooled=np.ones_like(seen), exact=True)
        odds = log_odds(logits, target)
        for (name, control, mask), delta, best in zip(masks, odds[1:] - odds[0], logits[1:].argmax(1), strict=True):
            hidden = int((~mask).sum())
            rows.append({
                "conversation_id": tokens.conversation_id, "masked": name, "control": control, "tokens": hidden,
                "delta": delta if hidden else np.nan, "flipped": float(best != target) if hidden else np.nan,
            })  # fmt: skip
    return pd.DataFrame(rows)


def _masks(tokens: Tokens, rng: np.random.Generator) -> list[tuple[str, bool, np.ndarray]]:
    """(name, control, tokens seen) for every kind of sink and its control."""
    masks = []
    content = np.flatnonzero(tokens.kinds == CONTENT)
    for name, kinds in _SINKS.items():
        sinks = np.isin(tokens.kinds, kinds)
        drawn = rng.choice(content, size=min(int(sinks.sum()), len(content)), replace=False)
        control = np.ones(len(sinks), bool)
        control[drawn] = False
        masks += [(name, False, ~sinks), (name, True, control)]
    return masks
