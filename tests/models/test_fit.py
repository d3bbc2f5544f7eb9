import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shared.models import FineTuning, LabelledTexts, TextClassifier, fit_text_classifier
from shared.models import _fit as fitting
from shared.runs import UserError


@pytest.fixture
def settings(tiny_encoder: str) -> FineTuning:
    return FineTuning(model=tiny_encoder, epochs=6, batch_size=8, learning_rate=5e-3, max_tokens=16)


def weights(classifier: TextClassifier) -> np.ndarray:
    return np.concatenate([p.detach().numpy().ravel() for p in classifier.network.parameters()])


def test_it_learns_saves_and_loads(words: LabelledTexts, settings: FineTuning, tmp_path: Path) -> None:
    classifier = fit_text_classifier(words, words, settings, tmp_path / "work")
    assert classifier.predict(["a cat", "the drill"]) == ["animal", "tool"]
    classifier.save(tmp_path / "model")
    loaded = TextClassifier.load(tmp_path / "model")
    assert np.array_equal(loaded.probabilities(words.texts), classifier.probabilities(words.texts))
    assert (loaded.labels, loaded.kind, loaded.history) == (("animal", "tool"), "single", classifier.history)
    assert not [p for p in (tmp_path / "model").rglob("*") if p.suffix in (".bin", ".pt", ".pkl")]


