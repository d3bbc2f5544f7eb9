# %% [markdown]
# # Judge which model answers better
#
# **Question** · Does one model answer better than another, by how much, and can the judge be trusted?
#
# **Inputs** · `held_out_chats.jsonl` of the stage `feedback` (or a file of chats), training rows and `arms` of `improve`, two models, a judge
#
# **Outputs** · `comparisons` and `arm_comparisons` (every verdict with its raw text), `verdicts` (for `dpo`), `answers.jsonl`, `figures.csv` (every figure with n and interval), `excluded.csv` (everything left out and why)
#
# **Cost** · an answer a context and model, two verdicts a pair; the bill is printed before anything is sent, and replies are cached

# %%
import json
import random
from functools import partial

import pandas as pd
from IPython.display import display

from shared.data import redacted, redaction_report
from shared.figures import intervals, lines, show
from shared.judge import (
    JUDGE_PROMPT,
    answer_alarms,
    answer_bill,
    answer_contexts,
    arm_pairs,
    bradley_terry,
    check_coverage,
    comparison_schema,
    examine_judge,
    example_verdicts,
    exclusions,
    figure_table,
    held_out_contexts,
    judge_bill,
    judge_by_reference,
    judge_pairs,
    judge_until_decided,
    length_controlled_win_rate,
    pair_answers,
    plan,
    read_alpaca_eval,
    repeatability,
    verdict_in_words,
    verdict_table,
    way_to_the_figures,
    win_rate,
    win_rates_by,
    with_system_prompt,
)
from shared.llm import Prices, Sending, default_cache, open_chat
from shared.models import encode
from shared.runs import begin, record, say
from shared.stats import wilson_interval

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read; empty = every earlier stage of the run
seed: int = 0  # of sampling, bootstrap and the order of judging
conversations: str = ""  # JSONL of chats that end with answer and feedback; "" = those held out by the stage feedback
training_files: list[str] = []  # further JSONL files with messages that a model was trained on
last: int = 1000  # contexts judged at most: the last ones of the file
model: str = "template"  # under test: "template", "together:<name>", "openai:<name>", a server's name, a folder, or "upstream:<folder>"
baseline: str = "original"  # compared with: the same, or "original" = the answers that users reacted to
base_url: str = ""  # server of both models, such as http://localhost:8000/v1
api_key_env: str = ""  # name of the environment variable with its key
max_tokens: int = 512  # of an answer, in [1, 100000]
temperature: float = 0.0  # of both models, in [0, 2]
judge: str = "reference"  # "reference" (offline, similarity to a reference), or a chat model named like the models
judge_url: str = ""  # server of the judge
judge_key_env: str = ""  # name of the environment variable with its key
margin: float = 0.01  # reference judge: cosine similarities closer than this are a tie
stop_early: bool = False  # stop judging as soon as the comparison is decided (anytime-valid)
portion: int = 50  # pairs judged between two looks, in [1, 100000]
alpha: float = 0.05  # chance of a false decision, in (0, 0.5)
repeat_share: float = 0.1  # share of pairs that a chat judge sees again, in [0, 1]
families: dict[str, str] = {}  # model: family, for self-family preference
judge_family: str = ""  # family of the judge
people: str = ""  # JSON of prompt_id: people's score of the model (1, 0.5, 0); "" = none
judge_arms: bool = True  # also compare the arms of the stage improve
annotations: str = ""  # AlpacaEval annotations.json to read as well; "" = none
concurrency: int = 4  # requests under way at once, in [1, 256]
delay: float = 0.5  # seconds between the starts of two requests to a server, in [0, 3600]
prompt_price: float = 0.0  # of both models, US dollars a million tokens read
completion_price: float = 0.0  # of both models, US dollars a million tokens written
judge_prompt_price: float = 0.0  # of the judge, US dollars a million tokens read
judge_completion_price: float = 0.0  # of the judge, US dollars a million tokens written
replicates: int = 10000  # of the bootstrap, in [100, 1000000]
coverage_repetitions: int = 200  # simulated studies for the check of the intervals, in [1, 100000]
redact: bool = False  # replace names, numbers and addresses of what is read from outside, before anything is computed

# %%
run = begin("judge", globals())

# %% [markdown]
# ## Which contexts are held out?
# The last conversations, without the answer and the feedback. None may occur in a training file, by id or by content; what is left out is listed with its reason. If a model was tuned under a system prompt, all models get the same one here.

