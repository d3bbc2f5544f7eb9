from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from shared.attention import (
    Explanation,
    Faithfulness,
    Tokens,
    adaptive_order,
    explain_all,
    faithfulness_scores,
    faithfulness_table,
    measure,
    normalised,
    top_sizes,
)  # fmt: skip


def words_only(count: int) -> Tokens:
    """A conversation whose tokens are its words."""
    place = np.arange(count)
    return Tokens("c", place, [f"w{i}" for i in place], np.full(count, 3), place, [f"w{i}" for i in place],
                  np.zeros(count, int), ["donor"] * count)  # fmt: skip


def additive(weights):
    """A model whose probability is 0.5 plus the weights of the words that are seen."""
    return lambda seen: 0.5 + seen @ np.array(weights)


def test_top_words_are_counted_by_share_and_never_none():
    assert top_sizes(10, (0.01, 0.2, 1.0)) == [1, 2, 10]


def test_removing_the_deciding_word_is_comprehensive_and_keeping_it_sufficient():
    orders = {"right": np.array([2, 0, 1, 3]), "wrong": np.array([3, 0, 1, 2])}
    found = measure(additive([0, 0, 0.4, 0]), words_only(4), orders, (0.25,))
    # one top word: without word 2 the probability falls from 0.9 to 0.5; with only it, it stays 0.9
    assert found["right"] == pytest.approx(Faithfulness(0.4, 0.0))
    assert found["wrong"] == pytest.approx(Faithfulness(0.0, 0.4))


def test_measures_are_means_over_the_shares():
    found = measure(additive([0.1, 0.3]), words_only(2), {"order": np.array([1, 0])}, (0.5, 1.0))
    # top 1: fall 0.3; top 2: fall 0.4. Only top 1: fall 0.1; only top 2: fall 0.
    assert found["order"] == pytest.approx(Faithfulness(0.35, 0.05))


def test_normalised_measures_reach_from_the_worst_to_the_best_ranking():
    found = normalised({"a": Faithfulness(0.4, 0.0), "b": Faithfulness(0.0, 0.4), "c": Faithfulness(0.1, 0.1)})
    assert found["a"] == Faithfulness(1.0, 1.0)
    assert found["b"] == Faithfulness(0.0, 0.0)
    assert found["c"] == pytest.approx(Faithfulness(0.25, 0.75))


def test_rankings_that_do_not_differ_are_unscored():
    found = normalised({"a": Faithfulness(0.2, 0.1), "b": Faithfulness(0.2, 0.1)})
    assert all(np.isnan(value) for one in found.values() for value in one)


def test_a_ranking_of_all_words_at_once_cannot_differ_from_another():
    orders = {str(order): np.array(order) for order in permutations(range(3))}
    found = measure(additive([0.1, 0.2, 0.05]), words_only(3), orders, (1.0,))
    assert len({round(one.comprehensiveness, 9) for one in found.values()}) == 1


@pytest.fixture(scope="module")
def explained(classifier, conversations) -> list[Explanation]:
    return explain_all(classifier, conversations, steps=5, seed=0)


def test_the_adaptive_search_orders_every_word_once(classifier, explained):
    order = adaptive_order(classifier, explained[0], (0.25, 0.5), 1)
    assert sorted(order) == list(range(len(explained[0].tokens.words)))


def test_normalised_scores_of_methods_lie_between_their_bounds(classifier, explained):
    table = faithfulness_table(classifier, explained, fractions=(0.2, 0.5))
    assert len(table) == 2 * 7
    assert table["comprehensiveness_normalised"].between(0, 1).all()
    assert table["sufficiency_normalised"].between(0, 1).all()


def test_searched_bounds_come_near_the_true_ones(classifier, explained):
    # The true bounds of one conversation, from all 8 * 7 = 56 ordered pairs of top words (shares 1/8 and 2/8).
    from shared.attention._faithful import _orders, _probability

    one, fractions = explained[0], (0.125, 0.25)
    count = len(one.tokens.words)
    pairs = permutations(range(count), 2)
    every = {str(p): np.array([*p, *(w for w in range(count) if w not in p)]) for p in pairs}
    true = measure(_probability(classifier, one), one.tokens, every, fractions)
    found = measure(_probability(classifier, one), one.tokens, _orders(classifier, one, fractions), fractions)
    true_width, width = (np.ptp([f.comprehensiveness for f in t.values()]) for t in (true, found))
    assert 0.6 * true_width <= width <= true_width + 1e-6


def test_every_method_is_compared_with_random_over_conversations():
    rows = [(f"c{i}", m, v, 1 - v, v, v) for i in range(20) for m, v in (("good", 0.8 + i / 100), ("random", 0.2))]
    columns = ["conversation_id", "method", "comprehensiveness", "sufficiency", "comprehensiveness_normalised",
               "sufficiency_normalised"]  # fmt: skip
    found = {(s.method, s.measure): s for s in faithfulness_scores(pd.DataFrame(rows, columns=columns))}
    # mean of 0.80 .. 0.99 is 0.895, 0.695 over random
    good = found["good", "comprehensiveness"]
    assert good.estimate.value == pytest.approx(0.895) and good.over_random.value == pytest.approx(0.695)
    assert good.p_value < 0.01 and good.over_random.interval.low > 0.6
    assert found["random", "comprehensiveness"].over_random.value == 0
