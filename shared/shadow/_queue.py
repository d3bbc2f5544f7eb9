"""What people should look at next, and the training rows that come of it."""

import numpy as np
import pandas as pd

from shared.shadow._log import UNHAPPY


def review_queue(rows: pd.DataFrame, size: int) -> pd.DataFrame:
    """The decisions most worth a person's time: unhappy users and confident disagreements first, then what was unsure.

    Args:
        rows: decisions with their text (a log written with `log_text`).
        size: how many messages; each text appears once.

    Returns:
        Columns conversation_id, text, encoder_category, encoder_confidence, llm_category, why, priority (higher first).
    """
    disagrees = (rows["llm_status"] == "ok") & (rows["llm_category"] != rows["encoder_category"])
    confidence = rows["encoder_confidence"].fillna(0.0)
    unhappy = rows["feedback"].isin(UNHAPPY)
    # Where a confident encoder contradicts the LLM, one of them is wrong in a way that no threshold will catch.
    ranked = rows.assign(
        priority=np.where(disagrees, 1 + confidence, 1 - confidence) + unhappy,
        why=np.select(
            [unhappy, disagrees],
            ["the user " + rows["feedback"].fillna(""), "encoder and LLM disagree"],
            "encoder is unsure",
        ),
    )
    columns = ["conversation_id", "text", "encoder_category", "encoder_confidence", "llm_category", "why", "priority"]
    ordered = ranked.dropna(subset=["text"]).sort_values("priority", ascending=False, kind="stable")
    return ordered.drop_duplicates("text")[columns].head(size).reset_index(drop=True)


def retraining_set(rows: pd.DataFrame, reviewed: pd.DataFrame, *, confident: float) -> pd.DataFrame:
    """Training rows from the log: what people decided, and what both classifiers agree on with confidence.

    An agreement that the user rephrased, corrected or left after is none: both may be wrong in the same way.

    Args:
        rows: decisions with their text.
        reviewed: columns text and label, as people decided; a label that is missing (NaN) is left out.
        confident: encoder's confidence in [0, 1] from which an agreed category is taken as a label.

    Returns:
        Columns message, label, confidence, source (`human` or `agreed`); a person's word replaces an agreement.
    """
    human = reviewed.dropna(subset=["label"])[["text", "label"]].assign(confidence=1.0, source="human")
    same = (rows["llm_status"] == "ok") & (rows["llm_category"] == rows["encoder_category"])
    content = ~rows["feedback"].isin(UNHAPPY)
    agreed = rows[same & content & (rows["encoder_confidence"] >= confident)].dropna(subset=["text"])
    agreed = agreed.rename(columns={"encoder_category": "label", "encoder_confidence": "confidence"})
    both = pd.concat([human, agreed[["text", "label", "confidence"]].assign(source="agreed")], ignore_index=True)
    return both.drop_duplicates("text", keep="first").rename(columns={"text": "message"}).reset_index(drop=True)
