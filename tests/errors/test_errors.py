import numpy as np
import pandas as pd
import pytest

from shared.errors import (
    compare_predictions,
    confusion_table,
    find_slices,
    likely_label_errors,
    near_duplicates,
    overlap,
    read_predictions,
    remedies,
    review_queue,
    with_features,
    word_effects,
)
from shared.runs import UserError


def predictions(n: int = 60, wrong_every: int = 3) -> pd.DataFrame:
    """Items of two labels, every third one wrong, two items a cluster."""
    truth = ["ab"[i % 2] for i in range(n)]
    said = ["ba"[i % 2] if i % wrong_every == 0 else t for i, t in enumerate(truth)]
    return pd.DataFrame({
        "group": [f"g{i // 2}" for i in range(n)], "message": [f"message number {i} of many" for i in range(n)],
        "split": "test", "model": "encoder", "seed": 0, "label": truth, "predicted": said, "confidence": 0.8,
    })  # fmt: skip


def test_tables_of_different_stages_come_into_one_shape() -> None:
    nodes = read_predictions(predictions()).rows
    classifier = predictions().rename(columns={"group": "conversation_id", "label": "outcome"}).drop(columns="message")
    texts = pd.Series({f"g{i}": f"text {i}" for i in range(30)})
    other = read_predictions(classifier.assign(p_a=0.5, p_b=0.5), texts)
    assert nodes.columns.tolist() == other.rows.columns.tolist()
    assert other.labels == ("a", "b")
    assert other.rows["text"].iloc[0] == "text 0"


def test_floors_are_not_analysed_unless_named() -> None:
    both = pd.concat([predictions().assign(model="majority"), predictions()])
    assert len(read_predictions(both).rows) == 60
    with pytest.raises(UserError, match="holds majority, encoder"):
        read_predictions(both, model="bert")
    with pytest.raises(UserError, match="need one of"):
        read_predictions(both.drop(columns="label"))


def test_confusions_carry_their_share_of_the_true_class() -> None:
    table = confusion_table(read_predictions(predictions(60)).rows)
    # multiples of 3 below 60: 20 errors, 10 of them on even items (label a, 30 items): share 10 / 30
    assert table[["truth", "predicted", "n", "of"]].values.tolist() == [["a", "b", 10, 30], ["b", "a", 10, 30]]
    assert table["share"].tolist() == pytest.approx([1 / 3, 1 / 3])
    assert (table["low"] < 1 / 3).all() and (table["high"] > 1 / 3).all()


def test_nothing_wrong_gives_no_confusion() -> None:
    right = predictions().assign(predicted=lambda frame: frame["label"])
    assert confusion_table(read_predictions(right).rows).empty


def test_a_planted_slice_is_found_and_noise_is_not() -> None:
    random = np.random.default_rng(0)
    rows = pd.DataFrame({
        "cluster": [f"c{i}" for i in range(400)], "bad": ["yes" if i % 4 == 0 else "no" for i in range(400)],
        "noise": random.choice(list("xyz"), 400),
    })  # fmt: skip
    rows["right"] = random.random(400) > np.where(rows["bad"] == "yes", 0.7, 0.1)
    found = find_slices(rows, ["bad", "noise"])
    assert found["slice"].iloc[0] == "bad = yes"
    assert found["found"].iloc[0]
    assert not found.loc[found["slice"].str.startswith("noise") & ~found["slice"].str.contains("bad"), "found"].any()


def test_a_slice_without_enough_clusters_is_not_looked_at() -> None:
    rows = pd.DataFrame({"cluster": ["a"] * 50 + ["b"] * 50, "kind": ["x"] * 50 + ["y"] * 50, "right": [True] * 100})
    assert find_slices(rows, ["kind"]).empty


def test_a_confident_contradiction_is_a_likely_label_error() -> None:
    rows = pd.DataFrame({"item": list("wxyz"), "text": list("wxyz"), "truth": ["a", "a", "b", "b"]})
    # class a: mean of p_a on a = (0.9 + 0.1) / 2 = 0.5; class b: mean of p_b on b = (0.8 + 0.9) / 2 = 0.85
    # item x carries a and p_b = 0.9 >= 0.85: likely b, by 0.9 - 0.1
    probabilities = pd.DataFrame({"p_a": [0.9, 0.1, 0.2, 0.1], "p_b": [0.1, 0.9, 0.8, 0.9]})
    found = likely_label_errors(rows, probabilities, ("a", "b"))
    assert found[["item", "likelier"]].values.tolist() == [["x", "b"]]
    assert found["margin"].tolist() == pytest.approx([0.8])


def test_near_duplicates_tell_of_labels_and_splits() -> None:
    rows = pd.DataFrame({
        "item": list("xyz"), "text": ["how do I pay?", "How do I pay", "good day"], "truth": ["a", "b", "a"],
        "split": ["train", "test", "test"],
    })  # fmt: skip
    found = near_duplicates(rows)
    assert found[["first", "second", "first_truth", "second_truth"]].values.tolist() == [["x", "y", "a", "b"]]


def test_overlap_ignores_case_and_space_and_is_nan_without_test_texts() -> None:
    assert overlap(pd.Series(["Hello  you", "new"]), pd.Series(["hello you"])) == 0.5
    assert np.isnan(overlap(pd.Series([], dtype=str), pd.Series(["x"])))


def test_leaving_a_word_out_shows_what_the_answer_hangs_on() -> None:
    def probabilities(texts: list[str]) -> np.ndarray:
        has = np.array(["money" in text for text in texts], dtype=float)
        return np.column_stack([0.2 + 0.6 * has, 0.8 - 0.6 * has])

    effects = word_effects(probabilities, "give money now")
    assert effects.words == ["give", "money", "now"]
    assert effects.effects.tolist() == pytest.approx([0, 0.6, 0])  # 0.8 with the word, 0.2 without
    assert effects.flips
    assert word_effects(probabilities, "").words == []


def test_each_error_has_one_cause_and_causes_are_ranked() -> None:
    rows = with_features(read_predictions(predictions(60)).rows)
    first = set(rows.loc[~rows["right"], "item"].head(12))
    table = remedies(
        rows, label_errors=first, contradictions=first, margins=None, train_counts=pd.Series(dtype=int), flipped=set()
    )
    assert table[["cause", "errors"]].head(2).values.tolist() == [["label noise", 12], ["model", 8]]
    assert table["share"].sum() == pytest.approx(1)


def test_the_queue_holds_each_item_once_with_likely_label_errors_first() -> None:
    rows = with_features(read_predictions(predictions(12)).rows)
    noisy = pd.DataFrame({"item": [rows["item"].iloc[3]]})
    queue = review_queue(rows, noisy, size=3)
    assert queue["item"].iloc[0] == rows["item"].iloc[3]
    assert queue["item"].is_unique and len(queue) == 3


def test_two_runs_are_compared_item_by_item() -> None:
    first = read_predictions(predictions(60)).rows
    second = read_predictions(predictions(60).assign(predicted=lambda frame: frame["label"])).rows
    found = compare_predictions(first, second)
    assert (len(found.better), len(found.broken)) == (20, 0)
    assert found.difference.value == pytest.approx(20 / 60)
    assert found.p_value == pytest.approx(2 * 0.5**20)  # all 20 discordant items on one side
    with pytest.raises(UserError, match="no item in common"):
        compare_predictions(first, second.assign(text="other"))
