# %% [markdown]
# # Read what users said about answers
#
# **Question** · Which chats hold feedback on an answer, of which kind, and can an encoder find it where nobody labelled it?
#
# **Inputs** · chats whose final user turn reacts to the answer before it, with a legend of the categories
#
# **Outputs** · `feedback_chats.jsonl` (to improve), `held_out_chats.jsonl` (to judge), `feedback` (one row a chat), `rejected.jsonl`
#
# **Cost** · a minute for a thousand chats on a CPU; no language model is asked

# %%
from typing import Literal

import pandas as pd

from shared.data import redacted, redaction_report
from shared.feedback import (
    MEANINGS,
    NONE,
    Fields,
    fit_recogniser,
    quality_of,
    read_chats,
    recognise,
    recognised_rows,
    split_chats,
)
from shared.figures import bars, show
from shared.models import encode
from shared.runs import UserError, begin, record, say

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read; this one reads none
seed: int = 0  # of folds and intervals
chats: str = "data/sample/feedback_chats.json"  # JSON or JSONL of conversations
legend: dict[str, str] = {}  # code: meaning; empty = the file's own legend
field_names: dict[str, str] = {}  # our name: name in the file (conversation_id, messages, category, span, reference)
keep: list[str] = ["UR2", "UR3", "UR5"]  # categories that go on to the stage improve
recogniser: Literal["off", "unlabelled"] = "unlabelled"  # recognise chats without a label
precision: float = 0.95  # share of recognised categories that must be right, in (0.5, 1]; lower it to abstain less
not_feedback: list[str] = ["none"]  # values of `planted` that mean: labelled as no feedback (generated sample only)
test_size: int = 1000  # last chats of the file, kept for judging; at most half of all
max_rejected_fraction: float = 0.05  # share of unusable chats at which the stage stops, in [0, 1]
redact: bool = False  # replace names, numbers and addresses of what is read from outside, before anything is computed

# %%
run = begin("feedback", globals())

# %% [markdown]
# ## What do the codes mean?
# The taxonomy is that of Don-Yehiya et al. (2024). Its published code was off by one until August 2024, so files from that time call things differently. The legend is read, checked and translated by meaning; without a legend this stage stops.

# %%
found = redacted(read_chats(run.input(chats), legend=legend, fields=Fields(**field_names)), run, on=redact)
pd.DataFrame({"code here": found.legend.codes.values(), "code in the file": found.legend.codes.keys(), "meaning": [MEANINGS[c] for c in found.legend.codes.values()]})

# %% [markdown]
# A code that the legend shifts is counted: if it is not zero, the file is from the time of the wrong code, and every category was moved to its true meaning. Chats that cannot be used follow with their line.

# %%
run.write_jsonl("rejected.jsonl", found.rejected)
n_read = len(found.rows) + len(found.rejected)
record("n_rejected", len(found.rejected), n=n_read)
record("n_shifted_codes", len(found.legend.shifted))
pd.DataFrame(found.rejected, columns=["line", "conversation_id", "reason"])

# %% [markdown]
# A few bad chats are life. Many mean that the file is read wrongly, and then every figure below would be about something else.

# %%
if len(found.rejected) > max_rejected_fraction * n_read:
    raise UserError(f"{len(found.rejected)} of {n_read} chats were rejected, first: {found.rejected[0]['reason']}. Mend the file or raise max_rejected_fraction.")

# %% [markdown]
# A chat must end with the user's question, the assistant's answer and the user's reaction. Anything else cannot tell whether an answer was good.

# %% [markdown]
# With `redact`, personal data is replaced before anything is computed. What the rules are worth is then measured here, on generated texts whose personal data is known.

# %%
redaction_report(run)

# %% [markdown]
# ## Which chats will judge?
# The last chats of the file are set aside before anything is learned. A chat with the same context as one of them is left out of training too: the same question with the same answer must not be in both.

# %%
split = split_chats(found.rows, test_size=test_size)
record("n_train", len(split.train))
record("n_held_out", len(split.held_out))
record("n_overlapping", len(split.overlapping), n=len(found.rows))

# %% [markdown]
# ## How often do users react, and how?

