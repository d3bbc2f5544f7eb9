"""Making it hard on purpose: what recordings and diarisers do to clean dialogues, so that no rule on position helps."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from shared.data import ROLES


class Diarised(NamedTuple):
    """A conversation as a diariser might give it.

    Attributes:
        texts: (segments,) what is said in each.
        speakers: (segments,) the diariser's label.
        truth: for each segment, who really said each of its words.
    """

    texts: list[str]
    speakers: list[str]
    truth: list[list[str]]


def disturb(turns: pd.DataFrame, *, drop_most: int = 6, split_share: float = 0.2, seed: int = 0) -> pd.DataFrame:
    """Turns of which openings are cut off and some are torn in two.

    Args:
        turns: canonical turns, in order.
        drop_most: of every conversation 0 to so many opening turns are dropped, each number equally likely; at
            least one turn stays.
        split_share: probability in [0, 1] that a turn of two or more words is split at a random word; both parts
            keep speaker and author.
        seed: with the place of the conversation in the table it decides everything.

    Returns:
        Canonical turns, numbered anew from 0 in every conversation.
    """
    parts = [
        _disturbed(group, np.random.default_rng((seed, place)), drop_most, split_share)
        for place, (_, group) in enumerate(turns.groupby("conversation_id", sort=False))
    ]
    result = pd.concat(parts, ignore_index=True)
    number = result.groupby("conversation_id", sort=False).cumcount()
    return result.assign(turn=number.astype("int32"))


def _disturbed(group: pd.DataFrame, random: np.random.Generator, drop_most: int, split_share: float) -> pd.DataFrame:
    kept = group.iloc[min(int(random.integers(drop_most + 1)), len(group) - 1) :]
    halves = [_halves(text, random, split_share) for text in kept["text"]]
    repeats = [len(parts) for parts in halves]
    return kept.loc[kept.index.repeat(repeats)].assign(text=[part for parts in halves for part in parts])


def _halves(text: str, random: np.random.Generator, split_share: float) -> list[str]:
    words = text.split()
    if len(words) < 2 or random.random() >= split_share:
        return [text]
    cut = int(random.integers(1, len(words)))
    return [" ".join(words[:cut]), " ".join(words[cut:])]


def diarise_badly(
    texts: list[str], speakers: list[str], *, swap_share: float, merge_share: float, random: np.random.Generator
) -> Diarised:
    """A diariser that swaps labels and runs turns of two people together.

    Args:
        texts: (turns,) in order.
        speakers: (turns,) who really said each.
        swap_share: probability in [0, 1] that a segment gets the other label.
        merge_share: probability in [0, 1] that a turn is appended to the segment before it, whoever spoke.
        random: decides which.

    Returns:
        Segments; a merged one has the label of its first turn.
    """
    result = Diarised([], [], [])
    for text, speaker in zip(texts, speakers, strict=True):
        said_by = [speaker] * len(text.split())
        if result.texts and random.random() < merge_share:
            result.texts[-1] += f" {text}"
            result.truth[-1].extend(said_by)
            continue
        swapped = random.random() < swap_share
        result.texts.append(text)
        result.speakers.append(ROLES[1 - ROLES.index(speaker)] if swapped else speaker)
        result.truth.append(said_by)
    return result
