"""Shortcut audit: swap words that should not decide and count how often the prediction flips."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from shared.attention._tokens import WORD
from shared.models import TextClassifier
from shared.runs import UserError

Swaps = dict[str, dict[str, str]]

# What each phrase becomes. Polite words become plain ones; callback and rejection phrases turn into their opposite,
# so a model that understands should flip on them, and one that hangs on polite words flips where it should not.
DEFAULT_SWAPS: Swaps = {
    "polite": {
        "thank you so much": "okay", "thank you": "okay", "thanks": "okay", "please": "now", "appreciate": "see",
        "nice": "plain", "lovely": "plain", "wonderful": "usual", "great": "usual", "kind": "usual",
    },
    "callback": {
        "call me back": "keep talking to me", "call back": "talk now", "callback": "talk", "another time": "right now",
        "some other time": "right now", "later": "now", "busy": "free", "next week": "today", "tomorrow": "today",
    },
    "rejection": {
        "not interested": "very interested", "no thanks": "yes sure", "no thank you": "yes sure",
        "can't afford": "can afford", "cannot afford": "can afford", "don't want": "do want", "refuse": "agree",
        "not going to": "going to", "won't": "will", "can't": "can", "cannot": "can",
    },
}  # fmt: skip


def swap_words(text: str, swaps: Mapping[str, str]) -> tuple[str, int]:
    """Replace whole words and phrases, the longest first, in any case.

    Args:
        text: a conversation.
        swaps: what each phrase becomes.

    Returns:
        The new text and how many phrases were replaced.
    """
    if not swaps:
        return text, 0
    phrases = sorted(swaps, key=len, reverse=True)
    found = re.compile(r"(?<!\w)(" + "|".join(re.escape(phrase) for phrase in phrases) + r")(?!\w)", re.IGNORECASE)
    lowered = {phrase.lower(): new for phrase, new in swaps.items()}
    return found.subn(lambda match: lowered[match.group().lower()], text)


def checked_swaps(swaps: Swaps) -> Swaps:
    """The swaps, or the default ones if there are none.

    Raises:
        UserError: a group has no phrases.
    """
    empty = [name for name, pairs in swaps.items() if not pairs]
    if empty:
        raise UserError(f"swaps: the group(s) {', '.join(empty)} hold no phrases. Give a phrase and what it becomes.")
    return swaps or DEFAULT_SWAPS


def audit_swaps(
    classifier: TextClassifier, texts: Sequence[str], ids: Sequence[str], swaps: Swaps, *, seed: int
) -> pd.DataFrame:
    """Predictions before and after each group of swaps, each beside a control.

    The control replaces as many random words of the same conversation by random words of the corpus.

    Args:
        classifier: of kind "single".
        texts: conversations as the classifier reads them.
        ids: their conversation_id.
        swaps: groups of phrases and what they become.
        seed: of the controls.

    Returns:
        conversation_id, group, control (bool), swapped (phrases), before, after (classes), flipped (0 or 1), shift
        (change of the first prediction's probability). Only conversations in which a group occurs have a row.
    """
    before = classifier.probabilities(list(texts), exact=True)
    rng = np.random.default_rng(seed)
    vocabulary = np.array(sorted({word for text in texts for word in WORD.findall(text)}), dtype=object)
    changed = [row for name, pairs in swaps.items() for row in _changed(texts, name, pairs, vocabulary, rng)]
    if not changed:
        return pd.DataFrame(
            columns=["conversation_id", "group", "control", "swapped", "before", "after", "flipped", "shift"]
        )
    after = classifier.probabilities([text for _, _, _, _, text in changed], exact=True)
    rows = []
    for (place, name, control, count, _), new in zip(changed, after, strict=True):
        old = before[place]
        first = int(old.argmax())
        second = int(new.argmax())
        names = classifier.labels[first], classifier.labels[second]
        rows.append((ids[place], name, control, count, *names, float(first != second), float(new[first] - old[first])))
    return pd.DataFrame(
        rows, columns=["conversation_id", "group", "control", "swapped", "before", "after", "flipped", "shift"]
    )


def _changed(
    texts: Sequence[str], name: str, pairs: Mapping[str, str], vocabulary: np.ndarray, rng: np.random.Generator
) -> list[tuple[int, str, bool, int, str]]:
    """(place, group, control, swapped, text) of each conversation in which the group occurs."""
    rows = []
    for place, text in enumerate(texts):
        new, count = swap_words(text, pairs)
        if count:
            size = sum(len(WORD.findall(p)) for p in pairs if re.search(rf"(?<!\w){re.escape(p)}(?!\w)", text, re.I))
            rows += [
                (place, name, False, count, new),
                (place, name, True, count, _random_swap(text, size, vocabulary, rng)),
            ]
    return rows


def _random_swap(text: str, size: int, vocabulary: np.ndarray, rng: np.random.Generator) -> str:
    """The text with `size` random words replaced; speakers' names before a colon stay."""
    places = [m for m in WORD.finditer(text) if text[m.end() : m.end() + 1] != ":"]
    chosen = sorted(rng.choice(len(places), size=min(size, len(places)), replace=False), reverse=True)
    for index in chosen:
        text = text[: places[index].start()] + str(rng.choice(vocabulary)) + text[places[index].end() :]
    return text
