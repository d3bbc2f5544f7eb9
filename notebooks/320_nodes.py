# %% [markdown]
# # Fine-tune a small encoder in place of an LLM call
#
# **Question** · How good is a small encoder at this decision, what does it beat, and how many labels does it need?
#
# **Inputs** · `labelled` of stage `labels`, or a labelled CSV or TSV; a task (data/tasks/*.yaml)
#
# **Outputs** · `model` (safetensors, calibrated), `predictions` (or `values`, for numbers), `metrics.jsonl`, `splits.csv`
#
# **Cost** · seconds for a few hundred messages; about 15 minutes for 10,000 on two cores

# %%
from dataclasses import replace

import numpy as np
import pandas as pd
from IPython.display import display

from shared.data import read_messages, redacted, redaction_report
from shared.figures import bars, intervals, lines, reliability, show
from shared.models import majority_floor, nearest_centroid_floor, read_task, resolve_model, tfidf_floor
from shared.nodes import (
    PREDICTIONS_SCHEMA,
    VALUES_SCHEMA,
    check_sides,
    counts_by_label,
    coverage_curve,
    label_f1_table,
    labelled_texts,
    learning_curve,
    node_scores,
    predictions_table,
    read_labelled_csv,
    scope_report,
    split_rows,
    train_seeds,
    value_floors,
    value_score_table,
    values_table,
)
from shared.runs import begin, record, say
from shared.stats import exact_mcnemar, expected_calibration_error, reliability_table

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read; empty = every earlier one
seed: int = 0  # of the split and the intervals
task: str = "intent"  # a task of data/tasks/, or the path of a YAML file
labelled_file: str = ""  # CSV or TSV in the task's format; "" = the table of stage labels
test_file: str = ""  # its own test file; "" = a part of the labelled messages
validation_file: str = ""  # its own validation file; "" = a part of the training messages
names: list[str] = []  # column names of files without a header
validation_share: float = 0.15  # of the messages, in (0, 1)
test_share: float = 0.25  # of the messages where there is no test file, in (0, 1)
similarity: float = 0.9  # cosine from which two messages count as the same, in (0, 1]
keep_near_duplicates: bool = False  # True = split rows as they are, for files with their own test set
seeds: list[int] = [0]  # one training each
epochs: int = 0  # passes over train; 0 = as the task says
max_train: int = 0  # at most so many training messages; 0 = all
curve_sizes: list[int] = []  # messages a class for the learning curve; [] = none
out_of_scope_file: str = ""  # messages that belong to no label; "" = none: what refusing them costs is not measured
out_of_scope_column: str = "message"  # its column
answered: float = 0.95  # share of validation that must still be answered when unsure messages are refused, in (0, 1]
centroid_floor: bool = True  # nearest class centre of untouched sentence vectors
redact: bool = False  # replace names, numbers and addresses of what is read from outside, before anything is computed

# %%
run = begin("nodes", globals())

# %% [markdown]
# ## The messages
# Before anything is trained: does every label of the task have messages, and enough of them?

# %%
about = read_task(task)
resolve_model(about.settings.model)  # a missing model is told now, not after the floors
if labelled_file:
    rows = redacted(read_labelled_csv(run.input(labelled_file), about, names=names or None), run, on=redact)
else:
    rows = run.table("labelled").query("task == @about.name")[["message", "label", "group"]].reset_index(drop=True)

# %% [markdown]
# A label that the task does not know stops here, with all such labels named: a misspelt one would otherwise become a class
# of its own, and its messages would be missing where they belong.

# %%
counts = counts_by_label(rows, about)
record("messages", len(rows))
record("labels", len(counts))
record("labels_below_minimum", int((counts["verdict"] == "below minimum").sum()), n=len(counts))
counts.sort_values("n").head(10)

# %% [markdown]
# ## Three sides that share neither a group nor a near-duplicate
# A test message that a training message nearly repeats measures memory. Groups (a pattern, a conversation) and
# near-duplicates stay on one side.

# %%
first_label = rows["label"].map(lambda label: label if isinstance(label, str) else (sorted(label) or [""])[0])
groups = rows["group"] if not keep_near_duplicates else pd.Series(range(len(rows))).astype(str)
shares = {"validation": 0.0 if validation_file else validation_share, "test": 0.0 if test_file else test_share}
split = split_rows(
    rows["message"], first_label, groups, similarity=1.1 if keep_near_duplicates else similarity, seed=seed, **shares
)

# %% [markdown]
# A corpus that comes with its own test file keeps it, so that the result can be set beside published ones. What that test
# file shares with training is then counted below instead of being moved.

