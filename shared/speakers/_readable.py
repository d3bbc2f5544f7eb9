"""Labels for people: consecutive turns of one speaker as one line, with role and confidence."""

import pandas as pd

from shared.text import merge_consecutive_turns

UNKNOWN = "unknown"


def readable_transcripts(turns: pd.DataFrame) -> pd.DataFrame:
    """One row a stretch of speech.

    Args:
        turns: canonical turns with speakers.

    Returns:
        Columns conversation_id, first_turn, last_turn, role (Agent, Donor or unknown), confidence (the smallest of the
        merged turns, in [0, 1]), text. Turns of unknown speakers are never merged.
    """
    rows = [row for name, group in turns.groupby("conversation_id", sort=False) for row in _stretches(str(name), group)]
    names = ["conversation_id", "first_turn", "last_turn", "role", "confidence", "text"]
    return pd.DataFrame(rows, columns=names)


def _stretches(conversation_id: str, group: pd.DataFrame) -> list[tuple[object, ...]]:
    speakers = [speaker if isinstance(speaker, str) else None for speaker in group["speaker"]]
    numbers = group["turn"].tolist()
    stretches = merge_consecutive_turns(group["text"].tolist(), speakers, group["speaker_confidence"].tolist())
    return [
        (
            conversation_id, numbers[s.first], numbers[s.last], s.speaker.capitalize() if s.speaker
            else UNKNOWN, round(s.confidence, 3), s.text,
        )
        for s in stretches
    ]  # fmt: skip
