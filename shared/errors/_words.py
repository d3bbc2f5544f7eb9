"""What an answer hangs on, for the few examples that people look at: leave one word out, watch the probability."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np


class WordEffects(NamedTuple):
    """Effect of each word on the probability of the predicted class.

    Attributes:
        words: of the text.
        effects: shape (words,): probability with the word minus without it; positive = the word speaks for it.
        flips: whether leaving one word out changes the predicted class.
    """

    words: list[str]
    effects: np.ndarray
    flips: bool


def word_effects(probabilities: Callable[[Sequence[str]], np.ndarray], text: str, *, most: int = 60) -> WordEffects:
    """Leave each word out once.

    Args:
        probabilities: texts to shape (texts, classes).
        text: the example; an empty one has no words.
        most: words looked at, from the start.
    """
    words = text.split()
    looked = min(len(words), most)
    without = [" ".join(words[:i] + words[i + 1 :]) for i in range(looked)]
    scores = np.asarray(probabilities([text, *without]), dtype=float)
    predicted = int(scores[0].argmax())
    return WordEffects(
        words[:looked], scores[0, predicted] - scores[1:, predicted], bool((scores[1:].argmax(1) != predicted).any())
    )
