import json

import numpy as np
import pytest

from shared.speakers._continuation import (
    FEATURES,
    Continuation,
    continuation_features,
    count_word_order,
    fit_continuation,
)

TURNS = ["How are you today?", "I am fine, thank you.", "Would you like to give?", "I am not sure."] * 5


def test_a_torn_sentence_is_told_from_a_new_turn():
    torn = [["How are", "you today?", "I am fine, thank you."], ["Would you like", "to give?", "I am not sure."]] * 5
    same = [[True, False], [True, False]] * 5
    fitted = fit_continuation(TURNS, torn, same)
    going_on, changing = fitted.log_odds(["Would you", "like to give?", "I am fine."])
    assert going_on > 0 > changing


def test_own_counts_are_taken_out_while_training():
    counts = count_word_order(["good morning", "hello there"])
    follows = FEATURES.index("word_follows")
    seen = continuation_features(["good", "morning"], counts)[0, follows]
    unseen = continuation_features(["good", "morning"], counts, [True])[0, follows]
    assert unseen < seen


def test_saving_changes_nothing():
    fitted = fit_continuation(TURNS, [["How are", "you today?", "I am fine."]] * 4, [[True, False]] * 4)
    again = Continuation.from_json(json.loads(json.dumps(fitted.as_json())))
    assert again.log_odds(["What", "now?"]) == pytest.approx(fitted.log_odds(["What", "now?"]))


def test_one_turn_has_no_transition_and_odd_text_no_nan():
    counts = count_word_order(TURNS)
    assert continuation_features(["Hello."], counts).shape == (0, len(FEATURES))
    assert not np.isnan(continuation_features(["…", "你好", "<script>"], counts)).any()


def test_where_sides_always_alternate_only_that_is_learned():
    fitted = fit_continuation(TURNS, [TURNS[:4]] * 5, [[False] * 3] * 5)
    # 15 transitions, none stays: log(0.5 / 15.5)
    assert fitted.log_odds(["How are", "you today?"]) == pytest.approx([np.log(0.5 / 15.5)])
