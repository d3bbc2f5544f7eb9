"""Analysed conversations whose truth is known: a seeded generator for demonstrations, tests and benchmarks."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from shared.sequence._dataset import write_dataset


class Planted(NamedTuple):
    """What was planted.

    Attributes:
        authors: number of authors.
        width: features of a turn, at least 3.
        conversations: fewest and most conversations of an author.
        turns: fewest and most turns of a conversation; log-uniform, as real lengths are skewed.
        trait_share: share of authors with the trait.
        shown: share of a trait author's conversations in which the trait shows. Below one half the median of an
            author's conversations does not see it.
        slips: share of other authors' conversations that look as if they had it, so that one of them is no proof.
        strength: height of the signal in standard deviations of the noise.
        seed: same seed, same files.
    """

    authors: int = 60
    width: int = 4
    conversations: tuple[int, int] = (8, 14)
    turns: tuple[int, int] = (5, 12)
    trait_share: float = 0.4
    shown: float = 0.45
    slips: float = 0.02
    strength: float = 8.0
    seed: int = 0


def write_planted(folder: str | Path, planted: Planted | None = None) -> Path:
    """Write a dataset in which an author's trait shows in some of the author's conversations, as an order of turns.

    The sign of the trait is a rise of feature 0 followed, one turn later, by a rise of feature 1. Everybody shows both
    rises in every conversation, but the other way round; so the average turn says nothing and the sequence everything.
    The conversation's own label is a rise of feature 2 in its second half (else in its first).

    Args:
        folder: where to.
        planted: what to plant; None: `Planted()`.

    Returns:
        The folder. Splits are by author, 60 / 20 / 20.
    """
    planted = planted or Planted()
    generator = np.random.default_rng(planted.seed)
    traits = generator.permutation(np.arange(planted.authors) < round(planted.trait_share * planted.authors))
    conversations = _conversations(traits, planted, generator)
    lengths = _lengths(len(conversations), planted, generator)
    features = generator.normal(size=(int(lengths.sum()), planted.width)).astype(np.float32)
    _plant(features, lengths, conversations, planted.strength, generator)
    turns = pd.DataFrame(
        {
            "conversation_id": np.repeat(conversations["conversation_id"].to_numpy(), lengths),
            "turn": np.concatenate([np.arange(1, n + 1) for n in lengths]),
        }
    )
    return write_dataset(folder, conversations, turns, features, [f"feature_{i:03d}" for i in range(planted.width)])


def _conversations(traits: np.ndarray, planted: Planted, generator: np.random.Generator) -> pd.DataFrame:
    fewest, most = planted.conversations
    author = np.repeat(np.arange(planted.authors), generator.integers(fewest, most + 1, planted.authors))
    split = generator.permutation(np.arange(planted.authors) / planted.authors)
    return pd.DataFrame(
        {
            "conversation_id": [f"c{i:05d}" for i in range(len(author))],
            "author_id": [f"a{a:04d}" for a in author],
            "split": np.select([split < 0.6, split < 0.8], ["train", "validation"], "test")[author],
            "label": generator.integers(0, 2, len(author)),
            "author_label": traits[author].astype(int),
            "shows": generator.random(len(author)) < np.where(traits[author], planted.shown, planted.slips),
        }
    )


def _lengths(count: int, planted: Planted, generator: np.random.Generator) -> np.ndarray:
    low, high = np.log(planted.turns[0]), np.log(planted.turns[1] + 1)
    return np.exp(generator.uniform(low, high, count)).astype(int)


def _plant(
    features: np.ndarray,
    lengths: np.ndarray,
    conversations: pd.DataFrame,
    strength: float,
    generator: np.random.Generator,
) -> None:
    starts = np.cumsum(lengths) - lengths
    truth = zip(conversations["shows"], conversations["label"], strict=True)
    for start, length, (shows, label) in zip(starts, lengths, truth, strict=True):
        at = start + generator.integers(0, length - 1)
        features[at, 0 if shows else 1] += strength
        features[at + 1, 1 if shows else 0] += strength
        half = length // 2
        place = generator.integers(half, length) if label else generator.integers(0, half)
        features[start + place, 2] += strength
