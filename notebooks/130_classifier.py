# %% [markdown]
# # Predict how conversations end
#
# **Question** · How well does an encoder tell the outcome of a conversation from its words, and how much of that is more than counting words?
#
# **Inputs** · `conversations` (outcome) and `turns` of an earlier stage
#
# **Outputs** · `model` (safetensors), `label_map.json`, `splits.csv`, `metrics.jsonl`, `predictions`, `threshold_table`, and `outcome_texts`, `outcome_spans` for the stages that explain it
#
# **Cost** · minutes a seed on two cores with the built-in encoder, hours with a base-size one

# %%
from pathlib import Path
from typing import Literal

import pandas as pd

from shared.classifier import (
    SPANS_SCHEMA,
    TEST,
    TEXTS_SCHEMA,
    TRAIN,
    VALIDATION,
    abstention_table,
    best_of,
    confusion_counts,
    conversation_texts,
    given_splits,
    history_table,
    named_outcomes,
    predictions_schema,
    predictions_table,
    scores,
    share_right,
    split_groups,
    text_groups,
    threshold_table,
    train_seeds,
)
from shared.data import redacted
from shared.figures import bars, confusion, histogram, intervals, lines, mark, reliability, show
from shared.models import (
    FineTuning,
    LabelledTexts,
    default_encoder,
    load_tokenizer,
    majority_floor,
    suitable_learning_rate,
    tfidf_floor,
)
from shared.runs import begin, record, say
from shared.stats import brier_estimate, expected_calibration_error, paired_difference, reliability_table

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read; empty = every earlier one
seed: int = 0  # of the splits and of every interval
seeds: list[int] = [0, 1, 2]  # one training each; the one that is best on validation is saved
model: str = ""  # encoder: "builtin", folder, hub id; "" = roberta-base where the hub can be reached, else builtin
outcomes: dict[str, str] = {}  # outcomes to rename or merge, for instance {"callback": "other"}
least_per_outcome: int = 10  # conversations that every outcome needs, in [3, inf)
own_splits: bool = True  # use the corpus's own splits if every conversation has one
keep_together: Literal["conversation", "agent_id", "donor_id"] = "conversation"  # what no split may cut
validation_share: float = 0.15  # share of conversations, in (0, 1)
test_share: float = 0.2  # share of conversations, in (0, 1)
max_tokens: int = 256  # tokens the encoder reads, in [16, what the encoder takes]
head_share: float = 0.3  # of them for the opening of a longer conversation, the rest for its end, in [0, 1]
epochs: int = 8  # passes over the training conversations, in [1, inf)
batch_size: int = 16  # conversations a step, in [1, inf)
learning_rate: float = 0.0  # peak; 0 = what suits the encoder's size: 2e-5 from base size on, else 1e-4
head_learning_rate: float = 1e-3  # peak for the new head; 0 = as the encoder
warmup_ratio: float = 0.1  # share of the steps in which the rate climbs, then it falls linearly to 0, in [0, 1)
weight_decay: float = 0.01  # AdamW's, in [0, inf)
dropout: float = 0.1  # before the head, in [0, 1)
label_smoothing: float = 0.0  # in [0, 1)
class_weights: Literal["none", "balanced", "sqrt", "effective"] = "balanced"  # rare outcomes weigh more
pooling: Literal["mean", "first"] = "mean"  # what the head reads: mean over tokens, or the first token
patience: int = 3  # evaluations without a better validation score before training stops; 0 = never
evaluations_per_epoch: int = 1  # in [1, inf)
redact: bool = False  # as in the stage that read the conversations: a name in `outcomes` becomes the same placeholder

# %%
run = begin("classifier", globals())

# %% [markdown]
# ## What are the outcomes?
# A conversation without an outcome cannot be scored; it is left out here and counted. Outcomes that are too rare to be
# learned and scored are refused, with the parameter that merges them.

# %%
conversations = run.table("conversations")
new_names = redacted(outcomes, run, on=redact)
conversations["outcome"] = named_outcomes(conversations["outcome"], new_names, least=least_per_outcome)
unscored = int(conversations["outcome"].isna().sum())
conversations = conversations.dropna(subset="outcome").reset_index(drop=True)
sizes = conversations["outcome"].value_counts()
record("conversations", len(conversations), n=len(conversations))
record("without_outcome", unscored, unit="conversations")
show(bars(list(sizes.index), sizes.to_numpy(), x="conversations"), title="How the conversations end")

