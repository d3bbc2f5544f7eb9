# %% [markdown]
# # Align the tuned model with preferences
#
# **Question** · Does the model learn the preference itself, or only the length of the preferred answers?
#
# **Inputs** · the adapter of the stage `sft`; preference pairs of the stage `improve`, verdicts of a judge, a file, or pairs made from the dialogues
#
# **Outputs** · `dpo_adapter` (safetensors), `dpo_metrics.jsonl`, `dpo_pairs` (one row a held-out pair)
#
# **Cost** · a step of the small model takes half a second on one core

# %%
from typing import Literal

import numpy as np
import pandas as pd

from shared.data import redacted, redaction_report
from shared.dpo import (
    Alignment,
    align,
    check_pairs,
    measure_pairs,
    pairs_of_examples,
    pairs_of_table,
    pairs_of_verdicts,
    read_judged,
    read_pairs,
    save_aligned,
    split_pairs,
    unpaired,
)
from shared.figures import lines, scatter, show
from shared.runs import begin, record, say
from shared.sft import tokenizer_of
from shared.stats import accuracy_estimate, mean_estimate

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read; empty = every earlier stage of the run
seed: int = 0  # of the split, the order and the bootstrap
preferences: str = "data/sample/support/preferences.jsonl"  # file of pairs; "" = the table preference_pairs of an earlier stage; "examples" = made from the dialogues
max_pairs: int = 400  # pairs made from the dialogues of each split, with preferences "examples", in [2, 100000]
verdicts: str = ""  # Parquet of a judge's verdicts (prompt, answer_a, answer_b, winner) to be used as well; "" = none
judgements: str = ""  # file of single judgements (prompt, completion, label) for kto; "" = both answers of each pair
objective: Literal["dpo", "kto"] = "dpo"  # learn from pairs, or from single judgements
loss: str = ""  # a loss of trl, such as ipo or hinge; "" = sigmoid for dpo, kto for kto
beta: float = 0.1  # cost of a drift from the start, in (0, 100]
steps: int = 100  # optimiser steps, in [1, 1000000]
batch_size: int = 4  # pairs or judgements a forward pass, in [1, 4096]
accumulation: int = 1  # forward passes a step, in [1, 4096]
learning_rate: float = 5e-5  # peak, in (0, 1]
max_length: int = 512  # tokens of prompt and answer; longer ones are refused, in [32, 131072]
test_share: float = 0.3  # share of prompts held out, in (0, 1)
max_length_lean: float = 0.9  # refuse pairs if length alone tells the chosen answer more often, in [0.5, 1]
redact: bool = False  # replace names, numbers and addresses of what is read from outside, before anything is computed

# %%
run = begin("dpo", globals())

# %% [markdown]
# ## Are these preferences worth learning?
# A pair with the same answer twice teaches nothing. Pairs in which the chosen answer is always the longer one teach length. A prompt on both sides of the split teaches nothing that the test could show.
#
# Pairs made from dialogues set the supporter's own answer against one of equal length from another conversation: they ask whether an answer belongs to its chat, not whether people like it.

# %%
if preferences == "examples":
    pairs = pairs_of_examples(run.table("examples"), limit=max_pairs, seed=seed)
else:
    pairs = read_pairs(run.input(preferences)) if preferences else pairs_of_table(run.table("preference_pairs"))
if verdicts:
    pairs += pairs_of_verdicts(pd.read_parquet(run.input(verdicts)))

# %% [markdown]
# No prompt may stand on both sides of the split.

# %%
pairs = redacted(pairs, run, on=redact)
train_pairs, test_pairs = split_pairs(pairs, test_share=test_share, seed=seed)

# %% [markdown]
# Refused here: identical answers, prompts on both sides of the split, and pairs in which length alone gives the chosen answer away.

# %%
report = check_pairs(train_pairs, test_pairs, max_length_lean=max_length_lean)
print(
    f"{len(train_pairs)} training and {len(test_pairs)} test pairs; the chosen answer is longer in {report.longer_chosen:.0%}"
)

# %% [markdown]
# With `redact`, personal data is replaced before anything is computed. What the rules are worth is then measured here, on generated texts whose personal data is known.

# %%
redaction_report(run)

# %% [markdown]
# ## Training
# The reference is the SFT adapter as it was, not the untuned base: what is measured is what the preferences add.

# %%
adapter = run.find("adapter")
tokenizer = tokenizer_of(adapter)

