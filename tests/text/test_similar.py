import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.text import similar_pairs


def test_case_and_punctuation_do_not_hide_a_near_duplicate() -> None:
    found = similar_pairs(["How do I pay my bill?", "good morning", "how do i pay my bill", "who are you"])
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == [(0, 2)]


def test_nothing_and_texts_without_letters_have_no_pairs() -> None:
    assert similar_pairs([]).first.size == 0
    assert similar_pairs(["!!!", "", "?"]).first.size == 0


def test_blocks_do_not_change_the_pairs() -> None:
    texts = [f"message number {i % 300} about the weather in place {i % 300}" for i in range(1100)]
    found = similar_pairs(texts, 0.999)
    expected = {(i, j) for i in range(1100) for j in range(i + 1, 1100) if i % 300 == j % 300}
    assert set(zip(found.first.tolist(), found.second.tolist(), strict=True)) == expected


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=20), max_size=8))
def test_pairs_are_ordered_positions_with_similarity_in_range(texts: list[str]) -> None:
    found = similar_pairs(texts, 0.5)
    assert np.all(found.first < found.second)
    assert np.all((found.similarity >= 0.5) & (found.similarity <= 1 + 1e-9))
