# %% [markdown]
# # Tune a support model with several objectives
#
# **Question** · Does tuning make the answers likelier and the heads better than their floors, and which objective pays?
#
# **Inputs** · `examples` and `sources.json` of the stage `sources`; safety prompts
#
# **Outputs** · `adapter` (LoRA and heads, safetensors), `train_metrics.jsonl`, `eval_metrics.jsonl`, `test_predictions`, `ledger.csv`, optionally `merged`
#
# **Cost** · a step of the small model takes 0.2 s on one core; a 3B base in 4 bits needs a GPU

# %%
import json
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from shared.data import redacted
from shared.exports import Decoding, Models, Prompt, answer_all, is_refusal, read_prompts
from shared.figures import intervals, lines, show
from shared.models import load_tokenizer
from shared.runs import begin, record, say
from shared.sft import (
    EVAL_METRICS,
    GIB,
    TRAIN_METRICS,
    BaseModel,
    Collator,
    SafetyTeacher,
    Score,
    Training,
    answer_losses,
    available_bytes,
    capped,
    compare_ablations,
    heads_metrics_during_training,
    load_base,
    load_tuned,
    majority_predictions,
    measured_ledger,
    merge,
    mixture_report,
    peak_bytes,
    predict_heads,
    predict_memory,
    require_ablations,
    require_memory,
    require_teacher,
    run_ablations,
    save_plain,
    save_tuned,
    score_heads,
    split_of,
    tfidf_predictions,
    tokenise_safety,
    train,
    write_metrics,
)
from shared.stats import paired_difference, wilson_interval

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read; empty = every earlier stage of the run
seed: int = 0  # of sampling, adapter, heads and bootstrap
method: Literal["lora", "full"] = "lora"  # tune an adapter, or every weight
quantisation: Literal["nf4", "none"] = "nf4"  # how the base is held: 4 bits with double quantisation, or in `precision`
precision: Literal["auto", "bf16", "fp16", "fp32"] = "auto"  # of arithmetic; auto = the fast one of this machine
steps: int = 200  # optimiser steps, in [1, 1000000]
batch_size: int = 8  # examples a forward pass and device, in [1, 4096]
accumulation: int = 1  # forward passes a step, in [1, 4096]
learning_rate: float = 2e-4  # peak, in (0, 1]
warmup_ratio: float = 0.03  # share of steps, in [0, 1)
scheduler: str = "cosine"  # name of a transformers scheduler: cosine, linear, constant_with_warmup
clip: float = 1.0  # largest gradient norm, in (0, inf]
weight_decay: float = 0.0  # of AdamW, in [0, 1]
optimiser: str = "auto"  # auto = paged 8-bit AdamW on a GPU, AdamW on a CPU; or a transformers name
gradient_checkpointing: bool = False  # less memory for about a third more time
lora_rank: int = 16  # in [1, 1024]
lora_alpha: int = 32  # in [1, 4096]
lora_dropout: float = 0.05  # in [0, 1)
loss_weights: dict[str, float] = {
    "lm": 1.0,
    "emotion": 1.0,
    "strategy": 1.0,
    "valence_arousal": 1.0,
}  # λ of each task, 0 leaves it out
learn_weights: bool = False  # learn a log-variance for each task on top of λ
head_examples: int = 4000  # training prompts on which the heads are fitted before the first step and after the last; 0 = not
alpha: float = 0.5  # mixture exponent: a corpus of n examples is drawn proportionally to n^alpha, in (0, 1]
max_train_examples: int = 0  # cap on training examples; 0 = all
max_eval_examples: int = 0  # cap on held-out examples; 0 = all
eval_every: int = 0  # steps between evaluations of the heads on the validation split; 0 = never
save_every: int = 100  # steps between checkpoints from which a killed run goes on; 0 = none
log_every: int = 10  # steps between rows of train_metrics.jsonl
safety_prompts: str = "data/prompts/safety.jsonl"  # chats with a safe answer, for the safety teacher
safety_weight: float = 0.0  # weight of the divergence to the frozen base on safety prompts, in [0, 1000]
safety_every: int = 1  # steps between two safety batches
memory_limit_gib: float = 0.0  # training is refused above it; 0 = what the device has free
without_teacher: bool = False  # also train without the safety teacher, and count what both decline
redteam: str = "data/prompts/redteam.jsonl"  # prompts that should be declined, for without_teacher
ablations: list[str] = []  # also train without tasks: no_emotion, no_strategy, no_valence_arousal, lm_only
seeds: list[int] = [0, 1, 2]  # of the ablations' paired trainings
write_merged: bool = False  # also write the model with its adapter worked in, as an ordinary causal LM
redact: bool = False  # replace names, numbers and addresses of what is read from outside, before anything is computed

