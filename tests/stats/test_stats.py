"""Statistics with values derived by hand."""

import numpy as np
import pytest

from shared import stats


def test_identical_values_have_no_width() -> None:
    estimate = stats.mean_estimate([2.0, 2.0, 2.0])
    assert estimate == (2.0, (2.0, 2.0), 3, 0)


def test_unscored_values_are_left_out_and_counted() -> None:
    estimate = stats.mean_estimate([1.0, np.nan, 3.0])
    assert (estimate.value, estimate.n, estimate.n_unscored) == (2.0, 2, 1)


def test_nothing_scored_gives_nan_not_zero() -> None:
    estimate = stats.mean_estimate([np.nan])
    assert np.isnan([estimate.value, *estimate.interval]).all()
    assert (estimate.n, estimate.n_unscored) == (0, 1)


def test_one_cluster_has_no_interval() -> None:
    # One conversation says nothing about how conversations differ.
    assert np.isnan(stats.mean_estimate([0.0, 1.0], ["a", "a"]).interval).all()


def test_the_interval_of_a_mean_is_that_of_theory() -> None:
    # 0/1 values, half of them 1, n = 400: standard error sqrt(0.25 / 400) = 0.025, 95 % = +-1.966 * 0.025 = +-0.0492
    low, high = stats.mean_estimate(np.tile([0.0, 1.0], 200), replicates=20_000).interval
    assert (low, high) == (pytest.approx(0.451, abs=0.004), pytest.approx(0.549, abs=0.004))


def test_copies_of_a_row_within_a_cluster_add_no_information() -> None:
    values = np.random.default_rng(1).normal(size=200)
    once = stats.mean_estimate(values)
    tenfold = stats.mean_estimate(np.repeat(values, 10), np.repeat(np.arange(200), 10))
    assert tenfold.interval == pytest.approx(once.interval)
    assert tenfold.n == 2000


@pytest.mark.parametrize(("clusters", "extra"), [(300, 0), (6000, 0), (6000, 1)])
def test_all_ways_of_drawing_clusters_agree(clusters: int, extra: int) -> None:
    # 300 clusters draw a multinomial; 6,000 draw 256 kinds, and Poisson weights if a column of noise forbids kinds.
    # Theory: sd / sqrt(clusters)
    generator = np.random.default_rng(0)
    values = generator.normal(size=clusters)
    totals = np.column_stack([generator.random((clusters, extra)), values, np.ones(clusters)])
    drawn = stats.resampled_totals(totals, 4000, seed=0)
    means = drawn[:, -2] / drawn[:, -1]
    assert means.std() == pytest.approx(values.std() / np.sqrt(clusters), rel=0.05)
    assert means.mean() == pytest.approx(values.mean(), abs=4 * values.std() / np.sqrt(clusters * 4000))


def test_few_distinct_totals_are_drawn_over_the_distinct_ones() -> None:
    # 3 zeros, 29 ones, drawn 32 times: the sum is Binomial(32, 29/32), mean 29, variance 32 * 29/32 * 3/32 = 2.72
    drawn = stats.resampled_totals(np.array([[0.0]] * 3 + [[1.0]] * 29), 20_000, seed=0)[:, 0]
    assert drawn.mean() == pytest.approx(29, abs=0.06)
    assert drawn.var() == pytest.approx(2.72, rel=0.06)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(0).normal(size=50)
    assert stats.mean_estimate(values, seed=3) == stats.mean_estimate(values, seed=3)
    assert stats.mean_estimate(values, seed=3) != stats.mean_estimate(values, seed=4)


def test_ninety_five_percent_intervals_of_twelve_clusters_cover_the_mean() -> None:
    # Without widening for few clusters, coverage at 12 normal clusters is about 0.91.
    samples = np.random.default_rng(0).normal(size=(400, 12))
    intervals = [stats.mean_estimate(sample, replicates=1000).interval for sample in samples]
    assert np.mean([low <= 0 <= high for low, high in intervals]) == pytest.approx(0.95, abs=0.03)


def test_any_statistic_can_be_bootstrapped_by_cluster() -> None:
    values = np.arange(40.0)
    clusters = np.repeat(np.arange(10), 4)
    general = stats.bootstrap_estimate(np.mean, values, clusters=clusters, replicates=4000)
    special = stats.mean_estimate(values, clusters, replicates=4000)
    assert general.value == special.value == 19.5
    assert general.interval == pytest.approx(special.interval, abs=0.6)


def test_a_row_that_one_array_lacks_is_unscored_for_the_statistic() -> None:
    estimate = stats.bootstrap_estimate(lambda a, b: float(np.mean(a == b)), ["x", "y", None], ["x", "x", "x"])
    assert (estimate.value, estimate.n, estimate.n_unscored) == (0.5, 2, 1)