# %%
source = run.input(conversations) if conversations else run.find("held_out_chats.jsonl")
chats = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
trained_on = [run.input(text) for text in training_files]
trained_on += [path for name in ("sft_rows", "sft_rows_alternative") if run.has(name) for path in sorted(run.find(name).glob("*.jsonl"))]
training = [json.loads(line) for path in trained_on for line in path.read_text(encoding="utf-8").splitlines()]
if run.has("examples.parquet"):
    training += [{"messages": json.loads(text)} for text in run.table("examples")["messages"]]
chats, training = redacted((chats, training), run, on=redact)
held_out = held_out_contexts(chats, training, last=last)
tuned_with = json.loads(run.find("sources.json").read_text(encoding="utf-8")) if run.has("sources.json") else {}
contexts = with_system_prompt(held_out.contexts, tuned_with.get("system_prompt", ""))

# %% [markdown]
# A context that a model was trained on would test its memory. Both counts stand here, so that it can be seen how much was compared with how much.

# %%
record("n_training_conversations", len(training))
record("n_contexts", len(contexts), n=len(chats))
record("n_excluded_contexts", len(held_out.rejected), n=len(chats))
print(f"{len(contexts)} of {len(chats)} chats are contexts to judge on, {len(held_out.rejected)} were left out, {len(training):,} training conversations were looked through")

# %% [markdown]
# With `redact`, personal data is replaced before anything is computed. What the rules are worth is then measured here, on generated texts whose personal data is known.

# %%
redaction_report(run)

# %% [markdown]
# ## What can so many contexts show?
# Before any money is spent: the smallest true difference from 50 % that this number of prompts finds in four of five studies. A third of ties is what judges usually leave, because verdicts that change with the order are ties.

# %%
smallest, power_table = plan(max(len(contexts), 1), alpha=alpha)
record("smallest_detectable_difference", smallest, unit="percentage points", n=len(contexts))
power_table.round(3)

# %% [markdown]
# ## What will it cost?

# %% [markdown]
# The bill is an upper bound: it counts every answer at its token limit, and leaves out what the cache already holds. The judge gets a bill of its own below.

# %%
names = {"model": model, "baseline": baseline}
places = {role: str(run.find(name.removeprefix("upstream:"))) if name.startswith("upstream:") else name for role, name in names.items()}
how = {"temperature": temperature, "max_tokens": max_tokens, "seed": seed}
backends = {role: None if place == "original" else open_chat(place, base_url=base_url, api_key_env=api_key_env, seed=seed) for role, place in places.items()}
prices, cache = Prices(prompt_price, completion_price), default_cache()
for role, backend in ((role, backend) for role, backend in backends.items() if backend is not None):
    print(f"{role}: {answer_bill(backend, contexts, prices=prices, cache=cache, **how).in_words()}")

# %% [markdown]
# Both models get the same contexts, the same limit and the same seed. A context that one of them did not answer is left out for both, and listed.

# %%
remote = bool(base_url or judge_url or any(":" in place for place in (*places.values(), judge)))
sending = Sending(concurrency=concurrency, delay=delay if remote else 0.0)
answers = {role: answer_contexts(backend, contexts, cache=cache, sending=sending, prices=prices, **how) for role, backend in backends.items()}
paired = pair_answers(contexts, answers["model"], answers["baseline"])
record("model", answers["model"].model)
record("baseline", answers["baseline"].model)
record("n_unanswered", len(paired.excluded), n=len(contexts))
run.write_jsonl("answers.jsonl", [{"prompt_id": c["conversation_id"], "model": one.model, "answer": text, "truncated": cut, "problem": why} for one in answers.values() for c, text, cut, why in zip(contexts, one.texts, one.truncated, one.problems, strict=True)])

# %% [markdown]
# ## Are the answers fit to be judged?
# A constant answer once topped a public leaderboard. Constant, duplicate, empty and truncated answers are counted before any verdict is read.

# %%
alarms = answer_alarms({one.model: [text or "" for text in one.texts] for one in answers.values()}, {one.model: one.truncated for one in answers.values()})
raised = alarms[alarms["raised"]]
record("n_alarms", len(raised), n=len(alarms))
record("alarms", "; ".join(f"{row.model} {row.alarm} {row.count} of {row.n}" for row in raised.itertuples(index=False, name="Alarm")) or "none")
alarms

# %% [markdown]
# ## Judging
# Every pair is judged in both orders. Verdicts that differ are a tie; a verdict that cannot be read leaves the pair unscored. The raw text of every verdict is kept in `comparisons`. What the judge is told, or what it computes, is printed: a verdict is only as good as its question.

