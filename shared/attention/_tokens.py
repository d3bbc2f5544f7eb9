"""Tokens of a conversation with what they are: special, punctuation, a speaker's name, or content.

Scores are given to words, not to word pieces: a word is a run of letters and digits in what someone said. Speakers'
names and punctuation are never words, so they can neither be credited nor removed as one.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

KINDS = ("special", "punctuation", "speaker", "content")
SPECIAL, PUNCTUATION, SPEAKER, CONTENT = range(4)
WORD = re.compile(r"\w+(?:['’\-]\w+)*")


class Tokens(NamedTuple):
    """One conversation as the encoder sees it.

    Attributes:
        conversation_id: whose.
        ids: (tokens,) token ids.
        pieces: the tokens as text.
        kinds: (tokens,) index into `KINDS`.
        word_of: (tokens,) index into `words`, -1 for tokens that belong to no word.
        words: lower-case words in order.
        turns: (words,) number of the turn each word is in.
        speakers: speaker of each word.
    """

    conversation_id: str
    ids: np.ndarray
    pieces: list[str]
    kinds: np.ndarray
    word_of: np.ndarray
    words: list[str]
    turns: np.ndarray
    speakers: list[str]

    def per_word(self, scores: np.ndarray) -> np.ndarray:
        """Sum of token scores over each word: (words,)."""
        inside = self.word_of >= 0
        return np.bincount(self.word_of[inside], scores[inside], minlength=len(self.words))

    def without(self, words: Sequence[int] | np.ndarray) -> np.ndarray:
        """Which tokens stay when these words are removed: (tokens,) bool."""
        return ~np.isin(self.word_of, np.asarray(words, dtype=int))

    def only(self, words: Sequence[int] | np.ndarray) -> np.ndarray:
        """Which tokens stay when all other words are removed: (tokens,) bool."""
        return (self.word_of < 0) | np.isin(self.word_of, np.asarray(words, dtype=int))


def read_tokens(texts: pd.DataFrame, spans: pd.DataFrame, tokenizer: Any, max_tokens: int) -> list[Tokens]:
    """Tokens of every conversation.

    Args:
        texts: conversation_id, text.
        spans: conversation_id, turn, speaker, start, words_start, end: where the turns are in the text.
        tokenizer: the classifier's fast tokenizer.
        max_tokens: as the classifier cuts.

    Returns:
        One `Tokens` a conversation, in the order of `texts`.
    """
    fields = tokenizer(
        texts["text"].tolist(), truncation=True, max_length=max_tokens,
        return_offsets_mapping=True, return_special_tokens_mask=True,
    )  # fmt: skip
    own = {str(name): rows for name, rows in spans.groupby("conversation_id", sort=False)}
    pairs = zip(texts["conversation_id"].astype(str), texts["text"].astype(str), strict=True)
    return [_tokens(name, text, own[name], tokenizer, fields, row) for row, (name, text) in enumerate(pairs)]


class _Characters(NamedTuple):
    """What each character of a text belongs to, and the words found."""

    kinds: np.ndarray
    word_of: np.ndarray
    words: list[str]
    turns: list[int]
    speakers: list[str]


def _characters(text: str, spans: pd.DataFrame) -> _Characters:
    found = _Characters(np.full(len(text), PUNCTUATION), np.full(len(text), -1), [], [], [])
    columns = (spans[name].tolist() for name in ("turn", "speaker", "start", "words_start", "end"))
    for turn, speaker, start, words_start, end in zip(*columns, strict=True):
        found.kinds[start:words_start] = SPEAKER
        for match in WORD.finditer(text, words_start, end):
            found.kinds[match.start() : match.end()] = CONTENT
            found.word_of[match.start() : match.end()] = len(found.words)
            found.words.append(match.group().lower())
            found.turns.append(turn)
            found.speakers.append(speaker)
    return found


def _tokens(conversation_id: str, text: str, spans: pd.DataFrame, tokenizer: Any, fields: Any, row: int) -> Tokens:
    characters = _characters(text, spans)
    # The last character of a token decides: byte-level tokenizers let a token begin with the space before it.
    last = np.array([end - 1 for _, end in fields["offset_mapping"][row]])
    special = np.array(fields["special_tokens_mask"][row], dtype=bool)
    ids = np.array(fields["input_ids"][row])
    return Tokens(
        conversation_id,
        ids,
        tokenizer.convert_ids_to_tokens(ids),
        np.where(special, SPECIAL, characters.kinds[last]),
        np.where(special, -1, characters.word_of[last]),
        characters.words,
        np.array(characters.turns, dtype=int),
        characters.speakers,
    )
