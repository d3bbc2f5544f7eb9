import numpy as np
import pytest

from shared.attention import DEFAULT_SWAPS, audit_swaps, checked_swaps, swap_words
from shared.runs import UserError


def test_whole_phrases_are_swapped_in_any_case_the_longest_first():
    text, count = swap_words(
        "Thank you, thank you so much, thankful", {"thank you": "okay", "thank you so much": "fine"}
    )
    assert (text, count) == ("okay, fine, thankful", 2)


def test_a_text_without_the_words_stays_as_it_is():
    assert swap_words("hello", {"please": "now"}) == ("hello", 0)


def test_a_group_without_phrases_is_refused_and_none_means_the_default():
    assert checked_swaps({}) is DEFAULT_SWAPS
    with pytest.raises(UserError, match="polite"):
        checked_swaps({"polite": {}})


class HearsPlease:
    labels = ("no", "yes")

    def probabilities(self, texts, *, exact=False):
        return np.array([[0.1, 0.9] if "please" in text else [0.8, 0.2] for text in texts])


def test_a_model_that_hangs_on_please_flips_when_it_is_swapped():
    texts = ["agent: please help us now\ndonor: yes of course", "agent: help us now"]
    table = audit_swaps(HearsPlease(), texts, ["a", "b"], {"polite": {"please": "kindly"}}, seed=0)
    swapped = table[~table["control"]]
    # only the first conversation holds the word; yes falls from 0.9 to 0.2
    assert swapped["conversation_id"].tolist() == ["a"]
    assert (swapped["before"].item(), swapped["after"].item(), swapped["flipped"].item()) == ("yes", "no", 1.0)
    assert swapped["shift"].item() == pytest.approx(-0.7)
    assert table["control"].sum() == 1


def test_words_that_occur_nowhere_give_an_empty_table():
    assert audit_swaps(HearsPlease(), ["hello"], ["a"], {"polite": {"please": "now"}}, seed=0).empty