# %%
judge_prices = Prices(judge_prompt_price, judge_completion_price)
chat_judge = None if judge == "reference" else open_chat(judge, base_url=judge_url, api_key_env=judge_key_env, seed=seed)
ask = partial(judge_by_reference, encode=encode, margin=margin) if chat_judge is None else partial(judge_pairs, chat_judge, cache=cache, sending=sending, prices=judge_prices)
if chat_judge is not None:
    print(judge_bill(chat_judge, paired.pairs, prices=judge_prices, cache=cache).in_words())
print(JUDGE_PROMPT if chat_judge else f"Cosine similarity of an answer to the reference, in the embedding space of the built-in encoder; closer than {margin} is a tie. It measures likeness to one good answer, not help.")

# %% [markdown]
# The order of judging is drawn from the seed. With `stop_early` the judge looks after each portion and stops as soon as the band leaves 50 %; that costs nothing in error, because the band holds at every look (see below).

# %%
stopped = judge_until_decided(ask, paired.pairs, portion=portion if stop_early else max(len(paired.pairs), 1), alpha=alpha, seed=seed)
table = stopped.judged.comparisons
run.write_table("comparisons", table, comparison_schema())
run.write_table("verdicts", verdict_table(paired.pairs, table))
record("judge", stopped.judged.ledger.backend)
costs = [one.ledger.cost for one in answers.values() if one.ledger] + [stopped.judged.ledger.cost]
record("n_spared", stopped.n_spared, n=len(paired.pairs))
print(stopped.judged.ledger.in_words())

# %% [markdown]
# ## Who wins?
# A tie counts a half. Prompts are the independent units: the standard error, the bootstrap and the test all work on whole prompts. Pairs without a verdict are in none of the figures and are counted.

# %%
plain = win_rate(table, replicates=replicates, seed=seed)
record("win_rate", plain.win_rate, unit="%", n=plain.n, interval=plain.interval)
record("standard_error", plain.standard_error, unit="percentage points", n=plain.n_prompts)
record("wins", plain.wins, n=plain.n)
record("ties", plain.ties, n=plain.n)
record("losses", plain.losses, n=plain.n)
record("n_unscored", plain.n_unscored, n=len(table))
record("p_value", plain.p_value, n=plain.n_tested)
record("effect_size", plain.effect_size, unit="standard deviations", n=plain.n_prompts)
record("verdict", verdict_in_words(plain))
pd.Series(plain._asdict() | {"interval": f"{plain.interval.low:.1f} to {plain.interval.high:.1f}"}, name="value").rename_axis("figure").reset_index()

# %% [markdown]
# The plan above assumed a third of ties. With the share that there really was, this is what the comparison could have found; a win rate nearer to 50 % than that would be missed more often than found.

# %%
found, _ = plan(max(plain.n_prompts, 1), tie_share=plain.ties / max(plain.n, 1), alpha=alpha)
record("smallest_detectable_as_judged", found, unit="percentage points", n=plain.n_prompts)
print(f"{plain.ties} of {plain.n} comparisons are ties: a true distance of {found:.1f} percentage points from 50 % is found in four of five studies")

# %% [markdown]
# A few pairs of each kind, with the judge's own words: a figure is only as good as what it counts.

# %%
with pd.option_context("display.max_colwidth", 400):
    display(example_verdicts(table))

# %% [markdown]
# ## Would it win at equal length?
# The win rate is modelled by quality and length difference and read off at equal length. Its standard error comes from repeating the whole fit on prompts drawn anew; taking the spread of fitted values instead gives errors up to seven times too small. Where one side is nearly always longer, equal length is outside the data and the figure is an extrapolation.

# %%
controlled = length_controlled_win_rate(table, seed=seed)
record("win_rate_length_controlled", controlled.win_rate, unit="%", n=controlled.n, interval=controlled.interval)
record("standard_error_length_controlled", controlled.standard_error, unit="percentage points", n=controlled.n)
record("share_longer", controlled.share_longer, n=controlled.n)
record("length_slope", controlled.slope, unit="log-odds", n=controlled.n, interval=controlled.slope_interval)
both = {"as judged": (plain.win_rate, plain.interval), "at equal length": (controlled.win_rate, controlled.interval)}
show(intervals(list(both), [rate for rate, _ in both.values()], [i.low for _, i in both.values()], [i.high for _, i in both.values()], x="win rate (%)", reference=50.0, reference_name="no difference"), title="Win rate as judged and at equal length")

