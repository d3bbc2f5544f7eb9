import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from shared.runs import UserError
from shared.sources import (
    Template,
    canonical_examples,
    find_problems,
    require_sound_masks,
    write_new_chat_model,
    xray_page,
)
from shared.sources._canonical import IGNORED, Example
from shared.sources._readers import Dialogue
from shared.sources._xray import (
    BLEED,
    EMPTIED,
    EMPTY_THINK,
    END_NOT_TRAINED,
    LOST,
    NOT_ROUND_TRIP,
    NOTHING_TRAINED,
    OUTSIDE,
    PARTLY,
    PROMPT_LENGTH,
    SHIFTED,
)

CHAT = [
    {"role": "user", "content": "I feel lost today"},
    {"role": "assistant", "content": "That sounds hard"},
    {"role": "user", "content": "It is, thank you"},
    {"role": "assistant", "content": "You are not alone <script>"},
]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    folder = tmp_path_factory.mktemp("chat")
    texts = [m["content"] for m in CHAT] * 20 + [f"word{i} other{i}" for i in range(300)]
    write_new_chat_model(folder, texts, vocabulary=600, width=64, layers=1, seed=0)
    return Template(AutoTokenizer.from_pretrained(folder))


def example_of(template: Template, loss_on: Any = "all_assistant_turns", max_length: int = 200) -> Example:
    dialogue = Dialogue("toy", "train", "toy-1", CHAT, has_answer=True)
    (made,) = canonical_examples([dialogue], template, max_length=max_length, loss_on=loss_on)
    assert isinstance(made, Example)
    return made


@pytest.mark.parametrize("loss_on", ["all_assistant_turns", "last_assistant_turn"])
def test_our_own_masks_pass_the_gate(template: Template, loss_on: Any) -> None:
    made = example_of(template, loss_on)
    assert find_problems(made, template, loss_on=loss_on) == []
    require_sound_masks([made], template, loss_on=loss_on)


def test_truncation_cuts_whole_turns_and_never_empties_the_mask(template: Template) -> None:
    whole = example_of(template)
    cut = example_of(template, max_length=len(whole.input_ids) - 1)
    assert cut.cut_turns > 0
    assert any(label != IGNORED for label in cut.labels)
    assert find_problems(cut, template, loss_on="all_assistant_turns") == []


def broken(made: Example, labels: list[int]) -> Example:
    return made._replace(labels=labels)


def test_silent_failures_of_public_trainers_are_caught(template: Template) -> None:
    """Each row is a mask as a public trainer was reported to make it, with the complaint that it must meet."""
    made = example_of(template)
    trained = [i for i, label in enumerate(made.labels) if label != IGNORED]
    last_only = example_of(template, "last_assistant_turn")
    nothing = [IGNORED] * len(made.labels)
    no_stop = [IGNORED if i == trained[-1] else label for i, label in enumerate(made.labels)]
    everything = list(made.input_ids)
    shifted = [IGNORED, *made.labels[:-1]]
    cases = [
        (broken(made, nothing), "all_assistant_turns", NOTHING_TRAINED),  # template without generation markers
        (broken(made, no_stop), "all_assistant_turns", END_NOT_TRAINED),  # pad token equal to the stop token
        (broken(made, everything), "all_assistant_turns", OUTSIDE),  # the prompt is trained too
        (broken(last_only, made.labels), "last_assistant_turn", BLEED),  # an earlier answer bleeds into "last"
        (broken(made, shifted), "all_assistant_turns", SHIFTED),  # labels shifted twice
        (made._replace(input_ids=[*made.input_ids[1:], 0]), "all_assistant_turns", NOT_ROUND_TRIP),  # second BOS
        (made._replace(prompt_length=len(made.input_ids)), "all_assistant_turns", PROMPT_LENGTH),  # heads see answers
    ]
    for wrong, loss_on, complaint in cases:
        kinds = [problem.kind for problem in find_problems(wrong, template, loss_on=loss_on)]  # type: ignore[arg-type]
        assert complaint in kinds, (complaint, kinds)
        with pytest.raises(UserError):
            require_sound_masks([wrong], template, loss_on=loss_on)  # type: ignore[arg-type]


