import numpy as np

from shared.figures import confusion, heatmap, intervals, show


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
