# %% [markdown]
# # Classify conversations from the sequence of their turns
#
# **Question** · Does the course of a conversation tell its outcome, or its author's trait, better than its words in a bag, and how early?
#
# **Inputs** · `conversations` and `turns`; `turn_vectors` and `codes` if earlier stages wrote them; or a folder of analysed conversations
#
# **Outputs** · `analyzed_conversations/` (the dataset), `models/` (a conversation and an author classifier), `predictions`
#
# **Cost** · a minute for a thousand conversations on a CPU; vectors that no earlier stage made take another

# %%
from typing import Literal

import pandas as pd

from shared.data import redacted
from shared.figures import intervals, lines, reliability, show
from shared.models import encode
from shared.runs import begin, record, say
from shared.sequence import (
    Planted,
    Training,
    analyse_conversations,
    auc_difference,
    author_folds,
    average_turn_out_of_fold,
    best_threshold,
    conversation_texts,
    early_warning,
    label_conversations,
    labelled_conversations,
    load_classifier,
    out_of_fold,
    prediction_table,
    prefix_probabilities,
    read_dataset,
    test_model,
    tfidf_out_of_fold,
    train_model,
    write_dataset,
    write_planted,
)
from shared.stats import auc_estimate, reliability_table

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read; empty = every earlier one
seed: int = 0  # of splits, folds, training and intervals
dataset: str = ""  # folder of analysed conversations; "" = build it from earlier stages
planted_authors: int = 0  # above 0: generate conversations of so many authors with planted traits, in [0, 100000]
positive: str = "donated"  # the outcome that is label 1; every other one is 0
side: Literal["donor", "agent"] = "donor"  # whose profile is asked for
traits: str = ""  # CSV with author_id and the trait; "" = an author is positive if half of the conversations are
trait: str = "trait"  # its column of 0 and 1
redact: bool = False  # as in the stage that read the conversations; authors of `traits`, `dataset` become placeholders
fewest_conversations: int = 2  # authors with fewer have no author label, in [1, inf)
use_vectors: bool = True  # turn vectors as features; computed here if no earlier stage made them
num_epochs: int = 30  # most passes over the training conversations, in [1, 10000]
batch_size: int = 32  # conversations in a batch, in [1, 100000]
learning_rate: float = 1e-3  # of AdamW at the beginning, in (0, 1)
patience: int = 8  # epochs without a better validation F1 until training ends, in [1, inf)
weighting: Literal["balanced", "effective", "focal", "sqrt"] = "balanced"  # of the positive class
hidden_size: int = 64  # width of the network, a multiple of num_heads, in [1, 4096]
num_layers: int = 1  # transformer layers, in [1, 48]
num_heads: int = 4  # attention heads, in [1, 64]
dropout: float = 0.3  # share of values dropped while training, in [0, 1)
kernel_sizes: list[int] = [3, 5, 7]  # turns seen together by each convolution branch; odd
folds: int = 5  # of authors, for the comparison with the floors, in [2, 50]
fold_epochs: int = 10  # passes over the conversations in each fold, in [1, 10000]
turns_seen: list[int] = [2, 4, 6, 8, 12, 16, 24]  # after how many turns the model is asked; ascending

# %%
run = begin("sequence", globals())
network = {
    "hidden_size": hidden_size,
    "num_layers": num_layers,
    "num_heads": num_heads,
    "dropout": dropout,
    "kernel_sizes": kernel_sizes,
}

# %% [markdown]
# ## What is a conversation to the model?
# A row of numbers a turn: what was said (a vector), what kind of turn it is (a code), how long it is, who speaks, and how long
# it took. An author's conversations are all in one split: otherwise the test would measure how well authors are remembered.

# %%
dataset_path = run.folder / "analyzed_conversations"
texts_known = not dataset and not planted_authors
if dataset:
    dataset_path = run.input(dataset)
if planted_authors:
    with run.new_folder("analyzed_conversations") as folder:
        write_planted(folder, Planted(authors=planted_authors, seed=seed))

# %% [markdown]
# Generated conversations hold a trait that shows as an order of two turns, in fewer than half of an author's conversations: an average
# turn says nothing about it. With real conversations the features come from the earlier stages.

# %%
if texts_known:
    turns = run.table("turns")
    vectors = run.table("turn_vectors") if use_vectors and run.has("turn_vectors.parquet") else None
    if use_vectors and vectors is None:
        vectors = encode(turns["text"].fillna("").tolist())
    codes = run.table("codes") if run.has("codes.parquet") else None
    analysed = analyse_conversations(turns, vectors=vectors, codes=codes)

