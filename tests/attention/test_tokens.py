import numpy as np

from shared.attention import KINDS


def test_every_token_has_its_kind(conversations):
    tokens = conversations[0]
    found = list(zip(tokens.pieces, [KINDS[k] for k in tokens.kinds], strict=True))
    assert found[:6] == [
        ("[CLS]", "special"), ("agent", "speaker"), (":", "speaker"), ("hello", "content"), (",", "punctuation"),
        ("could", "content"),
    ]  # fmt: skip
    assert found[-2:] == [("?", "punctuation"), ("[SEP]", "special")]


def test_words_know_their_turn_and_speaker(conversations):
    tokens = conversations[0]
    assert tokens.words == ["hello", "could", "you", "help", "where", "do", "i", "sign"]
    assert tokens.turns.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert set(tokens.speakers[:4]) == {"agent"} and set(tokens.speakers[4:]) == {"donor"}


def test_pieces_of_a_word_add_up(conversations):
    tokens = conversations[0]
    ones = tokens.per_word(np.ones(len(tokens.ids)))
    # every word here is one piece
    assert ones.tolist() == [1.0] * 8


def test_hiding_words_and_keeping_only_them_leaves_special_and_speaker_tokens(conversations):
    tokens = conversations[0]
    without, only = tokens.without([0]), tokens.only([0])
    assert (~without).sum() == 1 and tokens.pieces[int(np.flatnonzero(~without)[0])] == "hello"
    assert only.sum() == len(tokens.ids) - 7  # 8 words, 7 hidden
    assert only[tokens.kinds != KINDS.index("content")].all()
