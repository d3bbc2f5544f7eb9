"""The planted truth that belongs to the sample, for stages that report how well they recover it."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from shared.runs import UserError


class Truth(NamedTuple):
    """What is known of a generated corpus; columns as in `data/README.md`.

    Attributes:
        turns: one row a turn: conversation_id, turn, speaker, dialogue_act.
        conversations: one row a conversation: conversation_id, outcome, cues, decoys (words separated by spaces).
        authors: one row an author: author_id, role, traits as 0 or 1 (missing for agents), calls.
    """

    turns: pd.DataFrame
    conversations: pd.DataFrame
    authors: pd.DataFrame


def read_truth(folder: Path) -> Truth:
    """Read `truth_turns.csv`, `truth_conversations.csv` and `truth_authors.csv`.

    Raises:
        UserError: one of them is missing.
    """
    paths = [folder / f"truth_{name}.csv" for name in Truth._fields]
    missing = [path.name for path in paths if not path.exists()]
    if missing:
        raise UserError(f"{folder.name}: {', '.join(missing)} is missing. `python -m shared.data` writes the sample.")
    return Truth(*(pd.read_csv(path) for path in paths))
