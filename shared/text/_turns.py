"""Cleaning, splitting and merging of what was said. Every function is one rule, and its docstring is that rule."""

import re
import unicodedata
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_SPACE = re.compile(r"[^\S\n]+")
_BLANK_LINES = re.compile(r" ?\n\s*")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9])")
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|etc|No|approx)|\b[A-Z]|\be\.g|\bi\.e)\.$")


class Stretch(NamedTuple):
    """Consecutive turns of one speaker, merged.

    Attributes:
        first: position of the first turn in the given order, from 0.
        last: position of the last one, inclusive.
        speaker: who spoke; None = nobody knows.
        text: the turns joined by single spaces.
        confidence: the smallest confidence of the merged turns, in [0, 1]; NaN if any is NaN.
    """

    first: int
    last: int
    speaker: str | None
    text: str
    confidence: float


def clean(text: str) -> str:
    r"""Text without what nobody said.

    Rule: Unicode is composed (NFC); invisible characters (zero-width, direction marks, soft hyphens, byte order
    mark) and control characters go; runs of spaces become one; runs of line breaks become one `\n`; no space is
    left at either end. Case, punctuation, spelling and markup stay: `<script>` is something a person may say.
    """
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _SPACE.sub(" ", _CONTROL.sub(" ", _INVISIBLE.sub("", text)))
    return _BLANK_LINES.sub("\n", text).strip()


def split_utterances(text: str) -> list[str]:
    """The utterances of a whole transcript, cleaned, in order, without empty ones.

    Rule: a transcript with line breaks has one utterance a line. One without is cut behind `.`, `!`, `?` or `…`
    when a space and then a capital letter or a digit follow; abbreviations and initials do not end an utterance.
    """
    cleaned = clean(text)
    return cleaned.split("\n") if "\n" in cleaned else _sentences(cleaned)


def _sentences(text: str) -> list[str]:
    pieces: list[str] = []
    start = 0
    for end in _SENTENCE_END.finditer(text):
        piece = text[start : end.end()].strip()
        if not _ABBREVIATION.search(piece):
            pieces.append(piece)
            start = end.end()
    return [piece for piece in [*pieces, text[start:].strip()] if piece]


def merge_consecutive_turns(
    texts: Sequence[str], speakers: Sequence[str | None], confidences: Sequence[float] | None = None
) -> list[Stretch]:
    """Neighbouring turns of the same speaker as one.

    Rule: turns are merged while the speaker is known and stays the same. A turn whose speaker is unknown (None)
    stands alone: merging two unknowns would claim that one person said both.

    Args:
        texts: shape (turns,), in order of time.
        speakers: shape (turns,), None = unknown.
        confidences: shape (turns,), in [0, 1]; left out = NaN everywhere.

    Returns:
        Stretches in order; together they cover every turn once.
    """
    scores = [float("nan")] * len(texts) if confidences is None else list(confidences)
    keys = [(speaker, None if speaker else place) for place, speaker in enumerate(speakers)]
    groups = [list(group) for _, group in groupby(range(len(texts)), key=keys.__getitem__)]
    return [
        Stretch(
            first=group[0],
            last=group[-1],
            speaker=speakers[group[0]],
            text=" ".join(texts[place] for place in group),
            confidence=_least([scores[place] for place in group]),
        )
        for group in groups
    ]


def _least(values: list[float]) -> float:
    return float("nan") if any(value != value for value in values) else min(values)