def test_the_page_shows_data_as_text(template: Template) -> None:
    page = xray_page([example_of(template)], template)
    assert "<script>" not in page and "&lt;" in page


def test_metadata_never_reaches_an_input(template: Template) -> None:
    dialogue = Dialogue("toy", "train", "toy-1", CHAT, has_answer=True, strategy="Question", dropped={"x": "CANARY"})
    (made,) = canonical_examples([dialogue], template, max_length=200, loss_on="all_assistant_turns")
    assert isinstance(made, Example)
    text = template.tokenizer.decode(made.input_ids)
    assert "CANARY" not in text and "Question" not in text
    (same,) = canonical_examples(
        [replace(dialogue, strategy="")], template, max_length=200, loss_on="all_assistant_turns"
    )
    assert isinstance(same, Example)
    assert same.input_ids == made.input_ids


def test_a_dialogue_longer_than_the_limit_is_rejected_with_a_reason(template: Template) -> None:
    dialogue = Dialogue("toy", "train", "toy-1", CHAT, has_answer=True)
    (rejected,) = canonical_examples([dialogue], template, max_length=5, loss_on="all_assistant_turns")
    assert not isinstance(rejected, Example)


def test_a_model_without_a_chat_template_is_refused(template: Template, tmp_path: Path) -> None:
    template.tokenizer.save_pretrained(tmp_path)
    plain = AutoTokenizer.from_pretrained(tmp_path)
    plain.chat_template = None
    with pytest.raises(UserError, match="not an instruction model"):
        Template(plain)


@pytest.mark.parametrize("answer", ["i", "a", "s"])
def test_an_answer_as_short_as_a_letter_of_its_header_is_no_false_alarm(template: Template, answer: str) -> None:
    chat = [{"role": "user", "content": "I feel lost today"}, {"role": "assistant", "content": answer}]
    dialogue = Dialogue("toy", "train", "toy-2", chat, has_answer=True)
    (made,) = canonical_examples([dialogue], template, max_length=200, loss_on="last_assistant_turn")
    assert isinstance(made, Example)
    assert find_problems(made, template, loss_on="last_assistant_turn") == []


def test_a_template_that_writes_an_empty_think_block_is_caught(template: Template) -> None:
    # as Qwen3's does when an answer without thoughts is rendered: the empty block lies behind the generation prompt
    thinking = copy.deepcopy(template.tokenizer)
    thinking.chat_template = thinking.chat_template.replace(
        "{{ message['content'] + '<|im_end|>' }}{% endgeneration %}",
        "{{ '<think>\\n\\n</think>\\n\\n' + message['content'] + '<|im_end|>' }}{% endgeneration %}",
    )
    changed = Template(thinking)
    made = example_of(changed)
    assert EMPTY_THINK in [p.kind for p in find_problems(made, changed, loss_on="all_assistant_turns")]


def test_truncation_from_the_right_that_empties_the_mask_is_caught(template: Template) -> None:
    made = example_of(template, "last_assistant_turn")
    cut = made.prompt_length
    short = made._replace(input_ids=made.input_ids[:cut], labels=made.labels[:cut], weights=made.weights[:cut])
    assert EMPTIED in [p.kind for p in find_problems(short, template, loss_on="last_assistant_turn")]


def test_an_answer_of_which_only_a_part_is_trained_is_caught(template: Template) -> None:
    made = example_of(template, "last_assistant_turn")
    labels = [IGNORED if i == made.prompt_length else label for i, label in enumerate(made.labels)]
    kinds = [p.kind for p in find_problems(broken(made, labels), template, loss_on="last_assistant_turn")]
    assert PARTLY in kinds


def test_a_template_that_drops_a_message_is_caught(template: Template) -> None:
    dropping = copy.deepcopy(template.tokenizer)
    dropping.chat_template = dropping.chat_template.replace("message['content']", "message['content'][:4]")
    changed = Template(dropping)
    made = example_of(changed, "last_assistant_turn")
    assert LOST in [p.kind for p in find_problems(made, changed, loss_on="last_assistant_turn")]
