"""Light augmentation of rare classes: paraphrases by an LLM, or seeded word operations where there is none."""

import re
from typing import Any, cast

import numpy as np
import pandas as pd

from shared.labels._asking import Asking, Generated
from shared.labels._table import labelled_table
from shared.llm import any_text, request

_PROMPT = "Say the same in other words, as another person would type it. Answer with the message only.\nMessage: {}"


def paraphrased(asking: Asking, labelled: pd.DataFrame) -> Generated:
    """One paraphrase a row, with the row's label and group.

    Args:
        asking: the LLM and its terms.
        labelled: rows to paraphrase.
    """
    asked = [request([{"role": "user", "content": _PROMPT.format(m)}], temperature=0.9) for m in labelled["message"]]
    got = asking.all_of(asked, any_text, "paraphrases")
    texts = pd.Series(got.values, index=labelled.index, dtype=object)
    return Generated(_augmented(labelled, texts, got.ledger.backend), got.ledger, got.n_unscored)


def with_word_operations(labelled: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """One variant a row by one seeded operation: drop a word, swap two neighbours, or mistype a letter.

    A message of fewer than four words has no variant: any operation could change what it means. The group is kept,
    so that a variant never stands on the other side of a split.
    """
    random = np.random.default_rng(seed)
    texts = pd.Series([_varied(message, random) for message in labelled["message"]], index=labelled.index, dtype=object)
    return _augmented(labelled, texts, "word operation")


def _augmented(labelled: pd.DataFrame, texts: pd.Series, detail: str) -> pd.DataFrame:
    made = labelled.assign(message=texts, source="augmented", detail=detail)
    changed = made["message"].notna() & (made["message"] != labelled["message"])
    return labelled_table(cast(list[dict[str, Any]], made[changed].to_dict("records")))


def _varied(message: str, random: np.random.Generator) -> str | None:
    words = message.split()
    if len(words) < 4:
        return None
    operation = (_dropped, _swapped, _mistyped)[int(random.integers(3))]
    return " ".join(operation(words, int(random.integers(len(words) - 1))))


def _dropped(words: list[str], at: int) -> list[str]:
    return [*words[:at], *words[at + 1 :]]


def _swapped(words: list[str], at: int) -> list[str]:
    return [*words[:at], words[at + 1], words[at], *words[at + 2 :]]


def _mistyped(words: list[str], at: int) -> list[str]:
    return [*words[:at], re.sub(r"(\w)(\w)(\w)", r"\1\3\2", words[at], count=1), *words[at + 1 :]]
