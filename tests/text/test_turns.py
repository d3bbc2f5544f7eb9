import math

import pytest

from shared.text import clean, merge_consecutive_turns, split_utterances


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("  two   spaces ", "two spaces"),
        ("one\r\n\r\n two", "one\ntwo"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("e\u0301", "é"),  # composed
        ("bell\x07 and tab\t.", "bell and tab ."),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),  # something a person may say
        ("", ""),
        (" \n ", ""),
    ],
)
def test_cleaning_takes_away_only_what_nobody_said(raw, cleaned):
    assert clean(raw) == cleaned
    assert clean(cleaned) == cleaned


def test_lines_are_utterances_where_there_are_lines():
    assert split_utterances("Hello. Who is this?\n\nIt is Ann.\n") == ["Hello. Who is this?", "It is Ann."]


def test_sentences_are_utterances_where_there_are_no_lines():
    assert split_utterances("Hello. Who is this? It is Ann") == ["Hello.", "Who is this?", "It is Ann"]


def test_abbreviations_and_small_letters_do_not_end_an_utterance():
    assert split_utterances("Dr. Lee called. e.g. at 5 p.m. today. Fine!") == [
        "Dr. Lee called. e.g. at 5 p.m. today.",
        "Fine!",
    ]


def test_no_word_is_lost_in_splitting():
    text = 'Well... OK. I gave $0.20. Mr. J. Smith said so! "Really?" Yes.'
    assert " ".join(split_utterances(text)).split() == text.split()


def test_nothing_has_no_utterances():
    assert split_utterances(" \n ") == []


def test_neighbouring_turns_of_one_speaker_become_one():
    merged = merge_consecutive_turns(["a", "b", "c"], ["agent", "agent", "donor"], [0.9, 0.8, 0.7])
    assert [(m.first, m.last, m.speaker, m.text, m.confidence) for m in merged] == [
        (0, 1, "agent", "a b", 0.8),
        (2, 2, "donor", "c", 0.7),
    ]


def test_unknown_speakers_are_never_merged():
    merged = merge_consecutive_turns(["a", "b"], [None, None])
    assert [m.text for m in merged] == ["a", "b"]
    assert all(math.isnan(m.confidence) for m in merged)


def test_one_unscored_turn_makes_the_stretch_unscored():
    assert math.isnan(merge_consecutive_turns(["a", "b"], ["agent"] * 2, [0.9, math.nan])[0].confidence)


def test_nothing_merges_to_nothing():
    assert merge_consecutive_turns([], []) == []