# %% [markdown]
# KTO takes single judgements instead of pairs; without a file of its own, every pair gives two.

# %%
alignment = Alignment(objective, loss, beta, steps, batch_size, accumulation, learning_rate, max_length, seed=seed)
judged = redacted(read_judged(run.input(judgements)), run, on=redact) if judgements else unpaired(train_pairs)
aligned = align(adapter, alignment, train_pairs if objective == "dpo" else judged, tokenizer, folder=run.checkpoints)

# %% [markdown]
# The log is kept line by line.

# %%
run.write_jsonl("dpo_metrics.jsonl", aligned.history)

# %% [markdown]
# The rewards are β times the log-ratio to the reference, so all of them begin at zero; only how they part means something.

# %%
history = pd.DataFrame(aligned.history).astype(float)
rewards = {
    name.removeprefix("rewards/"): history[name]
    for name in history
    if name in ("rewards/chosen", "rewards/rejected", "rewards/margins")
}
show(
    lines(
        history["step"], {"loss": history["loss"], **rewards}, x="optimiser step", y="loss; reward (β times log-ratio)"
    ),
    title="Loss and rewards while training",
)

# %% [markdown]
# Watch the chosen answers' reward: if it falls while the margin grows, the model only learns to avoid the rejected ones.

# %% [markdown]
# ## What held-out pairs say

# %%
measured = measure_pairs(aligned.model, test_pairs, tokenizer, beta=beta)
run.write_table("dpo_pairs", measured)
measured[["reward_chosen", "reward_rejected", "margin", "right", "loss", "divergence"]].describe().loc[
    ["mean", "std", "min", "max"]
].round(4)

# %% [markdown]
# Each held-out pair as a dot: how much longer is the chosen answer, and how much more does the model prefer it than before?

# %%
extra_words = measured["chosen_words"] - measured["rejected_words"]
show(
    scatter(
        extra_words,
        measured["margin"],
        x="words that the chosen answer has more",
        y="reward margin",
        labels=measured["prompt"],
    ),
    title="Margin against length",
)

# %% [markdown]
# If the margin simply follows the difference in length, the model has learned to write longer.

# %%
prompts = measured["prompt"].to_numpy()
right = accuracy_estimate(np.ones(len(measured)), measured["right"].to_numpy(), prompts, seed=seed)
margin = mean_estimate(measured["margin"].to_numpy(), prompts, seed=seed)

# %% [markdown]
# How much of the margin is length:

# %%
with_length = (
    float(np.corrcoef(extra_words, measured["margin"])[0, 1])
    if extra_words.std() and measured["margin"].std()
    else float("nan")
)
longer_wins = float((extra_words[extra_words != 0] > 0).mean()) if (extra_words != 0).any() else float("nan")

# %% [markdown]
# The adapter is kept whatever the figures say; the next stage answers with it beside the others.

# %%
with run.new_folder("dpo_adapter") as folder:
    save_aligned(aligned, adapter, folder, alignment)

# %% [markdown]
# The accuracy stands beside the floor of length: a model that only learned to write longer would reach it without having read a prompt.

# %%
record("test_accuracy", right.value, n=right.n, interval=tuple(right.interval))
record("longer_answer_floor", max(longer_wins, 1 - longer_wins), n=int((extra_words != 0).sum()))
record("reward_margin", margin.value, n=margin.n, interval=tuple(margin.interval))
record("test_loss", float(measured["loss"].mean()), unit="nats", n=len(measured))
record("divergence_from_start", float(measured["divergence"].mean()), unit="nats a token", n=len(measured))
record("margin_length_correlation", with_length, n=len(measured))
record("chosen_words", report.mean_chosen_words, unit="words", n=report.n)
record("rejected_words", report.mean_rejected_words, unit="words", n=report.n)

# %% [markdown]
# ## Findings

# %% tags=["findings"]
say(
    "On held-out prompts the aligned model ranks the chosen answer higher {test_accuracy:share} of the time; always taking the longer (or always the shorter) answer is right {longer_answer_floor:share}."
)
say("Reward margin {reward_margin}; test loss {test_loss}, where no learning gives 0.693.")
say(
    "It drifted {divergence_from_start} from the start. Correlation of margin and extra words: {margin_length_correlation}."
)

# %% [markdown]
# ## Sources
# DPO: Rafailov et al. 2023 · KTO: Ethayarajh et al. 2024 · length as a shortcut: Singhal et al. 2023

# %%
run.finish()
