# %% [markdown]
# # Find out where a classifier fails and what would fix most
#
# **Question** · Where are the errors of a classifier, are they the model's or the data's, and what would fix most of them?
#
# **Inputs** · `predictions` of a classifier stage (`classifier`, `nodes`, `sequence`) or a head of `sft`, with the texts, codes and training items of the stages it read; and a second run to compare with
#
# **Outputs** · `errors`, `errors_by.csv`, `slices.csv`, `remedies.csv`, `review_queue.csv` and `label_studio.json` for people, `changes.csv` of a comparison
#
# **Cost** · seconds, plus short passes of the model for the examples whose words are left out

# %%
from typing import Literal

import numpy as np
import pandas as pd
from IPython.display import display

from shared.data import redacted
from shared.errors import (
    as_sure_as_right,
    changes_by_label,
    compare_predictions,
    confusion_table,
    errors_by,
    explain_errors,
    find_slices,
    gather,
    label_errors_by_chance,
    label_studio_tasks,
    likely_label_errors,
    marked_page,
    near_duplicates,
    overlap,
    read_predictions,
    remedies,
    review_queue,
    slice_features,
    stand_in,
    with_features,
)
from shared.figures import bars, embed, intervals, show
from shared.runs import begin, record, say
from shared.stats import accuracy_estimate

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read; the newest with predictions is analysed
seed: int = 0  # of the intervals
model: str = ""  # which model of the predictions; "" = the one that is not a floor
head: Literal["", "strategy", "emotion"] = ""  # analyse this head of the stage sft instead
compare_with: str = ""  # predictions.parquet of another run on the same items; "" = none
compare_model: str = ""  # model of that other run; without one, another model of the same predictions, such as TF-IDF
least: int = 10  # clusters (conversations, authors) that a slice must hold, in [2, inf)
examples: int = 8  # errors shown with what they hang on, in [0, 100]
passes: int = 400  # texts that the model reads to explain errors, the most confident first, in [0, 1000000]
queue_size: int = 60  # items for people, in [0, 100000]
similarity: float = 0.9  # cosine from which two items are near-duplicates, in (0, 1]
redact: bool = False  # replace names, numbers and addresses of what `compare_with` holds

# %%
run = begin("errors", globals())

# %% [markdown]
# ## What is there to analyse?
# Predictions on items that the model was not trained on. The texts come from the predictions themselves, from what the classifier read, or from the turns of the conversation.

# %%
found = gather(run, model=model, head=head)
rows = with_features(found.predictions.rows, found.facts)
test = rows[rows["split"] == "test"].reset_index(drop=True)
wrong = test[~test["right"]].sort_values("confidence", ascending=False, kind="stable")
has_text = bool(test["text"].str.strip().any())

# %% [markdown]
# Items of one conversation or one author are alike, so every interval below is over such clusters, not over items.

# %%
rate = accuracy_estimate(np.ones(len(test)), (~test["right"]).to_numpy(dtype=float), test["cluster"].to_numpy(dtype=object), seed=seed)
record("stage", f"head {head} of sft" if head else found.stage)
record("items", len(test))
record("clusters", test["cluster"].nunique())
record("error_rate", rate.value, n=rate.n, interval=rate.interval)
say("{items} test items in {clusters} clusters from {stage}; {error_rate} are wrong.")

# %% [markdown]
# ## What is taken for what?
# A confusion is a share of its true class, with an interval: a small class makes large shares by chance.

# %%
confusions = confusion_table(test)
run.write_csv("confusions.csv", confusions)
top = confusions.head(12)
names = [f"{t} → {p}" for t, p in zip(top["truth"], top["predicted"], strict=True)]

# %% [markdown]
# The twelve commonest. Where two intervals overlap, their order is not settled.

# %%
record("commonest_confusion", names[0] if names else "none")
if names:
    show(
        intervals(names, top["share"], top["low"], top["high"], x="share of the true class"),
        title="The commonest confusions",
    )

# %% [markdown]
# ## Errors by what is known of the items
# Length, confidence and true label are always known; speaker, outcome, author, code and corpus where the stages before know them. An interval that reaches the dashed line does not differ from the rest.

# %%
features = slice_features(test)
listed = errors_by(test, features, seed=seed)
run.write_csv("errors_by.csv", listed)
record("features", ", ".join(features) or "none")
most = listed.groupby("feature", sort=False).head(6)

# %% [markdown]
# A value far to the right of the dashed line is where to look first; whether it is more than chance is asked in the next section.

# %%
if len(most):
    labels = most["feature"].str.replace("_", " ") + ": " + most["value"].str.slice(0, 40)
    show(
        intervals(labels.tolist(), most["error_rate"], most["low"], most["high"], x="share of items that are wrong", reference=rate.value, reference_name="all items"),
        title="Error rate by feature, the six highest values of each",
    )

# %% [markdown]
# ## In which slices?
# Every value of every feature and every pair of them is a candidate. Looking at many finds something by chance, so the false-discovery rate is held at 5 %, and whole clusters are compared, not single items. That unsure answers are wrong more often is no news; a slice without a confidence band is.

