from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.text._redact import Redactor, introduced_names, keep_redactor, project_redactor
from shared.text._redaction_recall import redaction_recall, redaction_sample

KEY = b"0" * 16


def redacted(text: str, *people: str) -> str:
    return Redactor(KEY, people).redact(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("call (415) 555-0134 today", "PHONE"),
        ("four one five, five five five, zero one three four", "PHONE"),
        ("oh seven double five, one two three, four five", "PHONE"),
        ("4111 1111 1111 1111", "CARD"),
        ("four one one one " * 4, "CARD"),
        ("john.doe@example.com", "EMAIL"),
        ("john dot doe at gmail dot com", "EMAIL"),
        ("jd 42 at yahoo", "EMAIL"),
        ("1200 North Maple Street, apt 4", "ADDRESS"),
        ("twelve old mill road", "ADDRESS"),
        ("Springfield, IL 62704", "ADDRESS"),
        ("my name is thandiwe okafor and", "PERSON"),
        ("Mrs. Vandermeer is not in", "PERSON"),
        ("so Maria said", "PERSON"),
        ("that is S-M-I-T-H", "SPELLED"),
        ("see /home/maria/calls.csv", "LOCAL"),
    ],
)
def test_each_kind_is_found_as_typed_and_as_spoken(text: str, kind: str) -> None:
    assert [span.kind for span in Redactor(KEY).find(text)] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I am happy to help",
        "I'm not sure about that",
        "this is the charity",
        "we raised $1,000,000 for 2,500,000 people",
        "two or three dollars",
        "one hundred percent",
        "in 2019 and 2020",
        "I will, may be",
        "thank you so much",
        "Hi there",
    ],
)
def test_everyday_words_and_amounts_stay(text: str) -> None:
    assert redacted(text) == text


def test_the_same_person_keeps_the_placeholder_across_turns_forms_and_files() -> None:
    first = Redactor(KEY, ["Maria Lopez"])
    second = Redactor(KEY, ["Maria Lopez"])
    full = first.redact("my name is Maria Lopez")[-len("[PERSON_000000]") :]
    assert first.redact("Thanks, Maria!") == f"Thanks, {full}!"
    assert second.redact("MARIA LOPEZ called") == f"{full} called"
    assert first.redact("Mrs. Lopez") == f"Mrs. {full}"


def test_a_part_that_two_people_share_is_neither_of_them() -> None:
    redactor = Redactor(KEY, ["Maria Lopez", "Maria Chen"])
    placeholders = {redactor.redact(name) for name in ("Maria Lopez", "Maria Chen", "Maria")}
    assert len(placeholders) == 3


def test_a_number_said_and_a_number_typed_are_the_same_number() -> None:
    assert redacted("four one five five five five zero one three four") == redacted("(415) 555-0134")
    assert redacted("john dot doe at gmail dot com") == redacted("john.doe@gmail.com")


def test_what_is_introduced_once_is_found_in_bare_mentions() -> None:
    redactor = Redactor(KEY)
    redactor.learn(["hello my name is ikechukwu"])
    assert "ikechukwu" not in redactor.redact("so ikechukwu will pay")
    assert introduced_names("Hi, my name is Rosamund Quill and I am calling") == ["Rosamund Quill"]


def test_words_that_are_also_names_need_a_capital_letter() -> None:
    redactor = Redactor(KEY, ["Will Grace"])
    assert redactor.redact("i will be there") == "i will be there"
    assert "Will" not in redactor.redact("ask Will about it")


def test_names_of_the_machine_are_replaced_wherever_they_stand() -> None:
    redactor = Redactor(KEY, secrets_of_the_machine=["jdoe42", "/srv/projects/calls"])
    assert redactor.redact("run by jdoe42 in /srv/projects/calls/raw") == "run by [LOCAL] in [LOCAL]/raw"


def test_other_keys_give_other_placeholders_and_kept_keys_the_same(tmp_path: Path) -> None:
    assert redacted("Maria") != Redactor(b"1" * 16).redact("Maria")
    first = project_redactor(tmp_path, ["Maria Lopez"])
    again = project_redactor(tmp_path)
    assert first.redact("Maria") == again.redact("Maria Lopez")
    keep_redactor(tmp_path, again)
    assert (tmp_path / ".redaction.json").stat().st_mode & 0o077 == 0


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_redacted_and_redacting_again_changes_nothing(text: str) -> None:
    once = redacted(text)
    assert redacted(once) == once


def test_spans_are_ordered_and_do_not_overlap() -> None:
    text = "Hi Maria Lopez, 415 555 0134, maria at gmail dot com, 12 Main Street, /home/maria"
    spans = Redactor(KEY).find(text)
    assert [span.kind for span in spans] == ["PERSON", "PHONE", "EMAIL", "ADDRESS", "LOCAL"]
    assert all(a.end <= b.start for a, b in pairwise(spans))


def test_recall_on_the_labelled_set_is_high_and_printed_by_kind() -> None:
    recall = redaction_recall(Redactor(KEY), redaction_sample(400, seed=1))
    assert [r.kind for r in recall] == ["ADDRESS", "CARD", "EMAIL", "PERSON", "PHONE"]
    assert all(r.found / r.n >= 0.95 for r in recall), recall
