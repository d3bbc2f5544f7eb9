"""Labels from several sources merged by explicit rules; what they disagree on goes to people."""

from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from shared.labels._table import LABELLED_SCHEMA
from shared.runs import UserError


@dataclass(frozen=True)
class HybridRules:
    """The rules, in the order in which they decide about a message.

    1. A person's label always counts, whatever others say.
    2. Sources that agree count, with the highest of their confidences.
    3. A single source counts from `confident` on.
    4. Everything else (disagreement, low confidence) is queued for people.

    Attributes:
        confident: confidence in [0, 1] from which an LLM's or a generator's label stands alone.
    """

    confident: float = 0.9

    def __post_init__(self) -> None:
        if not 0 <= self.confident <= 1:
            raise UserError(f"HybridRules: confident is {self.confident}, expected a confidence in [0, 1].")


class Merged(NamedTuple):
    """One label a message, and the messages that people have to decide, with what each source said."""

    labelled: pd.DataFrame
    queue: pd.DataFrame


def hybrid(labelled: pd.DataFrame, rules: HybridRules | None = None) -> Merged:
    """Merge rows of one task.

    Args:
        labelled: rows of the labelled table, several for a message that several sources labelled.
        rules: when a label counts.

    Returns:
        Merged: `labelled` has one row a message; `queue` has columns message, said, why.
    """
    rules = rules or HybridRules()
    decided, queued = [], []
    for message, rows in labelled.groupby("message", sort=False):
        chosen, why = _decide(rows, rules)
        if chosen is None:
            said = "; ".join(f"{r.source}: {r.label} ({r.confidence:.2f})" for r in rows.itertuples())
            queued.append({"message": message, "said": said, "why": why})
        else:
            decided.append(chosen)
    kept = pd.DataFrame(decided, columns=LABELLED_SCHEMA.names).reset_index(drop=True)
    return Merged(kept, pd.DataFrame(queued, columns=["message", "said", "why"]))


def _decide(rows: pd.DataFrame, rules: HybridRules) -> tuple[pd.Series | None, str]:
    people = rows[rows["source"] == "human"]
    voices = people if len(people) else rows
    if voices["label"].nunique() > 1:
        return None, "people disagree" if len(people) else "sources disagree"
    best = voices.sort_values("confidence", ascending=False, kind="stable").iloc[0]
    # Two rows of one source are one voice: a model that repeats itself confirms nothing.
    confirmed = len(people) > 0 or voices["source"].nunique() > 1
    if confirmed or best["confidence"] >= rules.confident:
        return best, ""
    return None, f"confidence below {rules.confident}"