# %%
counts = pd.Series([row["category"] or "not labelled" for row in found.rows]).value_counts()
shown = [f"{code} {MEANINGS.get(code, '')}" for code in counts.index]
show(bars(shown, counts.to_numpy(), x="chats"), title="Categories of the final user turn")

# %% [markdown]
# ## Can feedback be recognised where it is not labelled?
# Sentence vectors of the final turn, its similarity to the question and to the answer, and a linear model. It learns from the training chats, is measured on held-out chats, and abstains below the confidence at which it was right often enough on chats it had not seen.

# %%
labelled = [row | {"category": row["category"] or NONE} for row in split.train if row["category"] or row.get("planted") in not_feedback]
unseen = [row | {"category": row["category"] or NONE} for row in split.held_out if row["category"] or row.get("planted") in not_feedback]
if recogniser != "off":
    model = fit_recogniser(labelled, encode, precision=precision, seed=seed)
    quality = quality_of(model, labelled, unseen)
    record("recogniser_accuracy", quality.accuracy.value, n=quality.accuracy.n, interval=quality.accuracy.interval)
    record("recogniser_macro_f1", quality.macro_f1.value, n=quality.macro_f1.n, interval=quality.macro_f1.interval)
    record("recogniser_coverage", quality.coverage, n=len(unseen))
    record("floor_accuracy", quality.floor_accuracy.value, n=quality.floor_accuracy.n, interval=quality.floor_accuracy.interval)

# %% [markdown]
# The floor names the most frequent category for every chat. On the generated sample the phrases repeat between training and test, so these figures show that the method works, not how well it would work on your chats.

# %% [markdown]
# Labels are never overwritten. The recogniser only speaks where people did not, and keeps silent where it is not sure: a wrong label costs more here than a missing one, because it would ask a model to mend a good answer.

# %%
train, held_out = split.train, split.held_out
if recogniser != "off":
    train = recognised_rows(train, recognise(model, train))
    held_out = recognised_rows(held_out, recognise(model, held_out))
table = pd.DataFrame([{**row, "split": name} for name, rows in (("train", train), ("held_out", held_out)) for row in rows])
n_recognised = int((table["source"] == "recognised").sum())
record("n_recognised", n_recognised, n=int((table["source"] != "label").sum()))

# %%
examples = table[table["source"] == "recognised"].head(5)
examples[["conversation_id", "category", "span"]]

# %% [markdown]
# Every span is a part of the user's own words, so that a reader can check the category at a glance.

# %% [markdown]
# ## What goes on

# %%
kept = [row for row in train if row["category"] in keep]
run.write_jsonl("feedback_chats.jsonl", kept)
run.write_jsonl("held_out_chats.jsonl", held_out)
run.write_table("feedback", table[["conversation_id", "split", "category", "source", "confidence", "span"]])
record("n_kept", len(kept), n=len(train))
record("n_negative", sum(row["category"] != "UR5" for row in kept), n=len(kept))

# %% [markdown]
# Without a recogniser its figures are not a number, which is not the same as zero.

# %%
if recogniser == "off":
    for name in ("recogniser_accuracy", "recogniser_macro_f1", "recogniser_coverage", "floor_accuracy"):
        record(name, float("nan"))

# %% [markdown]
# ## Findings

# %% tags=["findings"]
say("{n_kept:,.0f} training chats hold feedback that can be used, {n_negative:,.0f} of them negative; {n_held_out:,.0f} chats are kept for judging.")
say("{n_rejected:,.0f} chats were rejected; {n_overlapping:,.0f} were left out because a held-out chat has the same context.")
say("The recogniser is right {recogniser_accuracy:share} of the time where it answers, on {recogniser_coverage:.0%} of the chats; always naming the most frequent category is right {floor_accuracy:share}.")
say("It added a category to {n_recognised} chats without a label.")

# %% [markdown]
# ## Sources
# Taxonomy: Don-Yehiya, Choshen and Abend 2024, "Naturally Occurring Feedback is Common, Extractable and Useful" · selective answers: Geifman and El-Yaniv 2017

# %%
run.finish()