# %% [markdown]
# ## Which encoder reads them?
# Where none is named it is roberta-base if the hub can be reached, else the small one that is built in. A name makes a run repeatable elsewhere.

# %%
encoder = model or default_encoder()
peak_rate = learning_rate or suitable_learning_rate(encoder)
record("encoder", Path(encoder).name)
record("learning_rate", peak_rate)
say("The encoder is {encoder}, tuned at a learning rate of at most {learning_rate}.")

# %% [markdown]
# ## One text a conversation
# Each turn is a line that begins with its speaker. What does not fit the encoder is cut from the middle: a conversation
# opens and ends with what matters most for its outcome. How many are cut is part of the result.

# %%
turns = run.table("turns")
turns = turns[turns["conversation_id"].isin(conversations["conversation_id"])]
written = conversation_texts(turns, load_tokenizer(encoder), max_tokens=max_tokens, head_share=head_share)
texts = conversations[["conversation_id", "outcome", "split", "agent_id", "donor_id"]].merge(written.texts)
record("truncated_share", texts["truncated"].mean(), n=len(texts))
record("max_tokens", max_tokens, unit="tokens")
record("median_tokens", texts["tokens"].median(), unit="tokens", n=len(texts))
say("{truncated_share:.1%} of the conversations are longer than the encoder reads; the median has {median_tokens}.")

# %% [markdown]
# If one outcome has longer conversations than another, cutting hits it harder, and its errors may say more about the cut than about the words.

# %%
lengths = {name: group["tokens"].to_numpy() for name, group in texts.groupby("outcome")}
figure = histogram(lengths, x="tokens of a conversation")
mark(figure, max_tokens, "the encoder reads")
show(figure, title="Length of the conversations, by outcome")

# %% [markdown]
# ## Three splits that share no conversation
# Train teaches, validation stops the training and fits temperature and thresholds, test is looked at once. Identical
# transcripts, and everything that `keep_together` names, stay on one side.

# %%
groups = text_groups(texts["text"]) if keep_together == "conversation" else texts[keep_together].fillna("nobody")
given = given_splits(texts["split"]) if own_splits else None
shares = {"validation_share": validation_share, "test_share": test_share, "seed": seed}
texts["split"] = split_groups(texts["outcome"], groups, **shares) if given is None else given
pd.crosstab(texts["outcome"], texts["split"])[[TRAIN, VALIDATION, TEST]]

# %% [markdown]
# The split is written down, and every later stage keeps to it.

# %%
run.write_csv("splits.csv", texts[["conversation_id", "split", "outcome"]])
run.write_table("outcome_texts", texts[TEXTS_SCHEMA.names], TEXTS_SCHEMA)
run.write_table("outcome_spans", written.spans, SPANS_SCHEMA)
parts = {name: part.reset_index(drop=True) for name, part in texts.groupby("split")}
labelled = {name: LabelledTexts(p["text"].tolist(), p["outcome"].tolist()) for name, p in parts.items()}

# %% [markdown]
# ## The floors
# Guessing the commonest outcome, and a linear model that counts words. An encoder that does not beat the second has
# learned nothing that a bag of words does not know. Counting has no length limit, so a third floor counts the words of the
# whole conversation: if it is much better than the second, too much was cut off.

# %%
floors = {"majority": majority_floor(labelled[TRAIN]), "tfidf": tfidf_floor(labelled[TRAIN])}
floor_predictions = {
    name: predictions_table(floor, parts[TEST], model=name, seed=seed) for name, floor in floors.items()
}
whole = conversation_texts(turns, load_tokenizer(encoder), max_tokens=1_000_000).texts.set_index("conversation_id")[
    "text"
]
uncut = {name: part.assign(text=part["conversation_id"].map(whole)) for name, part in parts.items()}
counting_all = tfidf_floor(LabelledTexts(uncut[TRAIN]["text"].tolist(), uncut[TRAIN]["outcome"].tolist()))
floor_predictions["tfidf_whole"] = predictions_table(counting_all, uncut[TEST], model="tfidf_whole", seed=seed)
floor_scores = {name: scores(table, seed=seed) for name, table in floor_predictions.items()}

# %% [markdown]
# The floors go on record before the encoder is trained, so that nobody is tempted to choose them afterwards.