# %%
run = begin("sft", globals())

# %% [markdown]
# ## What is trained, and how it is mixed
# Corpora differ in size by a factor of ten. With probability proportional to n^α a small corpus is seen more often than its size alone would give it, and the order is fixed before the first step, so that a resumed run sees what an uninterrupted one would.

# %%
sources = json.loads(run.find("sources.json").read_text(encoding="utf-8"))
table = run.table("examples")
train_rows = capped(split_of(table, "train"), max_train_examples, seed)
test_rows = capped(split_of(table, "test"), max_eval_examples, seed)

# %% [markdown]
# The base is either the small model that stage `sources` made, or a hub id or folder; its quantisation is part of what is trained.

# %%
base_name = str(run.find("base")) if sources["base_model"] == "new" else sources["base_model"]
base = BaseModel(base_name, quantisation, precision, len(sources["emotions"]), len(sources["strategies"]), seed)
training = Training(
    steps, batch_size, accumulation, learning_rate, warmup_ratio, scheduler, clip, weight_decay, optimiser,
    gradient_checkpointing, method, lora_rank, lora_alpha, lora_dropout, loss_weights, learn_weights,
    head_examples, alpha, safety_weight, safety_every, eval_every, save_every, min(log_every, steps), seed,
)  # fmt: skip

# %% [markdown]
# Everything that can be refused is refused before the first step.

# %%
training.check()
require_ablations(ablations)
if without_teacher:
    require_teacher(training)

# %% [markdown]
# ## Will it fit?
# The ledger counts every component from the configuration alone. What cannot fit is refused here, not after an hour.

# %%
longest = int(train_rows["input_ids"].map(len).max())
supervised = float(np.mean([(np.asarray(w) > 0).mean() for w in train_rows["weights"]]))
ledger = predict_memory(base, training, tokens=longest, supervised=supervised)

# %% [markdown]
# If the prediction exceeds what there is, the stage ends here and says what to lower.

# %%
predicted = require_memory(ledger, available_bytes(memory_limit_gib), training, base, longest)
print(f"predicted {predicted / GIB:.3f} GiB; longest example {longest} tokens, {supervised:.0%} of tokens supervised")

# %% [markdown]
# ## Training
# The LM head runs on supervised positions only. The heads read the hidden state of the last prompt token, which has seen nothing of the answer. That state is nearly the same after every prompt, since all prompts end alike, so it is centred and scaled as on training prompts, and the heads are fitted on it before the first step and once more after the last.

# %%
tokenizer = load_tokenizer(base_name)
safety_lines = run.input(safety_prompts).read_text(encoding="utf-8").splitlines()
safety_chats = redacted([json.loads(line) for line in safety_lines], run, on=redact)
safety_rows = tokenise_safety(safety_chats, tokenizer, max_length=sources["max_length"])

# %% [markdown]
# Two thirds of the safety prompts may be taught; the rest measures what was kept without being taught.