# %%
sides = {side: rows[split.sides == side].reset_index(drop=True) for side in ("train", "validation", "test")}
for side, file in (("validation", validation_file), ("test", test_file)):
    if file:
        sides[side] = redacted(read_labelled_csv(run.input(file), about, names=names or None), run, on=redact)
check_sides(sides)
record("near_duplicates_kept_together", split.merged, n=len(rows))

# %% [markdown]
# What training may see can be capped, and no test message may stand in it letter by letter.

# %%
if max_train:
    sides["train"] = (
        sides["train"].sample(min(max_train, len(sides["train"])), random_state=seed).reset_index(drop=True)
    )
overlap = int(sides["test"]["message"].isin(set(sides["train"]["message"])).sum())
record("test_messages_seen_in_training", overlap, n=len(sides["test"]))
run.write_csv(
    "splits.csv", pd.concat([part.assign(split=side) for side, part in sides.items()])[["message", "label", "split"]]
)
pd.DataFrame({"messages": {side: len(part) for side, part in sides.items()}})

# %% [markdown]
# With `redact`, personal data is replaced before anything is computed. What the rules are worth is then measured here, on generated texts whose personal data is known.

# %%
redaction_report(run)

# %% [markdown]
# ## Floors
# The commonest label, a linear model that counts words, and the nearest class centre of sentence vectors that nobody
# trained. Each is cheaper than the encoder, so the encoder has to beat them all.

# %%
train, validation, test = (labelled_texts(sides[side]) for side in ("train", "validation", "test"))
label_order = tuple(about.definitions) if about.definitions else tuple(sorted(rows["label"].unique()))
floors = {}

# %%
if about.kind != "values":
    options = {"kind": about.kind, "labels": label_order}
    floors = {
        "majority": majority_floor(train, **options),
        "TF-IDF": tfidf_floor(train, **options),
    }
    if centroid_floor:
        floors["nearest centroid"] = nearest_centroid_floor(train, **options)

# %% [markdown]
# Floors are calibrated on validation as the encoder is: against an uncalibrated one, thresholds alone could win.

# %%
floor_rows = [
    predictions_table(floor.calibrated(validation), sides["test"], name=name, split="test", seed=seed)
    for name, floor in floors.items()
]
floor_scores = {table["model"].iloc[0]: node_scores(table, kind=about.kind, seed=seed) for table in floor_rows}

# %% [markdown]
# The best of the floors is the one to beat, chosen on test in its favour: an encoder that wins all the same has won.

# %%
best_floor = max(floor_scores, key=lambda name: floor_scores[name].macro_f1.value) if floors else "none"
record("best_floor", best_floor)
if floors:
    floor = floor_scores[best_floor]
    record("floor_accuracy", floor.accuracy.value, n=floor.accuracy.n, interval=floor.accuracy.interval)
    record("floor_macro_f1", floor.macro_f1.value, n=floor.macro_f1.n, interval=floor.macro_f1.interval)

# %% [markdown]
# ## Training
# Once for each seed. Validation stops it, fits the temperature, and for many labels tunes a threshold each; the test
# side is looked at once, below.

# %%
settings = replace(about.settings, epochs=epochs) if epochs else about.settings
trained = train_seeds(train, validation, settings, seeds, run.checkpoints, kind=about.kind, labels=label_order)
record("training_seconds", float(np.mean([one.seconds for one in trained])), unit="s", n=len(trained))
history = [{"seed": one.seed, **line} for one in trained for line in one.model.history]
run.write_jsonl("metrics.jsonl", history)

# %% [markdown]
# A curve that still climbs at its end asks for more epochs; one that falls was stopped at its best evaluation.

# %%
curves = pd.DataFrame(history).pivot(index="epoch", columns="seed", values="score")
show(
    lines(curves.index, {f"seed {s}": curves[s] for s in curves}, x="epoch", y="score on validation"),
    title="Validation score by epoch",
)

# %% [markdown]
# The first seed is the one that is kept: choosing the best of several on the test side would be choosing by luck.

# %%
with run.new_folder("model") as folder:
    trained[0].model.save(folder)

# %% [markdown]
# ## What it is worth on messages it never saw

# %%
name = about.settings.model
tables = (
    []
    if about.kind == "values"
    else [
        predictions_table(one.model, sides[side], name=name, split=side, seed=one.seed)
        for one in trained
        for side in ("validation", "test")
    ]
)

# %% [markdown]
# Validation predictions are kept beside those of test: stage `serving` evens out channels on them, and thresholds are
# chosen on them. Nothing is chosen on test.