# %%
floor, guess, uncut_floor = (floor_scores[name] for name in ("tfidf", "majority", "tfidf_whole"))
record("floor_accuracy", floor.accuracy.value, n=floor.accuracy.n, interval=floor.accuracy.interval)
record("floor_macro_f1", floor.macro_f1.value, n=floor.macro_f1.n, interval=floor.macro_f1.interval)
record(
    "floor_whole_macro_f1", uncut_floor.macro_f1.value, n=uncut_floor.macro_f1.n, interval=uncut_floor.macro_f1.interval
)
record("majority_accuracy", guess.accuracy.value, n=guess.accuracy.n, interval=guess.accuracy.interval)
record("majority_macro_f1", guess.macro_f1.value, n=guess.macro_f1.n, interval=guess.macro_f1.interval)
say(
    "Counting words is right {floor_accuracy:share} of the time, always naming the commonest outcome {majority_accuracy:share}."
)
say(
    "Macro-F1 of counting is {floor_macro_f1} on what the encoder reads and {floor_whole_macro_f1} on whole conversations."
)

# %% [markdown]
# ## Fine-tuning, several times
# Only the seed differs: order of batches, dropout, first weights of the head. The best evaluation on validation is kept,
# training stops when it no longer improves, and a killed training goes on from its last checkpoint.

# %%
settings = FineTuning(
    model=encoder, epochs=epochs, batch_size=batch_size, learning_rate=peak_rate,
    head_learning_rate=head_learning_rate, warmup_ratio=warmup_ratio, weight_decay=weight_decay, dropout=dropout,
    label_smoothing=label_smoothing, class_weights=class_weights, pooling=pooling, patience=patience,
    evaluations_per_epoch=evaluations_per_epoch, max_tokens=max_tokens,
)  # fmt: skip
trained = train_seeds(labelled[TRAIN], labelled[VALIDATION], settings, seeds, run.checkpoints)

# %% [markdown]
# Curves that fall apart say that the result hangs on the seed; curves that are still climbing say that there were too few epochs.

# %%
history = history_table(trained)
run.write_jsonl("metrics.jsonl", history.to_dict("records"))
curves = history.pivot(index="epoch", columns="seed", values="score")
named = {f"seed {number}": curves[number].to_numpy() for number in curves}
show(lines(curves.index.to_numpy(), named, x="epoch", y="validation macro-F1"), title="Every evaluation of every seed")

# %% [markdown]
# ## What it is worth on conversations it never saw
# All seeds answer the same test conversations. Their answers to one conversation are not independent, so the interval is
# over conversations, with all its seeds together.

# %%
stacked = pd.concat([predictions_table(one.classifier, parts[TEST], model="encoder", seed=one.seed) for one in trained])
total = scores(stacked, seed=seed)
record("test_accuracy", total.accuracy.value, n=total.accuracy.n, interval=total.accuracy.interval)
record("test_macro_f1", total.macro_f1.value, n=total.macro_f1.n, interval=total.macro_f1.interval)
record("seeds", len(trained), unit="trainings")
say(
    "Over all trainings ({seeds:.0f}) the encoder is right {test_accuracy:share} of the time; its macro-F1 is {test_macro_f1}."
)

# %% [markdown]
# A single lucky training proves little. Each seed stands beside the floors with its own interval.

# %%
by_seed = {one.seed: scores(stacked[stacked["seed"] == one.seed], seed=seed).macro_f1 for one in trained}
reached = [estimate.value for estimate in by_seed.values()]
record("seed_spread_macro_f1", max(reached) - min(reached) if len(reached) > 1 else float("nan"), n=len(reached))
rows = {f"seed {number}": estimate for number, estimate in by_seed.items()} | {
    "TF-IDF": floor.macro_f1,
    "TF-IDF, whole": uncut_floor.macro_f1,
}
points = zip(*[(e.value, *e.interval) for e in rows.values()], strict=True)
show(
    intervals(list(rows), *points, x="test macro-F1", reference=guess.macro_f1.value, reference_name="majority"),
    title="Each seed beside the floors",
)

# %% [markdown]
# Intervals that overlap do not settle whether the encoder beats the floor: both answered the same conversations, so the
# difference is taken conversation by conversation.

# %%
first, second = share_right(stacked), share_right(floor_predictions["tfidf"])
gain = paired_difference(first, second.loc[first.index], seed=seed)
record("gain_over_floor", gain.estimate.value, n=gain.estimate.n, interval=gain.estimate.interval)
record("gain_p_value", gain.p_value, n=gain.estimate.n)
record("verdict", gain.estimate.interval.beside(0.0))
say("The encoder is right more often than TF-IDF by {gain_over_floor}; p = {gain_p_value:.3f}.")

# %% [markdown]
# ## The saved model
# The seed that did best on validation. Its errors, its confidence, and what its thresholds would do.