# %% [markdown]
# ## When would it have been decided?
# The band holds at every moment, so one may look after each prompt and stop when it leaves 50 %.

# %%
path_of = stopped.path
record("decided_at", float("nan") if path_of.decided_at is None else path_of.decided_at, unit="prompts", n=plain.n_prompts)
record("p_value_anytime", path_of.p_value[-1] if len(path_of.p_value) else float("nan"), n=plain.n_prompts)
print("The band never left 50 %." if path_of.decided_at is None else f"The band left 50 % after {path_of.decided_at} prompts.")
show(lines(list(range(1, len(path_of.low) + 1)), {"lower bound": path_of.low, "upper bound": path_of.high}, x="prompts judged", y="win rate (%)", markers=False), title="The anytime-valid band narrows with every prompt")

# %% [markdown]
# ## Is the judge any good?
# First position and longer answer should win half of the decided pairs if they are no merit in themselves. A judge that compares with a reference has no order, so its consistency is 1 by construction and says nothing.

# %%
told = json.loads(run.input(people).read_text(encoding="utf-8")) if people else {}
prompt_ids = redacted({"prompt_id": list(told)}, run, on=redact)["prompt_id"]
scores_of_people = dict(zip(prompt_ids, told.values(), strict=True)) or None
panel = examine_judge(table, families=families, judge_family=judge_family, people=scores_of_people)
if chat_judge is not None and repeat_share > 0:
    again = random.Random(seed).sample(paired.pairs, max(1, round(repeat_share * len(paired.pairs))))
    repeated = judge_pairs(chat_judge, again, cache=cache, sending=sending, prices=judge_prices, repeat=1)
    costs.append(repeated.ledger.cost)
    panel["repeatability"] = repeatability(table, repeated.comparisons)
for name, one in panel.items():
    record(name, one.value, n=one.n, interval=one.interval)

# %% [markdown]
# Each dot with its interval and n: where an interval holds 0.5, this many pairs show no leaning, which is not the same as there being none. A leaning towards longer answers is read together with the win rate at equal length.

# %%
leanings = {name: one for name, one in panel.items() if one.n and name != "win_rate_corrected_by_people"}
show(intervals([name.replace("_", " ") for name in leanings], [one.value for one in leanings.values()], [one.interval.low for one in leanings.values()], [one.interval.high for one in leanings.values()], x="share of verdicts or pairs", reference=0.5, reference_name="no leaning"), title="Properties of the judge")

# %% [markdown]
# ## Which arm writes the better answers?
# The arms of the stage `improve` answered the same contexts. Each is compared with the original answer; p-values are adjusted for looking at several arms (Holm), and all arms are ranked together (Bradley-Terry). `best_of_both` was chosen by the same kind of judge that compares it here, so it is expected to lead: its figure is an upper bound, not a finding. These contexts are training contexts.

# %%
against = None
arm_answers = run.table("arms") if judge_arms and run.has("arms.parquet") else pd.DataFrame()
if len(arm_answers):
    judged_arms = ask(arm_pairs(arm_answers))
    arms = judged_arms.comparisons
    print(f"{arms['prompt_id'].nunique()} contexts that all arms answered, {len(arms)} comparisons of two arms, {int(arms['score'].isna().sum())} without a verdict")
    costs.append(judged_arms.ledger.cost)
    run.write_table("arm_comparisons", arms, comparison_schema())
    against = win_rates_by(arms[arms["baseline"] == "original"], "model", replicates=replicates, seed=seed)
    for row in against.itertuples():
        record(f"arm_win_rate_{row.model}", row.win_rate, unit="%", n=row.n, interval=(row.low, row.high))
        record(f"arm_p_holm_{row.model}", row.p_holm, n=row.n_prompts)
    show(intervals(against["model"], against["win_rate"], against["low"], against["high"], x="win rate over the original answer (%)", reference=50.0, reference_name="no difference"), title="Each arm against the original answers")

# %% [markdown]
# The ranking puts all pairs of arms into one model. Its intervals come from contexts drawn anew; arms whose intervals overlap widely share their place.

# %%
if len(arm_answers):
    ranked = pd.DataFrame([one._asdict() | {"low": one.interval.low, "high": one.interval.high} for one in bradley_terry(arms, replicates=300, seed=seed)])
    display(ranked[["model", "win_share", "low", "high", "strength", "n"]].round(2))
    paired_arms = win_rate(arms[(arms["model"] == "alternative") & (arms["baseline"] == "feedback")], replicates=replicates, seed=seed)
    record("arm_alternative_over_feedback", paired_arms.win_rate, unit="%", n=paired_arms.n, interval=paired_arms.interval)

