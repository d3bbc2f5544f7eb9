# %% [markdown]
# # Profile authors from all of their conversations
#
# **Question** · Which way of adding up an author's conversations finds the trait, and how many conversations does a stable verdict need?
#
# **Inputs** · `analyzed_conversations/` and `models/` of stage `sequence`
#
# **Outputs** · `choices` (every weighting with every aggregation), `verdicts` (one row an author), `stability`
#
# **Cost** · 4 weightings times K + K (K - 1) / 2 trainings for K folds: a minute for a thousand conversations and three folds

# %%
from typing import Literal

import pandas as pd

from shared.data import redacted
from shared.figures import heatmap, intervals, lines, show
from shared.profiles import (
    AGGREGATIONS,
    aggregate,
    compare_aggregation_methods,
    compare_choices,
    conversations_needed,
    cross_fit,
    nested_verdicts,
    selected_verdicts,
)
from shared.runs import begin, record, say
from shared.sequence import (
    Training,
    average_turn_out_of_fold,
    labelled_conversations,
    load_classifier,
    read_dataset,
)
from shared.stats import auc_estimate

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read; empty = every earlier one
seed: int = 0  # of folds, training, draws and intervals
dataset: str = ""  # folder of analysed conversations; "" = the one of stage `sequence`
folds: int = 5  # of authors, in [3, 50]; with 3 thresholds are chosen by models of a third of the authors
weightings: list[Literal["balanced", "effective", "focal", "sqrt"]] = [
    "balanced",
    "effective",
    "focal",
    "sqrt",
]  # of the trait
num_epochs: int = 10  # passes over the conversations in each training, in [1, 10000]
batch_size: int = 32  # conversations in a batch, in [1, 100000]
learning_rate: float = 1e-3  # of AdamW, in (0, 1)
most_conversations: int = 8  # most tried for stability; fewer if hardly anybody has so many; in [1, 10000]
draws: int = 50  # random choices of conversations for each number, in [1, 100000]
redact: bool = False  # as in the stage that read the conversations: authors of `dataset` become the same placeholders

# %%
run = begin("profiles", globals())
dataset_path = run.input(dataset) if dataset else run.find("analyzed_conversations")
model_path = run.find("models") / "author_classifier.safetensors"

# %% [markdown]
# ## From conversations to an author
# The author classifier gives every conversation a probability. An author's score is their mean, their median, the share of conversations that
# vote for the trait, or the number of them. What votes, and from which score on an author is positive, is chosen on the validation authors.

# %%
compared = pd.DataFrame(compare_aggregation_methods(model_path, dataset_path)).T
for name in AGGREGATIONS:
    bounds = (compared.loc[name, "f1_low"], compared.loc[name, "f1_high"])
    record(f"test_f1_{name}", compared.loc[name, "f1"], n=compared.loc[name, "authors"], interval=bounds)
compared[["f1", "f1_low", "f1_high", "accuracy", "roc_auc", "threshold", "cut", "authors"]].round(3)

# %% [markdown]
# A mean listens to every conversation, a median to none that stands out, a vote only to which side of the threshold each falls. A trait that shows in few of
# an author's conversations is lost to the median and kept by the votes.

# %%
show(
    intervals(list(compared.index), compared["f1"], compared["f1_low"], compared["f1_high"], x="F1 on test authors"),
    title="Aggregations on the test authors",
)

# %% [markdown]
# The intervals are wide, because a test split holds few authors, and picking the best bar of this plot would be choosing on the test. So the choice
# is made where it is honest.
#
# ## Which weighting, which aggregation? Chosen inside cross-validation
# Every author is judged once, by models that never saw the author. Thresholds come from authors of the other folds, answered by models that saw neither
# the judged fold nor the answered one. Weightings of the rare class times four aggregations, on the same folds.

# %%
authors = labelled_conversations(redacted(read_dataset(dataset_path), run, on=redact), "author")
settings = load_classifier(model_path).model.settings
network = {name: value for name, value in settings.items() if name != "input_size"}
training = Training(num_epochs, batch_size, learning_rate, seed=seed, network=network)
crossed = cross_fit(authors, training, folds=folds, weightings=weightings, seed=seed)

# %% [markdown]
# From these answers every cell of the table is judged in the same way, at no further training.

# %%
choices = compare_choices(crossed)
run.write_table("choices", choices)
choices.round(3)

# %% [markdown]
# `difference` is the accuracy over authors minus that of the usual choice (the first weighting, mean); `p_holm` is its paired test, corrected for the number of comparisons.
# The spread of the threshold over folds says how far a threshold that looks sharp would move with other authors.
#
# The same as a picture: rows of different shades say that the weighting matters, columns of different shades that the aggregation does.

# %%
grid = choices.pivot(index="weighting", columns="aggregation", values="f1")[list(AGGREGATIONS)]
show(heatmap(grid.to_numpy(), list(grid.index), list(grid.columns), x="aggregation", y="weighting", unit="F1"),
     title="F1 over authors that no choice has seen")  # fmt: skip