# %% [markdown]
# Two labels go with them: the outcome of the conversation, and what is known of its author. An author with a single conversation gets no author label,
# because then both would be the same thing.

# %%
if texts_known:
    about_authors = redacted(pd.read_csv(run.input(traits)), run, on=redact) if traits else None
    options = {"side": side, "traits": about_authors, "trait": trait, "fewest": fewest_conversations, "seed": seed}
    labelled = label_conversations(run.table("conversations"), redacted(positive, run, on=redact), **options)
    with run.new_folder("analyzed_conversations") as folder:
        write_dataset(folder, labelled, analysed.turns, analysed.features, analysed.names)

# %% [markdown]
# Both ways end in one layout on disk, so that conversations analysed elsewhere enter here too. What is in it, by split: how many labels, and the
# share of positives, which is the precision that guessing would reach.

# %%
source = redacted(read_dataset(dataset_path), run, on=redact)
record("conversations", len(source.conversations), unit="conversations")
record("authors", source.conversations["author_id"].nunique(), unit="authors")
record("features", len(source.names), unit="features a turn")
source.conversations.groupby("split", dropna=False)[["label", "author_label"]].agg(["count", "mean"])

# %% [markdown]
# ## Train on some authors, choose on others, test on the rest
# The epoch and the threshold are chosen on the validation authors. The test authors are touched once, here.

# %%
with run.new_folder("models") as folder:
    settings = {"weighting": weighting, "patience": patience, "seed": seed, "network": network}
    for model_type in ("conversation", "author"):
        train_model(model_type, dataset_path, num_epochs, batch_size, learning_rate,
                    output_dir=folder, checkpoint_dir=run.checkpoints, **settings)  # fmt: skip
paths = {kind: run.folder / "models" / f"{kind}_classifier.safetensors" for kind in ("conversation", "author")}

# %% [markdown]
# Did it learn, and did it stop in time?

# %%
history = pd.DataFrame(load_classifier(paths["conversation"]).history)
losses = {"train": history["train_loss"], "validation": history["validation_loss"]}
show(lines(history["epoch"], losses, x="epoch", y="weighted loss a conversation"), title="Training and validation loss")

# %% [markdown]
# Where the validation loss turns upward while the training loss still falls, the model begins to learn its conversations by heart; the epoch
# that was kept has the best validation F1.
#
# The test authors now give their one answer. An author's label is asked of every conversation alone here; that is the weakest way to use it, and the
# starting point of stage `profiles`.

# %%
tests = {kind: test_model(kind, path, dataset_path) for kind, path in paths.items()}
for kind, metrics in tests.items():
    for name in ("roc_auc", "f1", "accuracy"):
        bounds = (metrics[f"{name}_low"], metrics[f"{name}_high"])
        record(f"{kind}_test_{name}", metrics[name], n=metrics["conversations"], interval=bounds)
    record(f"{kind}_test_calibration_error", metrics["calibration_error"], n=metrics["conversations"])
pd.DataFrame(tests).round(3)

# %% [markdown]
# ## Is that more than a simple model would do?
# One split of few authors is a matter of luck. So every conversation is answered once by a model that did not know its author, and two
# floors answer the same conversations in the same folds: the average turn with logistic regression and, where there is text, TF-IDF with logistic regression.

# %%
everything = labelled_conversations(source, "conversation")
labels, authors = everything.labels.numpy(), everything.authors
placed = author_folds(labels, authors, folds, seed=seed)
training = Training(fold_epochs, batch_size, learning_rate, weighting, seed=seed, network=network)
answers = {"sequence": out_of_fold(everything, placed, training)}
answers["average turn"] = average_turn_out_of_fold(everything, placed)

# %% [markdown]
# The average turn knows what was said but not when. TF-IDF knows the words and neither order nor speaker. The better of the two is the floor, and the
# difference to it is taken conversation by conversation, so that hard conversations are hard for both.

# %%
if texts_known:
    texts = conversation_texts(turns, everything.conversation_ids)
    answers["TF-IDF"] = tfidf_out_of_fold(texts, labels, placed)
aucs = {name: auc_estimate(labels, scores, authors, seed=seed) for name, scores in answers.items()}
floor = max((name for name in aucs if name != "sequence"), key=lambda name: aucs[name].value)
gap = auc_difference(labels, answers["sequence"], answers[floor], authors, seed=seed)

# %% [markdown]
# A coin has an AUC of one half; an interval that reaches it says that nothing is shown. Intervals are over authors, because conversations of one author
# are alike.

