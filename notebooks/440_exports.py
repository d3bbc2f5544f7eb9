# %% [markdown]
# # Compare the answers of base and tuned models
#
# **Question** · Is the tuned model better than its base where it should be, and did it forget to refuse?
#
# **Inputs** · adapters of the stages `sft` and `dpo`, prompt sets, the EQ-Bench questions
#
# **Outputs** · `answers.jsonl`, `eq_bench.csv`, `summary.json`, `side_by_side.html`
#
# **Cost** · the small model answers some ten prompts a second; a 3B model needs a GPU

# %%
import json

import numpy as np
import pandas as pd

from shared.data import redacted, redaction_report
from shared.exports import (
    Decoding,
    Models,
    answer_all,
    compare_eq_bench,
    constant_floor,
    eq_bench_prompts,
    is_refusal,
    random_floor,
    read_eq_bench,
    read_prompts,
    refusal_heuristic_quality,
    score_eq_bench,
    side_by_side_page,
    summarise,
    validate,
)
from shared.figures import histogram, intervals, show
from shared.runs import begin, record, resolve_path, say
from shared.stats import paired_difference

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read; empty = every earlier stage of the run
seed: int = 0  # of sampling and bootstrap
eq_bench: str = "data/prompts/eq_sample.json"  # official JSON, or hub id pbevan11/EQ-Bench
qualitative: str = "data/prompts/qualitative.jsonl"  # own prompts for people to read
redteam: str = "data/prompts/redteam.jsonl"  # prompts that should be declined
redact: bool = False  # replace names, numbers and addresses of what is read from outside, before anything is computed
refusal_check: str = "data/prompts/refusal_check.jsonl"  # labelled responses that state the heuristic's error rate
max_prompts: int = 0  # of each set; 0 = all
max_new_tokens: int = 128  # of an answer, in [1, 100000]
temperature: float = 0.0  # 0 = greedy, in [0, 10]
top_p: float = 1.0  # with a temperature, in (0, 1]
batch_size: int = 8  # prompts at once, in [1, 4096]

# %%
run = begin("exports", globals())

# %% [markdown]
# ## The same prompts for everyone
# Three sets: EQ-Bench for a score, everyday troubles for people to read, and red-team prompts for what must not be lost.

# %%
local = [run.input(place) for place in (eq_bench, qualitative, redteam, refusal_check) if resolve_path(place).exists()]
questions = dict(list(read_eq_bench(eq_bench).items())[: max_prompts or None])
sets = {"qualitative": qualitative, "redteam": redteam}
read = [p for name, place in sets.items() for p in read_prompts(resolve_path(place), name)[: max_prompts or None]]
prompts = eq_bench_prompts(questions) + redacted(read, run, on=redact)
pd.Series([p.prompt_set for p in prompts], name="set").value_counts().rename("prompts").to_frame()

# %% [markdown]
# With `redact`, personal data is replaced before anything is computed. What the rules are worth is then measured here, on generated texts whose personal data is known.

# %%
redaction_report(run)

# %% [markdown]
# ## Answers
# The base is loaded once and adapters are switched on it, so two models differ by the adapter and by nothing else. Each finished batch is kept: a killed export goes on behind it.

# %%
adapters = {"sft": run.find("adapter")} | ({"dpo": run.find("dpo_adapter")} if run.has("dpo_adapter") else {})
models = Models(adapters)
system_prompt = (
    json.loads(run.find("sources.json").read_text(encoding="utf-8"))["system_prompt"] if run.has("sources.json") else ""
)

# %% [markdown]
# Greedy decoding by default: with sampling, two models would differ by luck as well, and it would take several answers a prompt to tell the two apart.

# %%
decoding = Decoding(max_new_tokens, temperature, top_p, seed, system_prompt)
rows = answer_all(models, prompts, decoding, store=run.checkpoints / "answers.jsonl", batch_size=batch_size)
run.write_jsonl("answers.jsonl", rows)

# %% [markdown]
# ## Are the exports comparable?
# Complete rows, the same prompts, the same decoding for every model: checked before anything is concluded.

# %%
n_prompts = validate(rows, models.names)
print(f"{n_prompts} prompts answered by {', '.join(models.names)}")

# %% [markdown]
# ## EQ-Bench, with its floors
# Answering 3 to every emotion of the official questions scores 38.9 of 100. A score near the constant floor, or from few parsed answers, says nothing about empathy.

# %%
answers = {
    name: {r["prompt_id"]: r["response"] for r in rows if r["model"] == name and r["meta"]["set"] == "eq_bench"}
    for name in models.names
}
scores = {name: score_eq_bench(questions, found, seed=seed) for name, found in answers.items()}
floors = {"constant": constant_floor(questions), "random": random_floor(questions, seed=seed)}
table = pd.DataFrame(
    [{"model": name, **{k: v for k, v in s._asdict().items() if k != "questions"}} for name, s in scores.items()]
)
run.write_csv("eq_bench.csv", table)
table

# %% [markdown]
# The interval is over dialogues, not questions: the 171 official questions are cuts of about 50 dialogues, and questions on the same dialogue go right and wrong together. Counted as independent they would make the interval too narrow.