# %% [markdown]
# ## Do these intervals hold what they promise?
# Simulated judges with known truth and a swap consistency like that of real ones. The usual recipe takes swapped games as independent rows and copies strong verdicts; its intervals are beside ours.

# %%
coverage = check_coverage(repetitions=coverage_repetitions, seed=seed)
recipes = {"coverage": coverage.clustered, "coverage_usual_recipe": coverage.naive, "coverage_usual_recipe_at_95": coverage.naive_95}
for name, share in recipes.items():
    record(name, share, n=coverage.repetitions, interval=tuple(wilson_interval(round(share * coverage.repetitions), coverage.repetitions)))
record("simulated_consistency", coverage.consistency)
pd.DataFrame({"recipe": ["both orders combined, prompts resampled", "usual: games as rows, strong verdicts copied", "the usual one at 2.5 and 97.5 %"], "holds the truth": [coverage.clustered, coverage.naive, coverage.naive_95], "studies": coverage.repetitions})

# %% [markdown]
# Judgements made elsewhere go through the same arithmetic: a published win rate that comes out here to the last digit shows that ours is the usual one.

# %%
if annotations:
    alpaca = win_rate(read_alpaca_eval(run.input(annotations)), replicates=replicates, seed=seed)
    record("alpaca_win_rate", round(alpaca.win_rate, 4), unit="%", n=alpaca.n, interval=alpaca.interval)
    record("alpaca_standard_error", round(alpaca.standard_error, 4), unit="percentage points", n=alpaca.n)

# %% [markdown]
# ## Everything on one page
# For checking line by line: how many are left after each step, every figure with its n and interval, and what is not in it and why.

# %%
record("cost", sum(costs), unit="US dollars")
n_scored = int(table["score"].notna().sum())
looked_at = len(held_out.contexts) + len(held_out.rejected)
steps = way_to_the_figures(len(chats), looked_at, len(contexts), len(paired.pairs), len(table), n_scored)
steps

# %% [markdown]
# Each line can be recomputed from `comparisons`: value, interval, n, how many comparisons are not in it, and why. Counts, standard errors and p-values have no interval; that of the effect size is the win rate's, in other units.

# %%
figures = figure_table(plain, controlled, panel, against)
run.write_csv("figures.csv", figures)
with pd.option_context("display.max_colwidth", 400):
    display(figures)

# %% [markdown]
# And everything that is in no figure, by step and reason. The first table says how many must be listed here.

# %%
left_out = exclusions(held_out.rejected, paired.excluded, table)
run.write_csv("excluded.csv", left_out)
print(f"{len(left_out)} left out in all; excluded.csv lists each of them")
left_out.groupby(["step", "reason"]).size().reset_index(name="n") if len(left_out) else None

# %% [markdown]
# ## Findings

# %% tags=["findings"]
say("{model} {verdict} {baseline}: it wins {win_rate} of comparisons, ties counted a half; judged by {judge}. Wins {wins:.0f}, ties {ties:.0f}, losses {losses:.0f}; p = {p_value:.3g}, effect {effect_size}.")
say("At equal length: {win_rate_length_controlled}; the model's answer is the longer one in {share_longer:.0%} of pairs. With so many prompts and ties a true difference of {smallest_detectable_as_judged} is found in four of five studies.")
say("Unscored pairs: {n_unscored}. Contexts left out: {n_excluded_contexts}; unanswered: {n_unanswered}. Cost: {cost}.")
say("Alarms about the answers, to be weighed before any win rate is believed: {alarms}.")
if chat_judge is not None:
    say("The judge gave the same verdict in both orders in {position_consistency}; the first answer won {first_position_preference}, asked again it agreed with itself in {repeatability}.")
say("Of the decided pairs the longer answer won {longer_answer_preference}.")
say("Share of simulated studies in which our 95 % intervals hold the truth: {coverage}; those of the usual recipe: {coverage_usual_recipe}.")

# %% [markdown]
# ## Sources
# Clustered errors: Miller 2024, "Adding Error Bars to Evals" · length control: Dubois et al. 2024 · anytime-valid intervals: Waudby-Smith and Ramdas 2024 · Bradley and Terry 1952 · Holm 1979 · prediction-powered inference: Angelopoulos et al. 2023 · constant answers: Zheng et al. 2024

# %%
run.finish()