# %%
predictions = (
    pd.concat([*tables, *floor_rows], ignore_index=True) if tables else pd.DataFrame(columns=PREDICTIONS_SCHEMA.names)
)
run.write_table("predictions", predictions, PREDICTIONS_SCHEMA)
ours = predictions[(predictions["model"] == name) & (predictions["split"] == "test")]

# %% [markdown]
# Numbers such as valence have no classes to be right about. They are judged by how they rise and fall with the truth
# (correlation) and how far off they are (error), beside ridge regression on words.

# %%
if about.kind == "values":
    answers = {f"{name}, seed {one.seed}": one.model.values(test.texts) for one in trained}
    answers = value_floors(train, label_order, test.texts) | answers
    values = values_table(answers, label_order, sides["test"])
    run.write_table("values", values, VALUES_SCHEMA)
    ranked = value_score_table(values, seed=seed)
    display(ranked.round(3))

# %%
if about.kind == "values":
    for row in ranked[ranked["model"].isin(["TF-IDF", f"{name}, seed {seeds[0]}"])].itertuples():
        whose = "floor" if row.model == "TF-IDF" else "test"
        record(f"{whose}_correlation_{row.number.lower()}", row.correlation, n=row.n, interval=(row.low, row.high))
        record(f"{whose}_error_{row.number.lower()}", row.error, n=row.n)
    shown = ranked.dropna(subset="correlation")
    places = [f"{row.number}: {row.model}" for row in shown.itertuples()]
    bounds = (shown[column].tolist() for column in ("correlation", "low", "high"))
    show(intervals(places, *bounds, x="correlation with the truth on test"), title="The encoder beside its floor")

# %% [markdown]
# Accuracy follows the common labels, macro-F1 counts a rare one as much as a common one; for several labels a message,
# accuracy asks for exactly the right set. Intervals are over groups, because messages of one pattern stand or fall together.

# %%
if about.kind != "values":
    scores = node_scores(ours, kind=about.kind, seed=seed)
    record("test_accuracy", scores.accuracy.value, n=len(sides["test"]), interval=scores.accuracy.interval)
    record("test_macro_f1", scores.macro_f1.value, n=len(sides["test"]), interval=scores.macro_f1.interval)

# %% [markdown]
# Another seed is another training: what lies between them is luck, and no difference smaller than that means anything.

# %%
if about.kind != "values":
    by_seed = {one: node_scores(part, kind=about.kind, seed=seed) for one, part in ours.groupby("seed")}
    f1_of_seeds = [score.macro_f1.value for score in by_seed.values()]
    record("seeds_apart", float(np.ptp(f1_of_seeds)), n=len(by_seed))
    rows_of_seeds = {f"seed {one}": (score.accuracy.value, score.macro_f1.value) for one, score in by_seed.items()}
    display(pd.DataFrame.from_dict(rows_of_seeds, orient="index", columns=["accuracy", "macro-F1"]).round(3))

# %% [markdown]
# Where the intervals below are far apart, nothing more need be said; where they overlap, the paired test decides.

# %%
if floors:
    everyone = {**floor_scores, name: scores}
    estimates = [one.macro_f1 for one in everyone.values()]
    show(
        intervals(
            list(everyone),
            [e.value for e in estimates],
            [e.interval.low for e in estimates],
            [e.interval.high for e in estimates],
            x="macro-F1 on test",
        ),
        title="The encoder beside its floors",
    )

# %% [markdown]
# The same test messages went to both, so the comparison is paired: where one is right and the other wrong.

# %%
if floors:
    ours_first = ours[ours["seed"] == trained[0].seed]
    floor_test = next(table for table in floor_rows if table["model"].iloc[0] == best_floor)
    paired = exact_mcnemar(*((t["label"] == t["predicted"]).to_numpy() for t in (ours_first, floor_test)))
    record("p_value_against_floor", paired.p_value, n=len(floor_test))

# %% [markdown]
# ## Where does it fail?
# The labels with the lowest F1 say what to do next: few messages ask for more of them, many messages and a low F1 ask for a
# better definition, or for two labels to be made one.

# %%
by_label = label_f1_table(ours) if len(ours) else pd.DataFrame(columns=["label", "f1"])
if len(by_label):
    hardest = by_label.head(15)
    record("hardest_label", str(hardest["label"].iloc[0]))
    show(bars(hardest["label"], hardest["f1"].fillna(0), x="F1 on test"), title="The hardest labels")
by_label.head(10)

# %% [markdown]
# ## Can its confidence be believed, and what does refusing buy?
# A calibrated encoder that is 80 % sure is right four times in five. Refusing the unsure messages trades coverage for
# accuracy; what it refuses can go to the LLM (stage `shadow`).