# %%
slices = find_slices(test, features, least=least)
run.write_csv("slices.csv", slices)
record("slices_looked_at", len(slices))
record("slices_found", int(slices["found"].sum()), n=len(slices))
slices.head(8)

# %% [markdown]
# ## Is it the label?
# Where the model contradicts a label with more confidence than it usually has, the label deserves a second look. That is a suspicion and no proof: on a kind of item that it has never seen, the model may be just as sure and wrong. Even if every label were right, a model as unsure as this one would contradict some of them: only what lies above that number counts as label noise below (first one temperature makes the model as sure as it is right, or overconfidence would pass for wrong labels), and people decide.

# %%
kept = found.predictions.probabilities
stated = kept[(rows["split"] == "test").to_numpy()].reset_index(drop=True) if kept is not None else None
part = as_sure_as_right(test, stated, found.predictions.labels) if stated is not None else None
noisy = likely_label_errors(test, part, found.predictions.labels) if part is not None else pd.DataFrame(columns=["item", "text", "truth", "likelier", "margin"])
by_chance = label_errors_by_chance(test, part, found.predictions.labels) if part is not None else float("nan")
suspected = noisy.head(max(0, round(len(noisy) - by_chance))) if part is not None else noisy
record("likely_label_errors", len(noisy) if part is not None else float("nan"), n=len(test))
record("label_errors_by_chance", by_chance, n=len(test))
record("label_errors_above_chance", len(suspected) if part is not None else float("nan"), n=len(test))
with pd.option_context("display.max_colwidth", 120):
    display(noisy[["text", "truth", "likelier", "margin"]].head(8).round(3))

# %% [markdown]
# Two items that say nearly the same and have different labels cannot both be right: they call for one decision, not for a better model.

# %%
train = found.train.assign(item=[f"train#{i}" for i in range(len(found.train))], split="train")
everything = pd.concat([rows[["item", "text", "truth", "split"]], train], ignore_index=True)
pairs = near_duplicates(everything, similarity=similarity)
both_labelled = (pairs["first_truth"] != "") & (pairs["second_truth"] != "")
contradictions = pairs[both_labelled & (pairs["first_truth"] != pairs["second_truth"])]
contradicted = set(contradictions["first"]) | set(contradictions["second"])
record("near_duplicates", len(pairs) if has_text else float("nan"), n=len(everything))
record("contradictions", len(contradictions) if has_text else float("nan"), n=len(pairs))
if len(contradictions):
    display(contradictions[["first_truth", "second_truth", "first_split", "second_split", "similarity", "text"]].head(6).round(3))

# %% [markdown]
# ## Has training seen the test?
# A test item that stands in train, letter by letter or nearly, measures memory. Where the stage does not tell what it was trained on, this is not scored.

# %%
across = pairs[(pairs["first_split"] != pairs["second_split"]) & ((pairs["first_split"] == "test") | (pairs["second_split"] == "test"))]
other = across["first"].where(across["first_split"] == "test", across["second"])
told = has_text and len(train) > 0
record("test_items_seen_in_train", overlap(test["text"], train["text"]) if told else float("nan"), n=len(test))
record("test_items_nearly_in_another_split", other.nunique() / len(test) if told else float("nan"), n=len(test))
print(f"{len(train):,} training items known" if told else "not scored: the stage does not tell what it was trained on, or has no texts")

# %% [markdown]
# ## The most confident errors, and what they hang on
# Each word is left out once (a piece of neighbouring words, where the text is long). A word whose absence flips the answer is a shortcut, or the very reason. A model that does not read texts has a stand-in: TF-IDF with a linear model, taught the model's own answers.

# %%
linear = stand_in(test["text"].tolist(), test["predicted"].tolist(), test["cluster"].tolist(), seed=seed) if found.probabilities is None else None
asked = found.probabilities or (linear.probabilities if linear else None)
record("explained_by", "the model itself" if found.probabilities else "a linear stand-in" if linear else "nothing")
record("stand_in_agreement", linear.agreement.value if linear else float("nan"), n=len(test) if linear else None)
effects = explain_errors(asked, wrong["text"].tolist(), passes=passes) if asked else []
looked = wrong.head(len(effects))

# %% [markdown]
# Orange words speak for the wrong answer, blue ones against it.