def test_accuracy_counts_abstentions_apart() -> None:
    estimate = stats.accuracy_estimate(["a", "b", "a", "b"], ["a", "a", None, "b"])
    assert (estimate.value, estimate.n, estimate.n_unscored) == (pytest.approx(2 / 3), 3, 1)


def test_all_right_is_not_certainly_right() -> None:
    # Wilson at 10 of 10: low = n / (n + z^2) = 10 / 13.8415 = 0.7225
    assert stats.accuracy_estimate([1] * 10, [1] * 10).interval == (pytest.approx(0.7225, abs=1e-4), 1.0)


def test_wilson_at_zero_and_at_half() -> None:
    # 0 of 10: high = z^2 / (n + z^2) = 3.8415 / 13.8415 = 0.2775
    assert stats.wilson_interval(0, 10) == (0.0, pytest.approx(0.2775, abs=1e-4))
    # Mirror image; 300 of 300 once ended at 0.9999999999999998.
    assert stats.wilson_interval(10, 10) == (pytest.approx(0.7225, abs=1e-4), 1.0)
    assert stats.wilson_interval(300, 300).high == 1.0
    # 5 of 10: half width = sqrt(z^2 (0.25/10 + z^2/400)) / (1 + z^2/10) = sqrt(3.8415 * 0.034604) / 1.38415 = 0.2634
    assert stats.wilson_interval(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)


def test_macro_f1_by_hand() -> None:
    # truth a a b b, predicted a b b b: F1(a) = 2*1/(2+1) = 2/3; F1(b) = 2*2/(2+3) = 4/5; mean 11/15
    assert stats.macro_f1_estimate(list("aabb"), list("abbb")).value == pytest.approx(11 / 15)


def test_macro_f1_interval_equals_resampling_rows() -> None:
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 3, 300)
    predicted = np.where(generator.random(300) < 0.7, truth, generator.integers(0, 3, 300))
    clusters = np.repeat(np.arange(60), 5)

    from sklearn.metrics import f1_score

    general = stats.bootstrap_estimate(
        lambda t, p: float(f1_score(t, p, average="macro")), truth, predicted, clusters=clusters, replicates=300
    )
    special = stats.macro_f1_estimate(truth, predicted, clusters)
    assert special.value == pytest.approx(general.value)
    assert special.interval == pytest.approx(general.interval, abs=0.02)


def test_auc_counts_a_tie_as_half() -> None:
    # positives 0.9, 0.5; negatives 0.5, 0.1: pairs won 1, 1, 0.5, 1 of 4
    assert stats.auc_estimate([1, 1, 0, 0], [0.9, 0.5, 0.5, 0.1]).value == pytest.approx(3.5 / 4)


def test_auc_of_one_class_is_unscored() -> None:
    assert np.isnan(stats.auc_estimate([1, 1], [0.2, 0.3]).value)


def test_auc_interval_equals_resampling_rows() -> None:
    from sklearn.metrics import roc_auc_score

    generator = np.random.default_rng(0)
    truth = generator.integers(0, 2, 200)
    scores = np.round(truth + generator.normal(size=200), 1)
    general = stats.bootstrap_estimate(roc_auc_score, truth, scores, replicates=500)
    special = stats.auc_estimate(truth, scores)
    assert special.value == pytest.approx(general.value)
    assert special.interval == pytest.approx(general.interval, abs=0.02)


def test_paired_difference_with_all_sign_patterns() -> None:
    # Differences 1, 2, 3: |total| = 6 is reached by 2 of 8 sign patterns.
    result = stats.paired_difference([2.0, 3.0, 4.0, np.nan], [1.0, 1.0, 1.0, 1.0])
    assert (result.estimate.value, result.p_value) == (2.0, 0.25)
    assert (result.estimate.n, result.estimate.n_unscored) == (3, 1)


def test_random_sign_patterns_agree_with_the_binomial() -> None:
    # 30 up, 10 down of equal size: two-sided binomial p = 0.0022
    assert stats.sign_flip_p(np.array([1.0] * 30 + [-1.0] * 10)) == pytest.approx(0.0022, abs=0.0012)


def test_no_difference_has_p_one() -> None:
    assert stats.paired_difference([1.0, 2.0], [1.0, 2.0]).p_value == 1.0