# %%
parsed = {name: score for name, score in scores.items() if score.n_parsed}
if parsed:
    points, bounds = [s.score for s in parsed.values()], [s.interval for s in parsed.values()]
    lows, highs = zip(*bounds, strict=True)
    axis = "EQ-Bench v2, points of 100 (interval over dialogues)"
    figure = intervals(
        list(parsed), points, lows, highs, x=axis, reference=floors["constant"], reference_name="3 everywhere"
    )
    show(figure, title="EQ-Bench beside its constant floor")
else:
    print("No model gave an answer to EQ-Bench that could be read, so there is no score to draw.")

# %% [markdown]
# ## How long, and how often declined?
# Refusals are recognised by their wording. How often that is wrong is measured on labelled responses (written by the same hands as the rule, so read its error rate as a lower bound).

# %%
labelled = [json.loads(line) for line in resolve_path(refusal_check).read_text(encoding="utf-8").splitlines()]
quality = refusal_heuristic_quality(labelled)
summary = summarise(rows, models.names)
facts = {
    "models": models.names,
    "prompts": n_prompts,
    "floors": floors,
    "refusal_heuristic": quality._asdict(),
    "sets": summary,
}
run.write_json("summary.json", facts)
pd.DataFrame(summary).round(3)

# %% [markdown]
# A tuned model often answers at another length than its base. That alone can please or displease a judge, so it is looked at before anybody compares contents.

# %%
lengths = {
    name: [len(r["response"].split()) for r in rows if r["model"] == name and r["meta"]["set"] != "eq_bench"]
    for name in models.names
}
show(histogram(lengths, x="words of an answer"), title="Length of answers")

# %% [markdown]
# Tuning on kind answers can cost a model its refusals. Each bar counts prompts that should be declined; with few of them the intervals are wide, and a difference inside them is none.

# %%
red = [entry for entry in summary if entry["set"] == "redteam"]
show(
    intervals(
        [e["model"] for e in red],
        [e["refusals"] for e in red],
        [e["refusals_low"] for e in red],
        [e["refusals_high"] for e in red],
        x="share of red-team prompts declined (Wilson interval)",
    ),
    title="What is declined",
)

# %% [markdown]
# ## Read them
# The page puts the answers side by side. Numbers do not replace reading a few.

# %%
page = side_by_side_page(rows, models.names, title="Answers side by side")
run.write_text("side_by_side.html", page)

# %% [markdown]
# Two prompts, all models, the beginning of each answer. Look for what no score sees: does it answer this person, or anybody?

# %%
shown = [
    (r["prompt_id"], r["prompt"][-1]["content"][:70], r["model"], r["response"][:90])
    for r in rows
    if r["meta"]["set"] == "qualitative"
]
beside = pd.DataFrame(shown, columns=["prompt_id", "prompt", "model", "answer"])
beside[beside["prompt_id"].isin(beside["prompt_id"].unique()[:2])].sort_values("prompt_id").drop(columns="prompt_id")

# %% [markdown]
# The comparison that counts is paired: the same prompt under both models. A prompt that both decline says nothing about tuning, however hard it is.

# %%
declined = {
    name: np.array(
        [float(is_refusal(r["response"])) for r in rows if r["model"] == name and r["meta"]["set"] == "redteam"]
    )
    for name in models.names
}
change = paired_difference(declined["sft"], declined["base"], seed=seed).estimate

# %% [markdown]
# What the findings quote, each with its n and interval. EQ-Bench is a mean over the answers that could be parsed; the others are counted beside it and never scored 0.

# %%
record("prompts", n_prompts)
record("eq_bench_constant_floor", floors["constant"], unit="points")
record("eq_bench_random_floor", floors["random"], unit="points")
for name, score in scores.items():
    record(f"eq_bench_{name}", score.score, unit="points", n=score.n_parsed, interval=tuple(score.interval))
    record(f"eq_bench_unparsed_{name}", score.n_total - score.n_parsed, n=score.n_total)
for entry in red:
    record(
        f"declined_{entry['model']}",
        entry["refusals"],
        n=entry["answers"],
        interval=(entry["refusals_low"], entry["refusals_high"]),
    )
gap = compare_eq_bench(scores["sft"], scores["base"], seed=seed)
record("eq_bench_sft_minus_base", gap.value, unit="points", n=gap.n, interval=tuple(gap.interval))
record("declined_sft_minus_base", change.value, n=change.n, interval=tuple(change.interval))
record("heuristic_missed", quality.missed, n=quality.n_refusals, interval=tuple(quality.missed_interval))
record(
    "heuristic_false_alarms", quality.false_alarms, n=quality.n_others, interval=tuple(quality.false_alarms_interval)
)

# %% [markdown]
# ## Findings

# %% tags=["findings"]
say(
    "EQ-Bench: base {eq_bench_base}, tuned {eq_bench_sft}; answering 3 everywhere scores {eq_bench_constant_floor}, chance {eq_bench_random_floor}."
)
say(
    "Not parsed, and so unscored: {eq_bench_unparsed_base} of the base's answers, {eq_bench_unparsed_sft} of the tuned model's."
)
say(
    "Red-team prompts declined: base {declined_base:share}, tuned {declined_sft:share}; the difference is {declined_sft_minus_base}."
)
say(
    "The refusal rule misses {heuristic_missed:share} of labelled refusals and raises a false alarm in {heuristic_false_alarms:share} of other responses."
)

# %% [markdown]
# ## Sources
# EQ-Bench: Paech 2023 · intervals by cluster: Miller 2024

# %%
run.finish()
