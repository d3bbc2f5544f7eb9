import numpy as np

from shared.figures import confusion, heatmap, histogram, intervals, lines, show


def test_confusion_shares_are_of_the_true_class_and_an_absent_class_stays_empty() -> None:
    # row 0: 3 right of 4 = 0.75; row 1 has no examples, so no share can be given
    figure = confusion(np.array([[3, 1], [0, 0]]), ["a", "b"])
    assert figure.data[0].z[0].tolist() == [0.75, 0.25]
    assert np.isnan(figure.data[0].z[1]).all()


def test_an_interval_is_drawn_around_its_value() -> None:
    figure = intervals(["a"], [0.5], [0.4], [0.7], x="accuracy", reference=0.3)
    assert np.allclose(figure.data[0].error_x.array, [0.2])
    assert np.allclose(figure.data[0].error_x.arrayminus, [0.1])


def test_show_displays_plain_json(monkeypatch) -> None:
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: shown.append(bundle))
    show(heatmap(np.eye(2), ["a", "b"], ["c", "d"], x="x", y="y"), title="Two by two")
    assert shown[0]["application/vnd.plotly.v1+json"]["data"][0]["type"] == "heatmap"
    assert shown[0]["text/plain"] == "Figure: Two by two"


def test_a_band_is_an_area_in_the_colour_of_its_line_and_no_line_of_the_legend() -> None:
    figure = lines([1, 2], {"F1": [0.5, 0.6]}, x="epoch", y="F1", bands={"F1": ([0.4, 0.5], [0.6, 0.7])})
    low, high, line = figure.data
    assert (low.showlegend, high.showlegend, high.fill) == (False, False, "tonexty")
    assert high.fillcolor == "rgba(0, 114, 178, 0.18)"  # #0072B2
    assert line.line.color == "#0072B2"


def test_epochs_are_ticked_one_by_one_and_shares_are_not() -> None:
    assert lines([1, 2, 3], {"loss": [3, 2, 1]}, x="epoch", y="loss").layout.xaxis.tickvals == (1, 2, 3)
    assert lines([0.1, 0.2], {"loss": [3, 2]}, x="share", y="loss").layout.xaxis.tickvals is None


def test_groups_share_their_bins_and_whole_numbers_leave_no_gaps() -> None:
    # 11 to 29 in at most 40 bins: one bin a whole number, centred on it
    figure = histogram({"a": np.arange(11, 30), "b": np.array([12, np.nan])}, x="turns")
    a, b = figure.data
    # An outline climbs at the first border and comes down at the last: 10.5, 11.5, ..., 29.5
    assert a.x == b.x == (10.5, *np.arange(10.5, 30))
    assert a.y == (0, *[1] * 19, 0) and b.y == (0, 0, 1, *[0] * 17, 0)
    # 0 to 99 in 40 bins: 100 / 40 = 2.5, so each holds three whole numbers
    assert histogram({"a": np.arange(100)}, x="words").data[0].xbins.size == 3


def test_outlines_of_several_groups_hold_every_value_the_largest_included() -> None:
    groups = {"a": np.array([0.1, 0.2, 0.7]), "b": np.array([0.3])}
    assert [sum(trace.y) for trace in histogram(groups, x="share").data] == [3, 1]
    assert [len(trace.x) for trace in histogram({"a": np.ones(3), "b": np.ones(1)}, x="n").data] == [3, 1]  # one value


def test_a_histogram_of_nothing_says_so() -> None:
    figure = histogram({"a": np.array([np.inf, np.nan])}, x="days")
    assert figure.layout.annotations[0].text == "no values"
