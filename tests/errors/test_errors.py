import numpy as np
import pandas as pd
import pytest

from shared.errors import (
    as_sure_as_right,
    changes_by_label,
    compare_predictions,
    confusion_table,
    conversation_facts,
    errors_by,
    explain_errors,
    find_slices,
    label_errors_by_chance,
    label_studio_tasks,
    likely_label_errors,
    marked_page,
    near_duplicates,
    overlap,
    read_predictions,
    remedies,
    review_queue,
    slice_features,
    stand_in,
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
    # w reaches a with 0.9, x and z reach b with 0.9, y reaches nothing: 0.1 is left to the other class three times
    assert label_errors_by_chance(rows, probabilities, ("a", "b")) == pytest.approx(0.3)


def test_a_model_that_is_too_sure_is_brought_down_to_how_often_it_is_right() -> None:
    # says 0.99 for a, right in 8 of 10: one temperature makes it say 0.8
    rows = pd.DataFrame({"truth": ["a"] * 8 + ["b"] * 2})
    stated = pd.DataFrame({"p_a": [0.99] * 10, "p_b": [0.01] * 10})
    assert as_sure_as_right(rows, stated, ("a", "b"))["p_a"].tolist() == pytest.approx([0.8] * 10, abs=1e-3)


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


def test_a_long_text_is_left_out_piece_by_piece_to_its_end() -> None:
    def probabilities(texts: list[str]) -> np.ndarray:
        has = np.array(["money" in text for text in texts], dtype=float)
        return np.column_stack([0.2 + 0.6 * has, 0.8 - 0.6 * has])

    effects = word_effects(probabilities, "word " * 99 + "money", pieces=4)
    assert [len(piece.split()) for piece in effects.words] == [25, 25, 25, 25]
    assert effects.effects.tolist() == pytest.approx([0, 0, 0, 0.6])


def test_errors_are_explained_until_the_passes_are_spent() -> None:
    asked: list[str] = []

    def probabilities(texts: list[str]) -> np.ndarray:
        asked.extend(texts)
        return np.tile([0.6, 0.4], (len(texts), 1))

    # three words take 4 passes: two texts fit into 9, the third would need 12
    assert len(explain_errors(probabilities, ["a b c"] * 3, passes=9)) == 2
    assert len(asked) == 8


def test_each_error_has_one_cause_and_causes_are_ranked() -> None:
    rows = with_features(read_predictions(predictions(60)).rows)
    first = set(rows.loc[~rows["right"], "item"].head(12))
    nothing = pd.Series(dtype=int)
    table = remedies(rows, label_errors=first, contradictions=first, margins=None, train_counts=nothing, flips={})
    assert table[["cause", "errors"]].head(2).values.tolist() == [["label noise", 12], ["model", 8]]
    assert table["share"].sum() == pytest.approx(1)


def test_a_cause_that_could_not_be_looked_for_says_so() -> None:
    rows = with_features(read_predictions(predictions(60)).rows)
    some = dict.fromkeys(rows.loc[~rows["right"], "item"].head(5), True)
    counts = pd.Series({"a": 100, "b": 100})
    table = remedies(rows, label_errors=None, contradictions=set(), margins=None, train_counts=counts, flips=some)
    looked = table.set_index("cause")["looked_at"].to_dict()
    # 20 errors: no probabilities for label noise and ambiguity, five examined for shortcuts, train counts known
    assert looked == {
        "label noise": 0, "contradiction": 20, "missing data": 20, "shortcut": 5, "ambiguity": 0, "model": 20,
    }  # fmt: skip
    assert table.set_index("cause").loc["shortcut", "errors"] == 5


def test_a_class_that_is_rare_in_train_is_missing_data() -> None:
    rows = with_features(read_predictions(predictions(60)).rows)
    counts = pd.Series({"a": 4, "b": 100, "c": 100})  # the median is 100, half of it 50
    table = remedies(rows, label_errors=None, contradictions=None, margins=None, train_counts=counts, flips={})
    # multiples of 3 below 60 are wrong, 10 of them even, which carry label a
    assert table.set_index("cause").loc["missing data", "errors"] == 10


def test_the_queue_holds_each_item_once_with_likely_label_errors_first() -> None:
    rows = with_features(read_predictions(predictions(12)).rows)
    noisy = pd.DataFrame({"item": [rows["item"].iloc[3]], "likelier": ["a"]})
    queue = review_queue(rows, noisy, {rows["item"].iloc[4]}, size=3)
    assert queue["item"].tolist()[:2] == [rows["item"].iloc[3], rows["item"].iloc[4]]
    assert queue["why"].tolist() == [
        "the label is likely wrong", "a near-duplicate has another label", "confidently wrong"
    ]  # fmt: skip
    assert queue["item"].is_unique and queue["label"].eq("").all()


def test_people_get_the_queue_in_label_studios_import_format() -> None:
    rows = with_features(read_predictions(predictions(12)).rows)
    noisy = pd.DataFrame({"item": [rows["item"].iloc[3]], "likelier": ["a"]})
    first, second = label_studio_tasks(review_queue(rows, noisy, size=2))
    assert first["data"]["message"] == rows["text"].iloc[3] and first["data"]["given"] == "b"
    assert first["predictions"][0]["result"][0]["value"] == {"choices": ["a"]}
    assert second["predictions"] == []


def test_conversations_tell_who_says_more_and_how_sure_that_is() -> None:
    turns = pd.DataFrame({
        "conversation_id": ["c", "c", "d", "d", "e"], "speaker": ["agent", "donor", "donor", "agent", None],
        "speaker_confidence": [0.95, 0.95, 0.6, 0.9, np.nan],
        "text": ["one two three", "one", "one two", "one two", "hello"],
    })  # fmt: skip
    conversations = pd.DataFrame({"conversation_id": ["c", "d"], "donor_id": ["p", "q"], "outcome": ["yes", None]})
    codes = pd.DataFrame({"conversation_id": ["c", "c", "c"], "code": [7, 3, 7]})
    facts = conversation_facts(turns, conversations, codes)
    # c: 3 words to 1; d: 2 to 2; e: nobody knows. Mean confidence of d is 0.75, below 0.9
    assert facts["speaker"].to_dict() == {"c": "agent more", "d": "balanced", "e": "unknown"}
    assert facts["speakers_sure"].to_dict() == {"c": "sure", "d": "unsure", "e": "not told"}
    assert facts.loc["c", ["author", "outcome", "code"]].tolist() == ["p", "yes", (3, 7)]


def test_errors_are_listed_by_every_value_also_where_several_hold_at_once() -> None:
    rows = with_features(read_predictions(predictions(60, wrong_every=4)).rows)
    codes = pd.DataFrame(
        {"code": [(1, 2) if i % 2 == 0 else (2,) for i in range(30)]}, index=[f"g{i}" for i in range(30)]
    )
    rows = rows.drop(columns="code", errors="ignore").join(codes, on="cluster")
    table = errors_by(rows, ["code"]).set_index("value")
    # every 4th item is wrong: 0, 4, 8, ... lie in clusters 0, 2, 4, ..., which carry code 1: 15 of its 30 items
    assert table.loc["1", ["n", "clusters", "error_rate"]].tolist() == [30, 15, 0.5]
    assert table.loc["2", ["n", "clusters", "error_rate"]].tolist() == [60, 30, 0.25]
    assert find_slices(rows, ["code"])["slice"].iloc[0] == "code = 1"


def test_only_features_that_take_several_values_are_looked_at() -> None:
    rows = with_features(read_predictions(predictions(40)).rows).assign(author="one", source=None)
    assert slice_features(rows) == ["truth"]  # equal lengths and confidences, one author, no source


def test_a_stand_in_learns_what_a_model_answers_and_tells_how_often_it_agrees() -> None:
    texts = [f"{'good' if i % 2 else 'bad'} day number{i}" for i in range(60)]
    said = ["yes" if i % 2 else "no" for i in range(60)]
    found = stand_in(texts, said, [f"c{i}" for i in range(60)])
    assert found is not None and found.agreement.value == 1.0
    effects = word_effects(found.probabilities, "a good thing")
    assert effects.words[int(np.argmax(effects.effects))] == "good"


@pytest.mark.parametrize(("texts", "said"), [(["", ""] * 10, ["a", "b"] * 10), (["x", "y"] * 10, ["a"] * 20)])
def test_where_nothing_can_be_learned_there_is_no_stand_in(texts: list[str], said: list[str]) -> None:
    assert stand_in(texts, said, [f"c{i}" for i in range(20)]) is None


def test_the_page_of_marked_words_escapes_what_people_wrote() -> None:
    effects = word_effects(lambda texts: np.tile([0.6, 0.4], (len(texts), 1)), "<script>alert(1)</script> hello")
    page = marked_page(pd.DataFrame([{"truth": "<b>", "predicted": "x", "confidence": 0.9}]), [effects])
    assert "<script" not in page and "&lt;script&gt;" in page and "&lt;b&gt;, taken for x" in page


def test_two_runs_are_compared_item_by_item() -> None:
    first = read_predictions(predictions(60)).rows
    second = read_predictions(predictions(60).assign(predicted=lambda frame: frame["label"])).rows
    found = compare_predictions(first, second)
    assert (len(found.better), len(found.broken)) == (20, 0)
    assert found.difference.value == pytest.approx(20 / 60)
    assert found.p_value == pytest.approx(2 * 0.5**20)  # all 20 discordant items on one side
    assert changes_by_label(found).values.tolist() == [["a", 10, 0, 10], ["b", 10, 0, 10]]
    assert compare_predictions(first, second.head(50)).n_unpaired == 10
    with pytest.raises(UserError, match="no item in common"):
        compare_predictions(first, second.assign(text="other"))
