"""Canonical examples as a table, and the limit on what may be left out of it."""

import json
from collections.abc import Sequence

import pandas as pd
import pyarrow as pa

from shared.runs import UserError
from shared.sources._canonical import Example
from shared.sources._corpora import countable
from shared.sources._readers import Rejected, encode

EXAMPLES = pa.schema(
    [
        ("example_id", pa.string()),
        ("source", pa.string()),
        ("split", pa.string()),
        ("conversation_id", pa.string()),
        ("messages", pa.string()),
        ("input_ids", pa.list_(pa.int32())),
        ("attention_mask", pa.list_(pa.int8())),
        ("labels", pa.list_(pa.int32())),
        ("weights", pa.list_(pa.float32())),
        ("prompt_length", pa.int32()),
        ("emotion_label", pa.int32()),
        ("strategy_label", pa.int32()),
        ("valence_arousal", pa.list_(pa.float32())),
    ]
)


def examples_table(examples: Sequence[Example], emotions: list[str], strategies: list[str]) -> pd.DataFrame:
    """One row an example, in the schema `EXAMPLES`.

    Args:
        examples: tokenised and masked.
        emotions: label names in id order, from the training split.
        strategies: the same for strategies.

    Returns:
        Labels as ids with -100 for unlabelled; valence and arousal as a pair, NaN for unlabelled.

    Raises:
        UserError: a held-out label does not occur in training.
    """
    dialogues = [e.dialogue for e in examples]
    columns = {
        "example_id": [f"{d.source}-{d.split}-{i}" for i, d in enumerate(dialogues)],
        "source": [d.source for d in dialogues],
        "split": [d.split for d in dialogues],
        "conversation_id": [d.conversation_id for d in dialogues],
        "messages": [json.dumps(e.messages, ensure_ascii=False) for e in examples],
        "input_ids": [e.input_ids for e in examples],
        "attention_mask": [[1] * len(e.input_ids) for e in examples],
        "labels": [e.labels for e in examples],
        "weights": [e.weights for e in examples],
        "prompt_length": [e.prompt_length for e in examples],
        "emotion_label": encode([d.emotion for d in dialogues], emotions, "emotion"),
        "strategy_label": encode([d.strategy for d in dialogues], strategies, "strategy"),
        "valence_arousal": [[d.valence, d.arousal] for d in dialogues],
    }
    return pd.DataFrame(columns)


def require_few_rejected(rejected: Sequence[Rejected], n_rows: int, limit: float) -> float:
    """Share of rows that had to be rejected; those with several labels are a choice and do not count.

    Args:
        rejected: with reasons.
        n_rows: rows read.
        limit: share in [0, 1] above which the stage stops.

    Raises:
        UserError: more than `limit`, with the first reasons.
    """
    bad = [r for r in rejected if countable(r)]
    share = len(bad) / n_rows if n_rows else 0.0
    if share > limit:
        shown = "; ".join(f"{r.source} {r.split} row {r.line}: {r.reason}" for r in bad[:3])
        raise UserError(
            f"{len(bad):,} of {n_rows:,} rows cannot be used ({share:.1%}, at most {limit:.1%} may). First: {shown}. "
            "Mend them, or raise max_rejected_fraction."
        )
    return share


def share_of_splits(table: pd.DataFrame) -> pd.DataFrame:
    """Examples, conversations, trained tokens and labels by source and split."""
    counted = table.assign(
        trained_tokens=[int((pd.Series(w) > 0).sum()) for w in table["weights"]],
        emotions=table["emotion_label"] >= 0,
        strategies=table["strategy_label"] >= 0,
        ratings=[bool(pair[0] == pair[0]) for pair in table["valence_arousal"]],
    )
    groups = counted.groupby(["source", "split"], sort=False)
    summary = groups[["trained_tokens", "emotions", "strategies", "ratings"]].sum()
    summary.insert(0, "conversations", groups["conversation_id"].nunique())
    summary.insert(0, "examples", groups.size())
    return summary.reset_index()