# %% [markdown]
# ## What to expect on new authors
# The best cell of a table is partly luck. So weighting, aggregation and thresholds are selected for each fold on the other folds alone; this figure is the one
# to expect. Beside it stands the floor: logistic regression on each conversation's average turn, in the same folds, averaged by author.

# %%
selected, chosen = selected_verdicts(crossed)
floor_answers = average_turn_out_of_fold(authors, crossed.folds)
floor = aggregate(floor_answers, crossed.authors, "mean")
floor_auc = auc_estimate(selected.labels, floor.scores, floor.authors, seed=seed)
mean_auc = nested_verdicts(crossed, weightings[0], "mean").auc
always = 2 * selected.labels.mean() / (1 + selected.labels.mean())

# %% [markdown]
# Calling everybody positive has a recall of 1 and the base rate as precision: that F1 is not zero, and anything below it is worse than no model.
# Which cell each fold selected shows below; folds that disagree say that no cell is clearly better.

# %%
record("selected_f1", selected.f1.value, n=selected.f1.n, interval=selected.f1.interval)
record("selected_accuracy", selected.accuracy.value, n=selected.accuracy.n, interval=selected.accuracy.interval)
record("always_positive_f1", always, n=len(selected.labels))
record("verdict", selected.f1.interval.beside(always))
record("author_auc", mean_auc.value, n=mean_auc.n, interval=mean_auc.interval)
record("floor_author_auc", floor_auc.value, n=floor_auc.n, interval=floor_auc.interval)
pd.DataFrame(chosen, columns=["weighting", "aggregation"]).value_counts().rename("folds").reset_index()

# %% [markdown]
# For the record stands also the best cell, with the number of cells that differ from the usual choice after correction: if that number is 0, the name of
# the winner means little.

# %%
best = choices.loc[choices["f1"].idxmax()]
usual = pd.Series([aggregation for _, aggregation in chosen]).mode()[0]
record("best_f1", best["f1"], n=len(selected.labels), interval=(best["f1_low"], best["f1_high"]))
record("best_choice", f"{best['weighting']} and {best['aggregation']}")
record("usual_aggregation", usual)
record("separable_from_usual", int((choices["p_holm"] < 0.05).sum()), unit="choices")
record("threshold_spread", choices.loc[choices["f1"].idxmax(), "threshold_sd"])

# %% [markdown]
# ## How many conversations until the verdict is stable?
# The same authors are judged from one, two, three, … of their conversations, drawn at random, with the aggregation that was selected most often.
# Where the line flattens, more conversations would not change the verdict.

# %%
verdicts = nested_verdicts(crossed, weightings[0], usual)
needed = conversations_needed(
    crossed.outer[weightings[0]], crossed.authors, crossed.labels, usual, verdicts.cuts[0],
    most=most_conversations, draws=draws, seed=seed,
)  # fmt: skip
run.write_table("stability", needed)
needed.round(3)

# %% [markdown]
# Two lines: how good the verdict is, and how often it is the one that all conversations give. The second may be high where the first is not: a verdict can
# be stable and wrong.

# %%
series = {"F1": needed["f1"], "same verdict as from all": needed["same"]}
bands = {"F1": (needed["f1_low"], needed["f1_high"])}
show(
    lines(needed["conversations"], series, x="conversations of an author", y="share", bands=bands),
    title="What more conversations add",
)

# %% [markdown]
# Only authors with enough conversations take part in every point, so that the line does not bend because other authors come in.

# %%
one = needed.iloc[0]
steady = needed.loc[needed["same"] >= 0.9, "conversations"]
enough = float(steady.iloc[0]) if len(steady) else float("nan")
record("conversations_until_stable", enough, unit="conversations", n=int(one["authors"]))
record("f1_of_one_conversation", one["f1"], interval=(one["f1_low"], one["f1_high"]))
rows = {"author_id": selected.authors, "label": selected.labels.astype(int), "verdict": selected.verdicts.astype(int)}
run.write_table("verdicts", pd.DataFrame({**rows, "score": selected.scores}))

# %% [markdown]
# ## Findings

# %% tags=["findings"]
say(
    "With everything chosen on other authors, F1 is {selected_f1}. That {verdict} calling everybody positive, which gives {always_positive_f1:.3f}. The aggregation selected most often is {usual_aggregation}."
)
say(
    "The best of all choices is {best_choice} with F1 {best_f1}; {separable_from_usual} differ from the usual one (the first weighting and the mean) after correction. Its threshold moves by {threshold_spread:.3f} (standard deviation) between folds."
)
say(
    "As a ranking of authors, the mean gives AUC {author_auc}; the average turn with logistic regression gives {floor_author_auc}."
)
say(
    "Nine of ten verdicts are the same as from all conversations from {conversations_until_stable} on. From one conversation F1 is {f1_of_one_conversation}."
)

# %% [markdown]
# ## Sources
# Nested cross-validation: Varma and Simon 2006. Corrected tests: Holm 1979. Class weights: Cui et al. 2019, Lin et al. 2017.

# %%
run.finish()