def test_killed_training_ends_bit_for_bit_where_it_would_have(
    words: LabelledTexts, settings: FineTuning, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = fit_text_classifier(words, words, settings, tmp_path / "straight")
    learn = fitting._Training.learn

    def dies_at_step_11(training: fitting._Training, index: np.ndarray) -> None:
        if training.step == 11:  # between the evaluations at 9 and 12 steps: 24 texts in batches of 8, 3 an epoch
            raise KeyboardInterrupt
        learn(training, index)

    monkeypatch.setattr(fitting._Training, "learn", dies_at_step_11)
    with pytest.raises(KeyboardInterrupt):
        fit_text_classifier(words, words, settings, tmp_path / "killed")
    monkeypatch.setattr(fitting._Training, "learn", learn)
    resumed = fit_text_classifier(words, words, settings, tmp_path / "killed")
    assert np.array_equal(weights(resumed), weights(straight))
    assert [line["loss"] for line in resumed.history] == [line["loss"] for line in straight.history]


def test_sparing_memory_changes_no_weight(
    words: LabelledTexts, settings: FineTuning, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # states computed anew draw the same dropout: with a budget of no tokens every batch goes that way
    usual = fit_text_classifier(words, words, settings, tmp_path / "usual")
    monkeypatch.setattr(fitting, "_TOKENS_KEPT", 0)
    spared = fit_text_classifier(words, words, settings, tmp_path / "spared")
    assert np.array_equal(weights(spared), weights(usual))


def test_finished_training_is_not_repeated_but_other_texts_start_anew(
    words: LabelledTexts, settings: FineTuning, tmp_path: Path
) -> None:
    first = fit_text_classifier(words, words, settings, tmp_path)
    again = fit_text_classifier(words, words, settings, tmp_path)
    assert again.history == first.history and np.array_equal(weights(again), weights(first))
    other = fit_text_classifier(replace(words, texts=[f"{t}s" for t in words.texts]), words, settings, tmp_path)
    assert not np.array_equal(weights(other), weights(first))


def test_every_evaluation_is_a_line_of_metrics(words: LabelledTexts, settings: FineTuning, tmp_path: Path) -> None:
    fit_text_classifier(words, words, replace(settings, epochs=2, evaluations_per_epoch=3), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert set(lines[0]) == {"step", "epoch", "loss", "score", "seconds"}


def test_patience_stops_early_and_keeps_the_best_weights(
    words: LabelledTexts, settings: FineTuning, tmp_path: Path
) -> None:
    never_better = replace(settings, learning_rate=1e-12, patience=2)
    assert len(fit_text_classifier(words, words, never_better, tmp_path).history) == 3  # the first, then two worse


@pytest.mark.parametrize(
    "change",
    [
        {"class_weights": "balanced"}, {"class_weights": "sqrt"}, {"class_weights": "effective"}, {"loss": "focal"},
        {"label_smoothing": 0.2}, {"oversample": True}, {"pooling": "first"}, {"dropout": 0.5}, {"seed": 1},
        {"layer_decay": 0.5}, {"head_learning_rate": 1e-2}, {"weight_decay": 0.5}, {"warmup_ratio": 0.5},
        {"max_gradient_norm": 0.01}, {"max_tokens": 4}, {"batch_size": 5},
    ],
)  # fmt: skip
def test_every_setting_changes_what_is_learned(
    change: dict[str, object], words: LabelledTexts, settings: FineTuning, tmp_path: Path
) -> None:
    unbalanced = words.take([i for i in range(len(words)) if i % 8 < 5])  # 12 animals, 3 tools
    plain = fit_text_classifier(unbalanced, None, replace(settings, epochs=1), tmp_path / "plain")
    changed = fit_text_classifier(unbalanced, None, replace(settings, epochs=1, **change), tmp_path / "changed")
    assert not np.array_equal(weights(plain), weights(changed))


def test_many_labels_get_thresholds_from_validation(words: LabelledTexts, settings: FineTuning, tmp_path: Path) -> None:
    both = LabelledTexts(words.texts, [[label] if "old" in text else [label, "short"] for text, label in
                                       zip(words.texts, words.labels, strict=True)])  # fmt: skip
    classifier = fit_text_classifier(both, both, replace(settings, epochs=12), tmp_path, kind="multi").calibrated(both)
    assert classifier.predict(["a cat", "my old drill"]) == [["animal", "short"], ["tool"]]


def test_numbers_are_predicted_in_their_own_unit_and_unscored_ones_teach_nothing(
    words: LabelledTexts, settings: FineTuning, tmp_path: Path
) -> None:
    scored = [
        {"valence": 4.0 if label == "animal" else 2.0, "arousal": float("nan") if "old" in text else 3.0}
        for text, label in zip(words.texts, words.labels, strict=True)
    ]
    data = LabelledTexts(words.texts, scored)
    classifier = fit_text_classifier(data, None, replace(settings, epochs=12), tmp_path, kind="values")
    values = classifier.values(["a cat", "the drill"])
    assert classifier.labels == ("arousal", "valence")
    assert values[:, 0] == pytest.approx(3.0, abs=0.5) and values[:, 1] == pytest.approx([4.0, 2.0], abs=0.6)
    with pytest.raises(UserError, match="has no probabilities"):
        classifier.probabilities(["a cat"])


def test_the_second_segment_is_read(settings: FineTuning, tmp_path: Path) -> None:
    data = LabelledTexts(["say"] * 16, ["yes", "no"] * 8, pairs=["cat", "hammer"] * 8)
    classifier = fit_text_classifier(data, data, settings, tmp_path)
    assert classifier.predict(["say", "say"], ["hammer", "cat"]) == ["no", "yes"]


def test_bad_data_and_settings_are_named(words: LabelledTexts, settings: FineTuning, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="needs two classes"):
        fit_text_classifier(LabelledTexts(["a"], ["x"]), None, settings, tmp_path)
    with pytest.raises(UserError, match=r"Unknown label\(s\): plant"):
        fit_text_classifier(words, LabelledTexts(["oak"], ["plant"]), settings, tmp_path)
    with pytest.raises(UserError, match="There are no training texts"):
        fit_text_classifier(LabelledTexts([], []), None, settings, tmp_path)
    with pytest.raises(UserError, match=r"epochs = 0 \(at least 1\); dropout = 1.0"):
        FineTuning(epochs=0, dropout=1.0)
    with pytest.raises(UserError, match="2 texts, but labels 1"):
        LabelledTexts(["a", "b"], ["x"])