# %%
for name, auc in aucs.items():
    record(f"auc_{name.lower().replace(' ', '_').replace('-', '')}", auc.value, n=auc.n, interval=auc.interval)
record("best_floor", floor)
record("auc_above_floor", gap.value, n=gap.n, interval=gap.interval)
lows, highs = zip(*(auc.interval for auc in aucs.values()), strict=True)
show(
    intervals(list(aucs), [auc.value for auc in aucs.values()], lows, highs, x="ROC AUC, authors unknown to the model",
              reference=0.5, reference_name="coin"), title="The sequence classifier beside its floors"
)  # fmt: skip

# %% [markdown]
# A sequence classifier that does not rise above the best floor has found nothing in the order of turns that the words do not already say,
# or has too few conversations to find it. Either is a result.
#
# Ranking well is not yet meaning what one says: of all conversations that get 0.7, are seven in ten positive?

# %%
bins = {name: reliability_table(scores, labels, bins=10) for name, scores in answers.items()}
show(reliability({name: (table.confidence, table.share_right) for name, table in bins.items()}), title="Calibration")

# %% [markdown]
# ## How early is it known?
# The trained model is asked again after the first turns of each test conversation, the rest withheld. An alarm is raised at the first answer that
# reaches a threshold; the threshold is chosen on validation conversations, by the highest answer on the way.

# %%
model = load_classifier(paths["conversation"]).model
splits = {name: labelled_conversations(source, "conversation", name) for name in ("validation", "test")}
early = {name: prefix_probabilities(model, split, turns_seen) for name, split in splits.items()}
alarm_at = best_threshold(splits["validation"].labels.numpy(), early["validation"].max(axis=1))
test = splits["test"]
truth = test.labels.numpy()

# %% [markdown]
# A curve that rises late means that the outcome is decided late, or that its signs come late. Asking early then costs what the left end of it shows.

# %%
by_turns = [auc_estimate(truth, scores, test.authors, seed=seed) for scores in early["test"].T]
show(
    lines(turns_seen, {"ROC AUC": [auc.value for auc in by_turns]}, x="turns seen", y="ROC AUC on test authors",
          bands={"ROC AUC": ([auc.interval.low for auc in by_turns], [auc.interval.high for auc in by_turns])}),
    title="What is known after the first turns (95 % interval)"
)  # fmt: skip

# %% [markdown]
# An alarm is worth something if it comes in time and is seldom false. So three numbers belong together: the positives it catches, how many turns before the
# end it does, and how often it rings for nothing.

# %%
warning = early_warning(early["test"], turns_seen, test.lengths, truth, test.authors, alarm_at)
for name, unit in (("recall", ""), ("mean_horizon", "turns"), ("false_alarms", "per 100 conversations")):
    estimate = getattr(warning, name)
    record(f"alarm_{name}", estimate.value, unit=unit, n=estimate.n, interval=estimate.interval)
record("auc_first_turns", by_turns[0].value, n=by_turns[0].n, interval=by_turns[0].interval)
record("first_turns", turns_seen[0], unit="turns")

# %% [markdown]
# A recall near 1 with many false alarms means that the threshold is reached by almost anybody on the way: then the alarm says little.
#
# The answers of all folds are kept for stage `errors`, which asks where this model is wrong and whether the floor is wrong in the same places.

# %%
shown = redacted(positive, run, on=redact)
names = (f"not {shown}", shown) if texts_known else ("negative", "positive")
run.write_table("predictions", prediction_table(everything, placed, answers, names))
record("verdict", gap.interval.beside(0.0))

# %% [markdown]
# ## Findings

# %% tags=["findings"]
say(
    "On authors that it did not know, the sequence classifier reaches AUC {auc_sequence}. It {verdict} the best floor, {best_floor}: the difference is {auc_above_floor}."
)
say(
    "On the test authors: AUC {conversation_test_roc_auc}, F1 {conversation_test_f1} at the threshold chosen on validation authors, calibration error {conversation_test_calibration_error:.3f}."
)
say(
    "After {first_turns} the AUC is {auc_first_turns}. Alarms catch {alarm_recall:.0%} of the positive conversations, {alarm_mean_horizon} before they end, at {alarm_false_alarms}."
)
say(
    "From one conversation, the author's label is told with AUC {author_test_roc_auc}; stage `profiles` asks what all conversations of an author say together."
)

# %% [markdown]
# ## Sources
# Transformer encoder: Vaswani et al. 2017. Parallel convolutions with max over time: Kim 2014. Horizon of forecasts: Kementchedjhieva and Søgaard 2021.

# %%
run.finish()
