"""Readers by layout, vocabularies from train only, and leaks that must be seen."""

import json

import pytest

from shared.runs import UserError, project
from shared.sources import (
    Dialogue,
    Rejected,
    bracketed_labels,
    encode,
    load_splits,
    near_duplicates,
    read_corpora,
    read_empathetic,
    read_esconv,
    require_few_rejected,
    vocabulary,
    write_support_sample,
)

CHAT = {
    "emotion_type": "sad",
    "dialog": [
        {"text": "Hi", "speaker": "usr"},
        {"text": "Hello. What happened?", "speaker": "sys", "strategy": "Question"},
        {"text": "My dog died.", "speaker": "usr"},
        {"text": "That hurts.", "speaker": "sys", "strategy": "Reflection of feelings"},
    ],
}


def test_the_hub_layout_and_the_flat_layout_give_the_same_examples():
    [first, second] = list(read_esconv([{"text": json.dumps(CHAT)}], "train"))
    assert [first, second] == list(read_esconv([CHAT], "train"))
    assert (second.strategy, len(second.messages)) == ("Reflection of feelings", 4)
    assert all(set(m) == {"role", "content"} for m in second.messages)


def test_a_dialogue_without_an_assistant_turn_is_rejected_and_too_many_stop_the_stage():
    [rejected] = list(read_esconv([{"dialog": [{"text": "Hi", "speaker": "usr"}]}], "train"))
    assert isinstance(rejected, Rejected) and "no assistant turn" in rejected.reason
    with pytest.raises(UserError, match="no assistant turn"):
        require_few_rejected([rejected], 10, 0.05)


def test_histories_written_as_the_text_of_a_list_alternate():
    row = {"chat_history": "['I am sad_comma_ really.', 'Why?', 'My dog.']", "sys_response": "Oh no.", "emotion": "sad"}
    [dialogue] = list(read_empathetic([row], "train"))
    assert [m["role"] for m in dialogue.messages] == ["user", "assistant", "user", "assistant"]
    assert dialogue.messages[0]["content"] == "I am sad, really."
    assert dialogue.emotion == "" and dialogue.dropped == {"emotion": "sad"}


def test_a_strategy_that_training_never_has_is_named_with_its_likely_meaning():
    with pytest.raises(UserError, match=r"Unknown strategy 'Questions'.*'Question'"):
        encode(["Question", "Questions", ""], ["Information", "Question"], "strategy")


def test_vocabularies_come_from_the_training_split_only():
    dialogues = [d for split in ("train", "test") for d in read_esconv([CHAT], split)]
    extra = Dialogue("esconv", "test", "x", [], has_answer=True, strategy="Information")
    assert vocabulary([*dialogues, extra], "strategy") == ["Question", "Reflection of feelings"]


def test_a_folder_with_only_a_loading_script_is_refused_with_an_alternative(tmp_path):
    folder = tmp_path / "empathetic_dialogues"
    folder.mkdir()
    (folder / "empathetic_dialogues.py").write_text("")
    with pytest.raises(UserError, match="Adapting/empathetic_dialogues_v2"):
        load_splits(str(folder))


def test_a_hub_repository_with_only_a_loading_script_is_refused_with_an_alternative(monkeypatch):
    import datasets

    def load_dataset(name):
        raise RuntimeError("Dataset scripts are no longer supported, but found go_emotions.py")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(UserError, match="google-research-datasets/go_emotions"):
        load_splits("someone/go_emotions")


def test_label_names_in_brackets_are_seen():
    leaky = Dialogue("e", "train", "c", [{"role": "assistant", "content": "[Question] Why?"}], has_answer=True)
    assert bracketed_labels([leaky], ["Question", "Others"]) == {"Question": 1}


def test_near_duplicates_across_splits_are_found_and_unrelated_texts_are_not():
    train = {"t1": "I lost my job last week and feel very sad about it"}
    held = {
        "h1": "I lost my job last week and feel very sad about it all",
        "h2": "The weather is nice in the north today",
    }
    assert list(near_duplicates(train, held, threshold=0.7)["held_out_id"]) == ["h1"]


def test_the_shipped_sample_is_what_its_generator_writes(tmp_path):
    write_support_sample(tmp_path)
    shipped = project() / "data" / "sample" / "support"
    for path in sorted(p for p in tmp_path.rglob("*") if p.is_file()):
        assert path.read_bytes() == (shipped / path.relative_to(tmp_path)).read_bytes(), path.name


@pytest.mark.real_data
def test_the_public_corpora_are_read_in_full(real_data):
    folders = {"esconv": "esconv", "go_emotions": "goemotions", "emobank": "emobank"}
    places = {name: real_data / folder for name, folder in folders.items()}
    corpora = read_corpora({name: str(path) for name, path in places.items()})
    assert corpora.n_rows == 910 + 195 + 195 + 43_410 + 5_426 + 5_427 + 10_062
    assert len(vocabulary(corpora.dialogues, "strategy")) == 8
    assert len(vocabulary(corpora.dialogues, "emotion")) == 28
