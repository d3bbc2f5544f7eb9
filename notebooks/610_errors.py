# %% [markdown]
# # Find out where a classifier fails and what would fix most
#
# **Question** · Where are the errors of a classifier, are they the model's or the data's, and what would fix most of them?
#
# **Inputs** · `predictions` and `model` of any classifier stage (`classifier`, `nodes`, `sequence`), and a second run to compare with
#
# **Outputs** · `errors`, `slices.csv`, `review_queue.csv` and `label_studio.json` for people
#
# **Cost** · seconds, plus one short pass of the model for the examples

# %%
import numpy as np
import pandas as pd

from shared.errors import (
    compare_predictions,
    confusion_table,
    find_slices,
    likely_label_errors,
    near_duplicates,
    overlap,
    read_predictions,
    remedies,
    review_queue,
    with_features,
    word_effects,
)
from shared.figures import bars, intervals, show
from shared.models import TextClassifier
from shared.runs import begin, record, say

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read; the newest with predictions is analysed
seed: int = 0  # of the intervals
model: str = ""  # which model of the predictions; "" = the one that is not a floor
compare_with: str = ""  # predictions.parquet of another run on the same items; "" = no comparison
least: int = 10  # clusters (conversations, authors) that a slice must hold, in [2, inf)
examples: int = 8  # errors shown with what they hang on, in [0, 100]
queue_size: int = 60  # items for people, in [0, 100000]
similarity: float = 0.9  # cosine from which two items are near-duplicates, in (0, 1]

# %%
run = begin("errors", globals())

# %% [markdown]
# ## What is there to analyse?
# Predictions on items that the model was not trained on. The text comes from the predictions, or from the turns of the conversation.

# %%
table = run.table("predictions")
turns = run.table("turns") if "message" not in table and run.has("turns.parquet") else None
texts = turns.groupby("conversation_id")["text"].agg(" ".join) if turns is not None else None
found = read_predictions(table, texts, model=model)
rows = with_features(found.rows)
test = rows[rows["split"] == "test"].reset_index(drop=True)
record("items", len(test))
record("error_rate", float((~test["right"]).mean()), n=len(test))

# %% [markdown]
# ## What is taken for what?
# A confusion is a share of its true class, with an interval: a small class makes large shares by chance.

# %%
confusions = confusion_table(test)
top = confusions.head(12)
names = [f"{t} → {p}" for t, p in zip(top["truth"], top["predicted"], strict=True)]

# %%
if names:
    record("commonest_confusion", names[0])
    show(
        intervals(names, top["share"], top["low"], top["high"], x="share of the true class"),
        title="The commonest confusions",
    )

# %% [markdown]
# ## In which slices?
# Every value of every feature and every pair of them is a candidate. Looking at many finds something by chance, so the false-discovery rate is held at 5 %, and whole conversations are compared, not single items.

# %%
features = [name for name in ("length", "confidence_band", "truth") if test[name].nunique() > 1]
slices = find_slices(test, features, least=least)
run.write_csv("slices.csv", slices)
record("slices_looked_at", len(slices))
record("slices_found", int(slices["found"].sum()), n=len(slices))
slices.head(8)

# %% [markdown]
# ## Is it the label?
# Where the model contradicts a label with more confidence than it usually has, the label deserves a second look. Near-duplicates with different labels cannot both be right.

# %%
part = (
    found.probabilities[(rows["split"] == "test").to_numpy()].reset_index(drop=True)
    if found.probabilities is not None
    else None
)
columns = ["item", "text", "truth", "likelier", "margin"]

# %%
noisy = likely_label_errors(test, part, found.labels) if part is not None else pd.DataFrame(columns=columns)
pairs = near_duplicates(rows, similarity=similarity)
contradictions = pairs[pairs["first_truth"] != pairs["second_truth"]]
record("likely_label_errors", len(noisy), n=len(test))
record("contradictions", len(contradictions), n=len(pairs))
noisy.head(8)

# %%
across = pairs[(pairs["first_split"] != pairs["second_split"])]
other = rows.loc[rows["split"] != "test", "text"]
record("test_items_seen_elsewhere", overlap(test["text"], other), n=len(test))
record("near_duplicates_across_splits", len(across), n=len(pairs))

# %% [markdown]
# ## The most confident errors, and what they hang on
# Each word is left out once. A word whose absence flips the answer is a shortcut, or the very reason.

# %%
worst = test[~test["right"]].sort_values("confidence", ascending=False).head(examples)
classifier = TextClassifier.load(run.find("model")) if run.has("model") and len(worst) else None
effects = [word_effects(classifier.probabilities, text) for text in worst["text"]] if classifier else []
strongest = [", ".join(e.words[i] for i in np.argsort(-e.effects)[:3]) for e in effects]
flipped = set(worst["item"][[e.flips for e in effects]]) if effects else set()
record("answers_one_word_flips", len(flipped), n=len(effects))
worst[["text", "truth", "predicted", "confidence"]].assign(hangs_on=strongest if effects else "")

# %% [markdown]
# ## What would fix most?
# Each error counts for the first cause that fits; what no cause explains is left to the model.

# %%
ordered = np.sort(part.to_numpy(), axis=1) if part is not None and part.shape[1] > 1 else None
margins = ordered[:, -1] - ordered[:, -2] if ordered is not None else None
train_counts = rows.loc[rows["split"] == "train", "truth"].value_counts()
contradicted = set(contradictions["first"]) | set(contradictions["second"])

# %%
ranked = remedies(
    test,
    label_errors=set(noisy["item"]),
    contradictions=contradicted,
    margins=margins,
    train_counts=train_counts,
    flipped=flipped,
)
record("first_remedy", str(ranked["remedy"].iloc[0]))
record("errors_it_explains", float(ranked["share"].iloc[0]), n=int(ranked["errors"].sum()))
show(bars(ranked["cause"], ranked["errors"], x="errors"), title="What the errors come from")

# %%
queue = review_queue(test, noisy, size=queue_size)
run.write_table("errors", test[~test["right"]].drop(columns="right"))
run.write_csv("review_queue.csv", queue)
run.write_json("label_studio.json", [{"data": {"message": text}} for text in queue["text"]])
record("queued", len(queue))
ranked

# %% [markdown]
# ## What did a change do?

# %%
if compare_with:
    before = read_predictions(pd.read_parquet(run.input(compare_with)), texts, model=model).rows
    change = compare_predictions(before[before["split"] == "test"], test, seed=seed)
    record("accuracy_gain", change.difference.value, n=change.difference.n, interval=change.difference.interval)
    record("better", len(change.better))
    record("broken", len(change.broken))
    record("change_p_value", change.p_value)

# %% [markdown]
# ## Findings

# %% tags=["findings"]
say(
    "{error_rate:.1%} of {items} test items are wrong; {slices_found:.0f} of {slices_looked_at:.0f} slices are worse than the rest."
)
say(
    "{likely_label_errors:.0f} labels are likely wrong and {contradictions:.0f} near-duplicates contradict each other; {test_items_seen_elsewhere:.1%} of the test items stand elsewhere too."
)
say("Most errors ({errors_it_explains:.0%}) call for this: {first_remedy}. {queued:.0f} items wait for people.")
if compare_with:
    say(
        "Against the other run accuracy changes by {accuracy_gain}; {better:.0f} items got better, {broken:.0f} broke (p = {change_p_value:.2g})."
    )

# %% [markdown]
# ## Sources
# Confident learning: Northcutt, Jiang and Chuang (2021). False-discovery rate: Benjamini and Hochberg (1995). Paired comparison: McNemar's exact test.

# %%
run.finish()