# %%
flips = dict(zip(looked["item"], (one.flips for one in effects), strict=True))
record("answers_one_word_flips", sum(flips.values()), n=len(flips))
shown = looked.head(examples)
if len(shown):
    embed(marked_page(shown, effects[:examples]), title="Words of the most confident errors", height=min(20 + sum(70 + 23 * (min(len(text), 400) // 100) for text in shown["text"]), 900))

# %% [markdown]
# And these are the hardest items, right or wrong: the model hardly prefers one answer to another.

# %%
ordered = np.sort(part.to_numpy(), axis=1) if part is not None and part.shape[1] > 1 else None
margins = ordered[:, -1] - ordered[:, -2] if ordered is not None else None
hardest = test.assign(margin=margins if margins is not None else np.nan).sort_values("margin")
with pd.option_context("display.max_colwidth", 200):
    display(hardest[["text", "truth", "predicted", "confidence", "margin"]].head(examples).round(3))

# %% [markdown]
# ## What would fix most?
# Each error counts for the first cause that fits; what no cause explains is left to the model. `looked_at` says for how many errors the cause was looked for at all.

# %%
ranked = remedies(
    test,
    label_errors=set(suspected["item"]) if part is not None else None,
    contradictions=contradicted if has_text else None,
    margins=margins,
    train_counts=found.train.loc[found.train["truth"] != "", "truth"].value_counts(),
    flips=flips,
)
run.write_csv("remedies.csv", ranked)
record("first_remedy", str(ranked["remedy"].iloc[0]))
record("errors_it_explains", float(ranked["share"].iloc[0]), n=int(ranked["errors"].sum()))

# %% [markdown]
# The longest bar is where the next hour of work belongs; the table says what the work is.

# %%
show(bars(ranked["cause"], ranked["errors"], x="errors"), title="What the errors come from")
with pd.option_context("display.max_colwidth", 200):
    display(ranked.round(3))

# %% [markdown]
# ## What should people look at?
# Likely label errors first, then contradictions, then confident errors. The queue is a CSV with an empty column `label`, and Label Studio's import format.

# %%
queue = review_queue(test, noisy, contradicted, size=queue_size)
run.write_table("errors", wrong[["item", "cluster", "text", "truth", "predicted", "confidence", "split"]])
run.write_csv("review_queue.csv", queue)
run.write_json("label_studio.json", label_studio_tasks(queue))
record("queued", len(queue))
queue["why"].value_counts().rename_axis("why").reset_index(name="items")

# %% [markdown]
# ## What did a change do?
# The same items under another run (`compare_with`) or another model (`compare_model`): `before` is that one, `after` the one analysed here. Both answered the same items, so the difference is taken item by item.

# %%
change = None
if compare_with or compare_model:
    table = redacted(pd.read_parquet(run.input(compare_with)), run, on=redact) if compare_with else run.table("predictions")
    texts = found.predictions.rows.drop_duplicates("cluster").set_index("cluster")["text"]
    before = read_predictions(table, None if "message" in table else texts, model=compare_model).rows
    change = compare_predictions(before[before["split"] == "test"], test, seed=seed)
    record("accuracy_gain", change.difference.value, n=change.difference.n, interval=change.difference.interval)
    record("better", len(change.better), n=change.difference.n)
    record("broken", len(change.broken), n=change.difference.n)
    record("unpaired", change.n_unpaired)
    record("change_p_value", change.p_value, n=change.difference.n)

# %% [markdown]
# A difference near zero can hide that many items changed sides. So what got better and what broke is counted for each label (of many labels the six that lost most and the six that gained most), and shown.

# %%
if change is not None:
    say("Accuracy changes by {accuracy_gain}: {better:.0f} items got better, {broken:.0f} broke; {unpaired:.0f} items are in one of the two only.")
    moved = pd.concat([change.better.assign(change="better"), change.broken.assign(change="broken")], ignore_index=True)
    run.write_csv("changes.csv", moved)
    by_label = changes_by_label(change)
    display(by_label if len(by_label) <= 12 else pd.concat([by_label.head(6), by_label.tail(6)]))
    short = moved.rename(columns={"predicted_first": "before", "predicted_second": "after"})
    with pd.option_context("display.max_colwidth", 160):
        display(short.groupby("change").head(4)[["change", "text", "truth", "before", "after"]])

# %% [markdown]
# ## Findings

# %% tags=["findings"]
say("The stage {stage} answers {error_rate:share} of the test items wrongly; the commonest confusion is {commonest_confusion}. Of {slices_looked_at:.0f} slices of the items {slices_found:.0f} are worse than the rest beyond chance.")
say("What would fix most, {errors_it_explains:.0%} of the errors: {first_remedy}. {queued:.0f} items wait for people in the review queue.")
say("The model confidently contradicts {likely_label_errors:.0f} labels, where {label_errors_by_chance:.0f} were to be expected if every label were right. Pairs of near-duplicates with different labels: {contradictions:.0f}. Test items that stand in train letter by letter: {test_items_seen_in_train:share}.")
say("Leaving out one word turns {answers_one_word_flips} of the errors looked at, explained by {explained_by}.")
if change is not None:
    say("Compared with the run or model before, {better:.0f} items got better and {broken:.0f} broke; accuracy changes by {accuracy_gain}, p = {change_p_value:.2g}.")

# %% [markdown]
# ## Sources
# Confident learning: Northcutt, Jiang and Chuang (2021). False-discovery rate: Benjamini and Hochberg (1995). Paired comparison: McNemar's exact test. Slices: Chung et al. (2019). Leave-one-out: Li, Monroe and Jurafsky (2016).

# %%
run.finish()