# %%
taught, unseen = safety_rows[: len(safety_rows) * 2 // 3], safety_rows[len(safety_rows) * 2 // 3 :]
teacher = SafetyTeacher(taught, padding=sources["padding"], batch_size=batch_size)
valid_rows = capped(table[table["split"] == "valid"].reset_index(drop=True), max_eval_examples, seed)
evaluate = heads_metrics_during_training(valid_rows, padding=sources["padding"]) if eval_every else None

# %% [markdown]
# From here on it takes as long as it takes; a killed training goes on from its last checkpoint, bit by bit.

# %%
trained = train(
    base,
    training,
    train_rows,
    padding=sources["padding"],
    folder=run.checkpoints / "main",
    safety=teacher,
    evaluate_heads=evaluate,
)

# %% [markdown]
# Which corpus was really drawn how often? The realised shares are counted from the order that the training used.

# %%
mixture = mixture_report(list(train_rows["source"]), trained.order, alpha)
mixture.round(3)

# %% [markdown]
# Target and realised shares agree up to sampling. Passes above one are examples seen again.

# %%
write_metrics(run.checkpoints, trained.history)
run.write_text(TRAIN_METRICS, (run.checkpoints / TRAIN_METRICS).read_text(encoding="utf-8"))
run.write_text(EVAL_METRICS, (run.checkpoints / EVAL_METRICS).read_text(encoding="utf-8"))

# %% [markdown]
# The logs are kept as they were written. For the eye, the losses of each task:

# %%
history = pd.DataFrame([row for row in trained.history if "loss" in row])
curves = {name: history[name] for name in history if name.startswith("loss_")}

# %% [markdown]
# A loss that stays where it began marks a task that learns nothing; one that falls to zero while the test scores below stand still is learning by heart.

# %%
show(
    lines(history["step"], curves, x="optimiser step", y="loss (nats; squared error for ratings)"),
    title="Loss of each task",
)

# %% [markdown]
# ## Do the tasks pull in step?
# The norm of each task's own gradient where their paths meet, at the last hidden state. A task that is orders of magnitude above the others drowns them, whatever its λ.

# %%
norms = {name: history[name] for name in history if name.startswith("gradient_")}
show(
    lines(history["step"], norms, x="optimiser step", y="gradient norm at the last hidden state"),
    title="How hard each task pulls",
)

# %% [markdown]
# With `eval_every` the heads were looked at on the way, on the validation split and without the LM head: what still rises at the end has not been trained long enough.

# %%
evaluated = pd.DataFrame([row for row in trained.history if any(k.startswith("eval_") for k in row)])
held = {name.removeprefix("eval_"): evaluated[name] for name in evaluated if name.startswith("eval_")}
if held:
    show(
        lines(evaluated["step"], held, x="optimiser step", y="accuracy, macro-F1 or correlation"),
        title="Heads on the validation split",
    )

# %% [markdown]
# ## Heads beside their floors
# The same test examples for the heads, for the majority (or mean), and for TF-IDF of the last three turns with a linear model. With an adapter also for the heads as they were fitted on the untuned base: what tuning added to what could be read before.

# %%
padding = sources["padding"]
heads = predict_heads(trained.model, test_rows, padding=padding)
systems = {
    "heads": heads,
    "TF-IDF": tfidf_predictions(train_rows, test_rows),
    "majority": majority_predictions(train_rows, test_rows),
}

# %% [markdown]
# With the adapter switched off the model answers as the base, with the heads that were fitted on it before the first step.

# %%
if method == "lora":
    with trained.model.disable_adapter():
        systems["base"] = predict_heads(trained.model, test_rows, padding=padding)

# %% [markdown]
# Classes by accuracy and macro-F1, ratings by correlation; each with its interval over conversations.

# %%
scores = pd.DataFrame(
    [s for name, p in systems.items() for s in score_heads(p, test_rows, name, seed=seed)], columns=Score._fields
)
scores.round(3)

# %% [markdown]
# The same as a picture, floors beside the heads: overlapping intervals of two systems on the same examples do not prove that they are equal, but a head whose interval lies below a floor has failed.

# %%
names = scores["task"].astype(str) + " " + scores["metric"].astype(str) + ", " + scores["system"].astype(str)
ranked = scores.assign(name=names).sort_values(["task", "metric", "system"])
if len(ranked):
    show(
        intervals(
            ranked["name"].tolist(), ranked["value"], ranked["low"], ranked["high"],
            x="score on the test split (95 % interval over conversations)",
        ),
        title="Heads and floors",
    )  # fmt: skip

# %% [markdown]
# ## Are the answers likelier?
# Negative log-likelihood of the test answers under the base and under the tuned model, answer by answer.

# %%
tuned_losses = answer_losses(trained.model, test_rows, padding=padding)
if method == "lora":
    with trained.model.disable_adapter():
        base_losses = answer_losses(trained.model, test_rows, padding=padding)
else:
    base_losses = answer_losses(load_base(base), test_rows, padding=padding)

# %% [markdown]
# A gain of zero says that the model was moved without learning anything about such answers.

# %%
gain = paired_difference(base_losses, tuned_losses, test_rows["conversation_id"].to_numpy(), seed=seed).estimate

# %% [markdown]
# ## What the safety teacher holds
# Divergence of the tuned model from the frozen base on safety prompts that were never taught. Whether refusals survive is counted in the stage `exports`.

# %%
drift = (
    SafetyTeacher(unseen, padding=padding, batch_size=batch_size).mean_divergence(trained.model)
    if method == "lora"
    else float("nan")
)
if method == "lora":
    print(f"{drift:.4f} nats a token on {len(unseen)} unseen safety prompts, weight {safety_weight:g}")

# %% [markdown]
# A divergence is not a refusal. So, if asked, the same training runs once more without the teacher, and base, taught and untaught model answer the same prompts that should be declined: red-team prompts and the safety prompts that were held back.

# %%
if without_teacher:
    alone = train(
        base, replace(training, safety_weight=0.0), train_rows, padding=padding, folder=run.checkpoints / "untaught"
    )
    with run.new_folder("adapter_untaught") as folder:
        save_tuned(
            alone, base, training, folder, {"emotions": sources["emotions"], "strategies": sources["strategies"]}
        )
    record(
        "safety_drift_untaught",
        SafetyTeacher(unseen, padding=padding, batch_size=batch_size).mean_divergence(alone.model),
        unit="nats a token",
        n=len(unseen),
    )

# %% [markdown]
# ## The ledger, measured
# What the weights, the optimiser's state and one batch's activations really took.

# %%
batch = Collator(padding)(
    train_rows.loc[train_rows["input_ids"].map(len).nlargest(batch_size).index].to_dict("records")
)
found = measured_ledger(ledger, trained.model, batch, trained.optimiser_bytes)

# %% [markdown]
# Where the two columns part, the ledger is what has to be mended: it is what refuses a training that would not fit.

# %%
ledger_table = pd.DataFrame(found)
run.write_csv("ledger.csv", ledger_table)
ledger_table.assign(
    predicted=(ledger_table["predicted"] / 2**20).round(2), measured=(ledger_table["measured"] / 2**20).round(2)
)

# %% [markdown]
# Both columns are in MiB. What passes within a step (the LM head's chunks, or a layer that is recomputed) is gone when it ends, so it is predicted only.

# %% [markdown]
# ## Saved, and loaded again

# %%
with run.new_folder("adapter") as folder:
    save_tuned(trained, base, training, folder, {"emotions": sources["emotions"], "strategies": sources["strategies"]})

# %% [markdown]
# What was saved must answer like what was trained.

# %%
again = predict_heads(load_tuned(run.folder / "adapter"), test_rows.head(64), padding=padding)
reload_difference = float(np.abs(again.strategy - heads.strategy[:64]).max())

# %% [markdown]
# ## Does the teacher keep refusals?
# With `without_teacher`: how many of the prompts that should be declined each model declines, by the wording heuristic of the stage `exports` (its error rate stands there).

# %%
if without_teacher:
    held_back = [{"messages": chat["messages"][:-1]} for chat in safety_chats[len(taught) :]]
    unsafe = redacted(read_prompts(run.input(redteam), "redteam"), run, on=redact) + [
        Prompt("held_back", str(i), row["messages"], {}) for i, row in enumerate(held_back)
    ]
    models = Models({"taught": run.folder / "adapter", "untaught": run.folder / "adapter_untaught"})
    answers = answer_all(
        models, unsafe, Decoding(max_new_tokens=32), store=run.checkpoints / "answers.jsonl", batch_size=batch_size
    )
    declined = {
        name: np.array([float(is_refusal(r["response"])) for r in answers if r["model"] == name])
        for name in models.names
    }
    run.write_jsonl("safety_answers.jsonl", answers)

# %% [markdown]
# Counted on the same prompts, and the difference with and without the teacher prompt by prompt:

# %%
if without_teacher:
    for name, values in declined.items():
        record(
            f"declined_{name}",
            float(values.mean()),
            n=len(values),
            interval=tuple(wilson_interval(int(values.sum()), len(values))),
        )
    kept = paired_difference(declined["taught"], declined["untaught"], seed=seed).estimate
    record("declined_taught_minus_untaught", kept.value, n=kept.n, interval=tuple(kept.interval))
    say(
        "Of the prompts that should be declined, the base declines {declined_base}, the taught model {declined_taught}, the untaught one {declined_untaught}: the teacher changes it by {declined_taught_minus_untaught}."
    )

# %% [markdown]
# Every test example is kept with what the heads said and how likely its answer was, for the stage `errors` and for anybody who doubts a figure.

# %%
predictions = test_rows[["example_id", "source", "conversation_id", "emotion_label", "strategy_label"]].assign(
    emotion=heads.emotion.argmax(axis=1), strategy=heads.strategy.argmax(axis=1),
    valence=heads.valence_arousal[:, 0], arousal=heads.valence_arousal[:, 1], base_loss=base_losses, tuned_loss=tuned_losses,
    emotion_probabilities=list(heads.emotion), strategy_probabilities=list(heads.strategy),
)  # fmt: skip
run.write_table("test_predictions", predictions)

# %% [markdown]
# Other tools read no adapter. The merged model works it into the weights that it was trained against, those of the base in 4 bits made whole again; `merge_difference` says how far the two answer alike.

# %%
if write_merged:
    merged = merge(load_tuned(run.folder / "adapter")) if method == "lora" else trained.model
    merged_losses = answer_losses(merged, test_rows.head(64), padding=padding)
    record("merge_difference", float(np.nanmax(np.abs(merged_losses - tuned_losses[:64]))), unit="nats")
    with run.new_folder("merged") as folder:
        save_plain(merged, base, folder)

# %% [markdown]
# ## Which objective pays?
# The same training without one task, under several seeds, compared example by example. A conversation under all seeds is one unit of the interval; p-values are adjusted for all rows of the table. The interval speaks of other conversations, not of other seeds: a difference below `seed_spread` (the standard deviation over seeds) may be the luck of a seed. A head that was not trained is not compared.

# %%
if ablations:
    runs = run_ablations(
        base,
        training,
        ablations,
        seeds=seeds,
        examples=train_rows,
        held_out=test_rows,
        padding=padding,
        folder=run.checkpoints,
    )
    comparison = compare_ablations(runs.full, runs.ablated, seed=seed)
    run.write_csv("ablations.csv", comparison)
    for row in comparison.itertuples():
        record(f"full_minus_{row.ablation}_{row.measure}", row.difference, n=row.n, interval=(row.low, row.high))

# %% [markdown]
# `better` says which side the difference favours: less error is better, fewer right answers are not.

# %%
if ablations:
    show(
        intervals(
            (comparison["ablation"] + ", " + comparison["measure"]).tolist(),
            comparison["difference"],
            comparison["low"],
            comparison["high"],
            x="full minus ablated (95 % interval over conversations)",
            reference=0.0,
            reference_name="no difference",
        ),
        title="What each objective adds",
    )
comparison.round(4) if ablations else "No ablations were asked for: set ablations, or run the study support_ablations."

# %% [markdown]
# What the findings quote is recorded here with its n and interval.

# %%
for row in scores.itertuples():
    record(
        f"{row.task}_{row.metric}_{row.system.lower().replace('-', '')}",
        row.value,
        n=row.n,
        interval=(row.low, row.high),
    )
record("answer_loss_gain", gain.value, unit="nats a token", n=gain.n, interval=tuple(gain.interval))
record("answer_loss_tuned", float(np.nanmean(tuned_losses)), unit="nats a token")
record("safety_drift", drift, unit="nats a token", n=len(unseen))
record("predicted_memory", predicted / GIB, unit="GiB")
record("peak_memory", peak_bytes() / GIB, unit="GiB")
record("reload_difference", reload_difference)
record("steps_per_second", steps / max(trained.seconds, 1e-9), unit="a second")
record("resumed_from", trained.resumed_from)

# %% [markdown]
# ## Findings

# %% tags=["findings"]
better = "likelier" if gain.interval.low > 0 else "less likely" if gain.interval.high < 0 else "not shown to be likelier"
say(f"The test answers are {better} than under the base: by {{answer_loss_gain}}.")
if "strategy" in set(scores["task"]):
    say(
        "Strategy of the next answer: accuracy {strategy_accuracy_heads} for the head, {strategy_accuracy_tfidf} for TF-IDF, {strategy_accuracy_majority} for the majority."
    )
if "emotion" in set(scores["task"]):
    say("Emotion: macro-F1 {emotion_macro_f1_heads} for the head, {emotion_macro_f1_tfidf} for TF-IDF.")
if "valence" in set(scores["task"]):
    say("Valence: correlation {valence_correlation_heads} for the head, {valence_correlation_tfidf} for TF-IDF.")
if method == "lora":
    say("On safety prompts that were not taught, the tuned model is {safety_drift} away from the base.")
say(
    "Memory: {predicted_memory} predicted for the step, {peak_memory} peak of the whole process. A reloaded adapter differs by {reload_difference}."
)

# %% [markdown]
# ## Sources
# QLoRA: Dettmers et al. 2023 · uncertainty weighting: Kendall et al. 2018 · mixture sampling by n^α: Conneau and Lample 2019 · forgetting of safety under benign tuning: Qi et al. 2023

# %%
run.finish()
