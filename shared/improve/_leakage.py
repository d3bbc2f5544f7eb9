"""Feedback leakage: an improved answer that betrays what the user said only afterwards.

A model trained on such answers learns to reply to words that nobody has said yet.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from shared.llm import Message

_WORD = re.compile(r"[\w'’]+")
# Shorter runs are common speech: "in boiling water for" proves nothing, and a corrected fact has two or three words.
_QUOTED_WORDS = 5  # this many words in a row from the feedback, and from nowhere else, are a quotation
_REFERRING = re.compile(
    r"\b(you(?:'re| are) (?:right|correct)|as you (?:said|pointed out|mentioned|noted)|"
    r"(?:thanks|thank you) for (?:the|your) (?:feedback|correction|clarification|pointing)|"
    r"(?:i )?apologi[sz]e|sorry (?:for|about) (?:the|my) (?:confusion|mistake|error|previous|earlier|last)|"
    r"my (?:previous|earlier|last) (?:answer|response|reply|message))\b",
    re.IGNORECASE,
)


class Leak(NamedTuple):
    """What gives the feedback away: `kind` "quotes the feedback" or "refers to the feedback", and the words."""

    kind: str
    words: str


def find_leak(answer: str, feedback: str, context: Sequence[Message]) -> Leak | None:
    """Whether an improved answer quotes or refers to the user's later words.

    Args:
        answer: the improved answer.
        feedback: the user's final turn, which the answer must not know.
        context: the messages before the answer; words that occur there may be used.

    Returns:
        The leak, or None. Single corrected facts may be used: five words in a row are a quotation.
    """
    quoted = _longest_shared(answer, feedback, " ".join(message["content"] for message in context))
    if quoted:
        return Leak("quotes the feedback", quoted)
    referring = _REFERRING.search(answer)
    return Leak("refers to the feedback", referring.group()) if referring else None


def _longest_shared(answer: str, feedback: str, context: str) -> str:
    """The longest run of at least five words that answer and feedback share and the context lacks."""
    said, known = _padded(feedback), _padded(context)
    words = _words(answer)
    best: list[str] = []
    for start in range(len(words)):
        # Only runs longer than the best so far are tried: the others could not win.
        end = start + max(_QUOTED_WORDS, len(best) + 1)
        while end <= len(words) and _padded_run(words[start:end]) in said:
            if _padded_run(words[start:end]) not in known:
                best = words[start:end]
            end += 1
    return " ".join(best)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _padded(text: str) -> str:
    return _padded_run(_words(text))


def _padded_run(words: Sequence[str]) -> str:
    return f" {' '.join(words)} "
