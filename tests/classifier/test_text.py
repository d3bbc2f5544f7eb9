import pandas as pd
import pytest

from shared.classifier import Piece, conversation_texts, fit_lines
from shared.models import load_tokenizer
from shared.runs import UserError


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer("builtin")


def turns_of(*lines: tuple[str | None, str], conversation_id: str = "c1") -> pd.DataFrame:
    rows = [(conversation_id, i, speaker, text) for i, (speaker, text) in enumerate(lines)]
    return pd.DataFrame(rows, columns=["conversation_id", "turn", "speaker", "text"])


def test_a_short_conversation_is_written_whole_with_its_speakers(tokenizer):
    found = conversation_texts(turns_of(("agent", "hello"), (None, "who  is\nthis?")), tokenizer, max_tokens=64)
    assert found.texts["text"].tolist() == ["agent: hello\nunknown: who is this?"]
    # agent : hello = 3; unknown : who is this ? = 6
    assert found.texts["tokens"].tolist() == [9]
    assert not found.texts["truncated"].any()


def test_spans_cut_the_words_of_each_turn_out_of_the_text(tokenizer):
    found = conversation_texts(turns_of(("agent", "hello"), ("donor", "yes please")), tokenizer, max_tokens=64)
    text = found.texts["text"][0]
    assert [text[s.words_start : s.end] for s in found.spans.itertuples()] == ["hello", "yes please"]
    assert [text[s.start : s.words_start] for s in found.spans.itertuples()] == ["agent: ", "donor: "]


def test_lines_that_fit_are_kept_whole():
    assert fit_lines([2, 2], [3, 3], 10, 0.5) == [Piece(0, 0, 3), Piece(1, 0, 3)]


def test_the_middle_is_cut_when_lines_do_not_fit():
    # 3 lines of 2 + 8 = 30 tokens, 20 fit: 10 for the opening = line 0 whole; 10 for the end = line 2 whole.
    assert fit_lines([2, 2, 2], [8, 8, 8], 20, 0.5) == [Piece(0, 0, 8), Piece(2, 0, 8)]


def test_the_line_at_the_cut_keeps_the_side_that_is_nearer_to_the_kept_part():
    # 14 for the opening: line 0 (10) and 2 + 2 of line 1; 6 for the end: 2 + the last 4 of line 2.
    assert fit_lines([2, 2, 2], [8, 8, 8], 20, 0.7) == [Piece(0, 0, 8), Piece(1, 0, 2), Piece(2, 4, 8)]


def test_one_endless_turn_gives_its_beginning_and_its_end():
    assert fit_lines([2], [100], 24, 0.5) == [Piece(0, 0, 10), Piece(0, 90, 100)]


@pytest.mark.parametrize("head_share", [0.0, 0.3, 1.0])
def test_what_is_written_never_exceeds_the_encoder(tokenizer, head_share):
    lines = [("agent", "unbelievably long sentences about philanthropy " * 5), ("donor", "no")] * 9
    found = conversation_texts(turns_of(*lines), tokenizer, max_tokens=48, head_share=head_share)
    assert found.texts["truncated"].all()
    assert 30 < len(tokenizer(found.texts["text"][0])["input_ids"]) <= 48


def test_a_share_outside_zero_and_one_is_refused(tokenizer):
    with pytest.raises(UserError, match="head_share"):
        conversation_texts(turns_of(("agent", "hello")), tokenizer, max_tokens=48, head_share=1.5)
