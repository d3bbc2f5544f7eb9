import numpy as np
import pytest
import torch

from shared.attention import (
    KINDS,
    attention_maps,
    explain,
    gradient_scores,
    integrated_gradients,
    leave_one_out,
    log_odds,
    masked_logits,
    predicted_class,
    sigmoid,
    sink_effects,
)  # fmt: skip


def everything(tokens):
    return np.ones((1, len(tokens.ids)), bool)


def test_with_nothing_hidden_the_logits_are_the_classifiers_own(classifier, conversations):
    tokens = conversations[1]
    text = "agent: Good evening Alma.\ndonor: Remove me from the list, please!"
    own = classifier.logits([text], exact=True)
    assert np.allclose(masked_logits(classifier, tokens, everything(tokens), exact=True), own, atol=1e-4)


def test_hiding_the_last_tokens_equals_a_shorter_text(classifier, conversations):
    # Positions stay, so a text cut at its end (with its [SEP] kept in place) is the only one comparable: hide nothing
    # but compare a batch of two equal rows, then a row with a hidden token must differ.
    tokens = conversations[0]
    seen = np.concatenate([everything(tokens), everything(tokens), tokens.without([7])[None]])
    logits = masked_logits(classifier, tokens, seen, exact=True)
    assert np.allclose(logits[0], logits[1], atol=1e-5)
    assert not np.allclose(logits[0], logits[2], atol=1e-3)


def test_log_odds_of_two_classes_is_their_difference():
    assert log_odds(np.array([[1.0, 3.0]]), 1).tolist() == [2.0]
    # three equal classes: p = 1/3, odds 1 to 2
    assert log_odds(np.zeros((1, 3)), 0)[0] == pytest.approx(np.log(0.5))
    assert sigmoid(np.log(0.5)) == pytest.approx(1 / 3)


def test_attention_rows_sum_to_one_and_the_fast_path_is_restored(classifier, conversations):
    before = classifier.network.encoder.config._attn_implementation
    maps = attention_maps(classifier, conversations[0])
    assert maps.shape == (6, 12, len(conversations[0].ids), len(conversations[0].ids))
    assert np.allclose(maps.sum(-1), 1, atol=1e-4)
    assert classifier.network.encoder.config._attn_implementation == before


def test_integrated_gradients_add_up_to_what_they_explain(classifier, conversations):
    tokens = conversations[0]
    target = predicted_class(classifier, tokens)
    scores, gap = integrated_gradients(classifier, tokens, target, steps=60)
    special = tokens.kinds == KINDS.index("special")
    padding = np.where(special, tokens.ids, classifier.tokenizer.pad_token_id)
    full = log_odds(masked_logits(classifier, tokens, everything(tokens), exact=True), target)[0]
    empty = log_odds(masked_logits(classifier, tokens._replace(ids=padding), everything(tokens), exact=True), target)[0]
    assert scores.sum() == pytest.approx(full - empty + gap, abs=1e-3)
    assert abs(gap) < 0.15 * abs(full - empty) + 0.05
    assert scores[special] == pytest.approx(0, abs=1e-6)


def test_a_gradient_step_predicts_a_small_change(classifier, conversations):
    tokens = conversations[0]
    scores = gradient_scores(classifier, tokens, 0)
    embeddings = classifier.network.encoder.get_input_embeddings()
    row = int(tokens.ids[3])
    before = log_odds(masked_logits(classifier, tokens, everything(tokens), exact=True), 0)[0]
    with torch.no_grad():
        kept = embeddings.weight[row].clone()
        embeddings.weight[row] *= 1.001
        after = log_odds(masked_logits(classifier, tokens, everything(tokens), exact=True), 0)[0]
        embeddings.weight[row] = kept
    assert (after - before) / 0.001 == pytest.approx(scores[3], rel=0.1, abs=0.01)


def test_leaving_a_word_out_is_hiding_its_tokens(classifier, conversations):
    tokens = conversations[0]
    scores = leave_one_out(classifier, tokens, 0)
    seen = np.stack([everything(tokens)[0], tokens.without([5])])
    odds = log_odds(masked_logits(classifier, tokens, seen, exact=True), 0)
    assert scores.shape == (8,)
    assert scores[5] == pytest.approx(odds[0] - odds[1], abs=1e-4)


def test_every_method_scores_every_word(classifier, conversations, rng):
    found = explain(classifier, conversations[1], steps=5, rng=rng)
    assert {len(scores) for scores in found.scores.values()} == {len(conversations[1].words)}
    assert all(np.isfinite(scores).all() for scores in found.scores.values())


def test_masking_sinks_reports_each_kind_beside_its_control(classifier, conversations):
    table = sink_effects(classifier, conversations, seed=0)
    assert len(table) == 2 * 4 * 2
    special = table[(table["masked"] == "special") & ~table["control"]]
    assert special["tokens"].tolist() == [2, 2]
    assert (special["delta"] != 0).all()
