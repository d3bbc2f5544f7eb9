"""Filters for generated messages: near-duplicates, and messages that repeat the prompt instead of a person."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from shared.text import SimilarPairs, similar_pairs

_WORDS = re.compile(r"\w+")
_WORDS_THAT_LEAK = 7


class Filtered(NamedTuple):
    """Rows that stay, and rows that go with the reason in column `why`."""

    kept: pd.DataFrame
    dropped: pd.DataFrame


def without_near_duplicates(labelled: pd.DataFrame, *, similarity: float = 0.9) -> Filtered:
    """Keep the first of messages that say nearly the same.

    Args:
        labelled: rows in order of preference.
        similarity: cosine of character 3- to 5-gram TF-IDF vectors in (0, 1] from which two messages are the same.

    Returns:
        Filtered; the reason names the label of the message it repeats, since equal texts with different labels are
        a contradiction, not only a repetition.
    """
    pairs = similar_pairs(labelled["message"].tolist(), similarity)
    repeats = _first_repeated(len(labelled), pairs)
    labels = labelled["label"].to_numpy()
    why = [f"repeats a message labelled {labels[first]}" if first >= 0 else "" for first in repeats]
    return _split(labelled, why)


def _first_repeated(n: int, pairs: SimilarPairs) -> list[int]:
    """For each row the earlier kept row that it repeats, or -1."""
    repeats = [-1] * n
    for first, second in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True):
        if repeats[first] < 0 and repeats[second] < 0:
            repeats[second] = first
    return repeats


def without_prompt_leaks(labelled: pd.DataFrame, prompts: Sequence[str]) -> Filtered:
    """Drop messages that name their label or quote the prompt that asked for them.

    Args:
        labelled: generated rows.
        prompts: the instructions and passages they were generated from; seven words in a row are a quotation.
    """
    quoted = {gram for prompt in prompts for gram in _grams(prompt)}
    why = [_leak(m, label, quoted) for m, label in zip(labelled["message"], labelled["label"], strict=True)]
    return _split(labelled, why)


# A label of one everyday word (`social`) may well be said by a person; one with an underscore comes from the prompt.
def _leak(message: str, label: str, quoted: set[str]) -> str:
    if "_" in label and label.replace("_", " ") in message.lower().replace("_", " "):
        return "names its label"
    return "quotes the prompt" if quoted & set(_grams(message)) else ""


def _grams(text: str) -> list[str]:
    words = _WORDS.findall(text.lower())
    return [" ".join(words[i : i + _WORDS_THAT_LEAK]) for i in range(len(words) - _WORDS_THAT_LEAK + 1)]


def _split(labelled: pd.DataFrame, why: Sequence[str]) -> Filtered:
    reasons = np.array(list(why), dtype=object)
    gone = reasons != ""
    return Filtered(
        labelled[~gone].reset_index(drop=True), labelled[gone].assign(why=reasons[gone]).reset_index(drop=True)
    )