def test_mcnemar_by_hand() -> None:
    # 5 rows only the first gets right, none only the second: p = 2 * 0.5^5 = 1/16
    result = stats.exact_mcnemar([1] * 5 + [0, 1], [0] * 5 + [0, 1])
    assert (result.first_only, result.second_only, result.n) == (5, 0, 7)
    assert result.p_value == pytest.approx(1 / 16)


def test_mcnemar_without_discordant_rows_says_nothing() -> None:
    assert stats.exact_mcnemar([1, 0, np.nan], [1, 0, 1]) == (0, 0, 2, 1, 1.0)


def test_holm_by_hand() -> None:
    # sorted 0.01 * 3, 0.03 * 2, 0.04 * 1 -> 0.03, 0.06, max(0.06, 0.04)
    assert stats.holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])


def test_benjamini_hochberg_by_hand() -> None:
    # sorted 0.01 * 3/1, 0.03 * 3/2, 0.04 * 3/3 -> minima from the right: 0.03, 0.04, 0.04
    assert stats.benjamini_hochberg([0.04, 0.01, 0.03]) == pytest.approx([0.04, 0.03, 0.04])


def test_a_test_that_was_not_made_does_not_count() -> None:
    assert stats.holm([0.02, np.nan, 0.5]) == pytest.approx([0.04, np.nan, 0.5], nan_ok=True)


def test_calibration_error_by_hand() -> None:
    # Two bins: confidence 0.25, share right 0 (distance 0.25, 1 row); confidence 0.9, share 2/3 (0.2333, 3 rows).
    # (0.25 * 1 + 0.2333 * 3) / 4 = 0.2375
    error = stats.expected_calibration_error([0.25, 0.9, 0.9, 0.9], [0, 1, 1, 0], bins=2)
    assert error == pytest.approx(0.2375)


def test_certainty_that_is_right_has_no_calibration_error() -> None:
    assert stats.expected_calibration_error([1.0, 1.0, np.nan], [1, 1, 0]) == 0.0


def test_empty_bins_of_a_reliability_table_are_nan() -> None:
    table = stats.reliability_table([0.1, 0.2], [0, 1], bins=2)
    assert table.rows.tolist() == [2, 0]
    assert np.isnan(table.share_right[1])


def test_brier_by_hand() -> None:
    # (0.5^2 + 0.1^2) / 2 = 0.13
    assert stats.brier_estimate([0.5, 0.9], [1, 1]).value == pytest.approx(0.13)


def test_perfect_agreement_is_alpha_one() -> None:
    estimate = stats.krippendorff_alpha([[0, 1, 0, 1], [0, 1, 0, 1]])
    assert (estimate.value, estimate.n) == (pytest.approx(1.0), 4)


def test_alpha_by_hand() -> None:
    # Units (0,0) (1,1) (0,1) (1,1): values 0 x3, 1 x5 (n = 8). D_o = 2/8 ; D_e = 2*3*5 / (8*7) = 30/56
    # alpha = 1 - (1/4) / (15/28) = 1 - 7/15 = 8/15
    estimate = stats.krippendorff_alpha([[0, 1, 0, 1, np.nan], [0, 1, 1, 1, 1]])
    assert estimate.value == pytest.approx(8 / 15)
    assert (estimate.n, estimate.n_unscored) == (4, 1)


def test_alpha_is_undefined_where_only_one_value_occurs() -> None:
    assert np.isnan(stats.krippendorff_alpha([[1, 1], [1, 1]]).value)


def test_power_at_the_smallest_detectable_difference_is_the_wanted_one() -> None:
    # n = 1000, deviation 0.5: (1.95996 + 0.84162) * 0.5 / sqrt(1000) = 0.04430
    difference = stats.smallest_detectable_difference(1000, 0.5)
    assert difference == pytest.approx(0.0443, abs=1e-4)
    assert stats.power(difference, 1000, 0.5) == pytest.approx(0.8, abs=1e-3)
    assert stats.pairs_needed(difference, 0.5) == pytest.approx(1000, abs=1)


def test_power_without_a_difference_is_the_level() -> None:
    assert stats.power(0.0, 100, 1.0) == pytest.approx(0.05)


def test_an_interval_says_how_it_stands_to_a_reference() -> None:
    """Touching the reference shows nothing, and neither does an interval of nothing."""
    nan = float("nan")
    assert stats.Interval(0.01, 0.2).beside(0.0) == "beats"
    assert stats.Interval(-0.2, -0.01).beside(0.0) == "falls behind"
    assert {
        stats.Interval(0.0, 0.2).beside(),
        stats.Interval(-0.1, 0.1).beside(),
        stats.Interval(nan, nan).beside(),
    } == {"is not shown to differ from"}
    assert stats.Interval(0.6, 0.7).beside(0.55) == "beats"