# %%
if len(ours) and about.kind == "single":
    right = (ours["label"] == ours["predicted"]).to_numpy()
    record("calibration_error", expected_calibration_error(ours["confidence"].to_numpy(), right), n=len(ours))
    table = reliability_table(ours["confidence"].to_numpy(), right, bins=10)
    show(reliability({name: (table.confidence, table.share_right)}), title="Confidence against how often it is right")

# %% [markdown]
# A message that belongs to no label gets one all the same, and often a confident one. Only messages from elsewhere show
# how many of them a threshold stops.

# %%
kept_model = trained[0].model
strange = read_messages(run.input(out_of_scope_file), out_of_scope_column) if out_of_scope_file else []
strange = redacted(strange, run, on=redact)
unsure = kept_model.probabilities(strange).max(1) if strange and about.kind != "values" else []

# %% [markdown]
# The curve runs from answering everything, at the right, to answering only what is certain.

# %%
if len(ours):
    coverage = coverage_curve(ours, out_of_scope=unsure)
    enough = coverage[coverage["accuracy"] >= 0.95]
    record("coverage_at_95_percent", float(enough["coverage"].iloc[0]) if len(enough) else 0.0, n=len(ours))
    said = {"accuracy of the answered": coverage["accuracy"]}
    if len(unsure):
        said["messages out of scope answered"] = coverage["accepted_out_of_scope"]
    show(
        lines(coverage["coverage"], said, x="share of messages in scope answered", y="share"),
        title="Coverage against accuracy",
    )

# %% [markdown]
# The threshold that a workflow would use is chosen on validation alone: refuse the least sure few, and see on test and on
# the messages from elsewhere what that is worth.

# %%
if len(unsure):
    of_kept = predictions[(predictions["model"] == name) & (predictions["seed"] == seeds[0])]
    parts = [of_kept[of_kept["split"] == side] for side in ("validation", "test")]
    scope = scope_report(*parts, unsure, answered=answered, seed=seed)
    record("refuse_below", scope.threshold, n=len(parts[0]))
    for quantity in ("answered", "accuracy", "accepted", "separation"):
        estimate = getattr(scope, quantity)
        record(f"scope_{quantity}", estimate.value, n=estimate.n, interval=estimate.interval)

# %% [markdown]
# ## How many labels does it need?
# Common advice says 70 a class at least and 285 to be good. The curve says what holds here: smaller draws are part of the
# larger ones and the test side stays, so a step is what the added messages bring. One draw a size: small steps are luck.

# %%
if curve_sizes:
    learned = learning_curve(train, validation, test, settings, curve_sizes, run.checkpoints)
    show(
        lines(learned["per_class"], {name: learned["accuracy"]}, x="training messages a class", y="accuracy on test"),
        title="Learning curve",
    )
    record("accuracy_of_smallest_draw", learned["accuracy"].iloc[0], n=int(learned["n"].iloc[0]))

# %% [markdown]
# ## Findings

# %% tags=["findings"]
if about.kind == "values":
    for number in label_order:
        say(
            f"On messages it never saw the encoder's {number} correlates {{test_correlation_{number.lower()}}} with the truth, TF-IDF with ridge regression {{floor_correlation_{number.lower()}}}; its mean error is {{test_error_{number.lower()}:.2f}}."
        )
    say("Training took {training_seconds}.")
else:
    say(
        "On messages that it had not seen the encoder is right {test_accuracy:share} of the time, the best floor ({best_floor}) {floor_accuracy:share}; the paired test between them gives p = {p_value_against_floor:.2g}."
    )
    say("Averaged over the labels (macro-F1): encoder {test_macro_f1}, floor {floor_macro_f1}.")
    if paired.p_value >= 0.05:
        say("It is not shown to be better than that floor, which is cheaper.")
    elif scores.accuracy.value < floor.accuracy.value:
        say("The floor is the better node here: take it, or label messages that are more varied.")
    say(
        "Training took {training_seconds}. At 95 % accuracy it can answer {coverage_at_95_percent:.0%} of the messages; the hardest label is {hardest_label}."
    )
if len(seeds) > 1 and about.kind != "values":
    say("Between the seeds macro-F1 differs by up to {seeds_apart:.3f}.")
if len(unsure):
    say(
        "Refusing below a confidence of {refuse_below:.2f} it answers {scope_answered:share} of the messages and is right on {scope_accuracy:share} of those; of the messages out of scope it still answers {scope_accepted:share}."
    )

# %% [markdown]
# ## Sources
# Temperature scaling: Guo et al. (2017). McNemar's exact test: binomial on the discordant pairs. Focal loss: Lin et al. (2017).

# %%
run.finish()