# %%
best = best_of(trained)
saved = {name: predictions_table(best.classifier, parts[name], model="encoder", seed=best.seed) for name in parts}
tested, labels = saved[TEST], best.classifier.labels
with run.new_folder("model") as folder:
    best.classifier.save(folder)
run.write_json("label_map.json", {label: number for number, label in enumerate(labels)})
show(confusion(confusion_counts(tested, labels), labels), title=f"Confusion on test, seed {best.seed}")

# %% [markdown]
# All predictions are kept, those of the floors too: stage `errors` compares them example by example.

# %%
others = [*floor_predictions.values(), stacked[stacked["seed"] != best.seed]]
everything = pd.concat([*saved.values(), *others], ignore_index=True)
run.write_table("predictions", everything, predictions_schema(labels))
record("saved_seed", best.seed)
record("validation_macro_f1", best.validation_score, n=len(parts[VALIDATION]))

# %% [markdown]
# ### Does it know when it is unsure?
# One temperature, fitted on validation, divides the logits. The expected calibration error is the mean distance from the
# diagonal below; with few test conversations it is never quite zero, even for a perfect model.

# %%
right = tested["predicted"].eq(tested["outcome"]).to_numpy()
error = expected_calibration_error(tested["confidence"], right, bins=10)
brier = brier_estimate(tested["confidence"], right, tested["conversation_id"], seed=seed)
record("calibration_error", error, n=len(tested))
record("temperature", best.classifier.temperature)
record("brier", brier.value, n=brier.n, interval=brier.interval)
counting = floor_predictions["tfidf"]
tables = {
    "encoder": reliability_table(tested["confidence"], right, bins=10),
    "TF-IDF": reliability_table(counting["confidence"], counting["predicted"].eq(counting["outcome"]), bins=10),
}
curves = {name: (table.confidence, table.share_right) for name, table in tables.items()}
show(reliability(curves), title="Confidence against being right, on test")

# %% [markdown]
# ### Answering only when sure
# If the least sure conversations go to a person, how often is the rest right?

# %%
abstaining = abstention_table(tested)
figure = lines(
    abstaining["coverage"], {"accuracy": abstaining["accuracy"]}, x="share answered, the surest first", y="accuracy",
    bands={"accuracy": (abstaining["low"], abstaining["high"])},
)  # fmt: skip
show(figure, title="Accuracy against coverage, with its 95 % interval")

# %% [markdown]
# ### A threshold for each outcome
# Where one outcome is to be flagged (every refusal, say), its probability needs a threshold of its own. `chosen` marks the
# one with the best F1 on validation; all columns are measured on test.

# %%
thresholds = threshold_table(saved[VALIDATION], tested, labels)
run.write_csv("threshold_table.csv", thresholds)
thresholds[thresholds["chosen"] | thresholds["threshold"].isin([0.3, 0.5, 0.7])].round(3)

# %% [markdown]
# ## Findings

# %% tags=["findings"]
say(
    "The encoder names the right outcome for {test_accuracy:share} of the conversations that it had not seen, counting words for {floor_accuracy:share}: the encoder {verdict} counting words."
)
say(
    "Averaged over the outcomes (macro-F1): encoder {test_macro_f1}, counting words {floor_macro_f1}, on whole conversations {floor_whole_macro_f1}, the commonest outcome {majority_macro_f1}. The paired gain in accuracy is {gain_over_floor}, p = {gain_p_value:.3f}."
)
if len(trained) > 1:
    say("Between its best and its worst seed lies a macro-F1 of {seed_spread_macro_f1}.")
say(
    "The saved model is that of seed {saved_seed:.0f}, with calibration error {calibration_error:.3f} at temperature {temperature:.2f}."
)
say("{truncated_share:.1%} of the conversations were longer than {max_tokens} and lost their middle.")
if gain.estimate.interval.low <= 0:
    say(
        "What follows: report the linear model, which is cheaper and no worse, and read attributions of the encoder as a description of the encoder only. More conversations, or more of each one than {max_tokens}, would have to change that."
    )
else:
    say("What follows: the encoder knows something that counting does not; stage `attention` asks what.")

# %% [markdown]
# ## Sources
# Temperature scaling: Guo et al. 2017. Intervals: bootstrap over conversations, widened for few of them (Hesterberg 2015).
# The built-in encoder is all-MiniLM-L6-v2 (Apache-2.0); roberta-base: Liu et al. 2019 (MIT).

# %%
run.finish()
