# %% [markdown]
# # Write better answers from feedback
#
# **Question** · Does a model write a better answer when it sees the user's feedback, or when it simply answers again?
#
# **Inputs** · `feedback_chats.jsonl` of the stage `feedback`, or a file in its layout, and a chat model; or a file of improved conversations, which only goes through exports and fine-tuning
#
# **Outputs** · improved conversations by method, `arms` (all answers to the same contexts), `sft_rows/`, `dpo_pairs.jsonl` and `preference_pairs`, `kto_labels.jsonl`, `arm_exports/`, `not_improved.jsonl`; with remote fine-tuning `models/<input>_finetune_<timestamp>.json`
#
# **Cost** · one request a criticised answer and method; the bill is printed before anything is sent, and answers are cached

# %%
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pandas as pd

from shared.data import redacted, redaction_report
from shared.figures import bars, histogram, show
from shared.improve import (
    FineTune,
    arm_answers,
    arm_exports,
    criticised_answers,
    dpo_pairs,
    fine_tune,
    improve_chats,
    improvement_requests,
    kto_labels,
    pick_by_model,
    pick_by_reference,
    preference_table,
    read_rows,
    sft_rows,
    split_rows,
    write_training_file,
    written_answers,
)
from shared.llm import Prices, Sending, default_cache, estimate_bill, open_chat
from shared.models import encode
from shared.runs import begin, record, say

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read; empty = every earlier stage of the run
seed: int = 0  # of sampling and of the template chat
input: str = ""  # chats to improve, or conversations improved before, as JSON list or JSONL; "" = those of the stage feedback
output: str = "improved_conversations"  # start of the files' names; the method follows when both run
method: Literal["feedback", "alternative", "both"] = "both"  # with the user's feedback, without it, or both
max_conversations: int = 0  # first chats only, for trying out; 0 = all
model: str = "template"  # "template" (no model), "together:<name>", "openai:<name>", a server's name with base_url, or a folder
base_url: str = ""  # an OpenAI-compatible server such as http://localhost:8000/v1
api_key_env: str = ""  # name of the environment variable with the key; "" = the provider's usual one, or none
temperature: float = 0.0  # of the model, in [0, 2]
max_tokens: int = 512  # of an answer, in [1, 100000]
concurrency: int = 4  # requests under way at once, in [1, 256]
delay: float = 0.1  # seconds between the starts of two requests, in [0, 3600]
prompt_price: float = 0.0  # US dollars a million tokens read
completion_price: float = 0.0  # US dollars a million tokens written
dry_run: bool = False  # print the bill and send nothing
picker: Literal["reference", "model"] = "reference"  # best of both: nearer to the reference, or asked of the model
drop_leaks: bool = True  # leave answers that betray the feedback, and truncated ones, out of the training data
valid_share: float = 0.1  # of the training rows for validation and test of the tuning, in [0, 0.5]
remote: Literal["none", "together"] = "none"  # fine-tune remotely on the result
remote_method: Literal["feedback", "alternative"] = "feedback"  # whose answers are trained, where there are both
remote_model: str = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"  # base model at Together
remote_url: str = "https://api.together.ai"  # without /v1
remote_key_env: str = "TOGETHER_API_KEY"  # name of the environment variable with the key
epochs: int = 3  # of remote fine-tuning, in [1, 20]
learning_rate: float = 1e-5  # of remote fine-tuning, in (0, 1]
batch_size: int = 0  # of remote fine-tuning; 0 = the largest
suffix: str = ""  # of the tuned model's name, at most 40 characters
lora: bool = True  # remote: train an adapter instead of all weights
monitor: bool = True  # remote: wait for the job and show its progress
check_interval: float = 30.0  # seconds between two looks at the job
redact: bool = False  # replace names, numbers and addresses of what is read from outside, before anything is computed

# %%
run = begin("improve", globals())

# %% [markdown]
# ## What is there to improve?
# Answers that users praised (UR5) are kept as they are: nothing better is known than what pleased. Answers that they criticised (UR2 with a correction, UR3 without) are replaced. Chats without a verdict of the user teach nothing here.

# %%
source = run.input(input) if input else run.find("feedback_chats.jsonl")
rows = redacted(read_rows(source), run, on=redact)[: max_conversations or None]
criticised = criticised_answers(rows)
record("n_chats", len(rows))
record("n_criticised", len(criticised), n=len(rows))

# %% [markdown]
# A file whose conversations were improved before (they say so in `improved` and `generation_method`) is not improved again: no model is asked, and the stage goes on with checks, exports and fine-tuning.

# %%
written = written_answers(rows)
chats = [] if written else rows
methods = list(written) or (["feedback", "alternative"] if method == "both" else [method])
print(f"{source.name}: {len(rows)} conversations, " + (f"improved before by {' and '.join(written)}" if written else f"to be improved by {' and '.join(methods)}"))

# %% [markdown]
# With `redact`, personal data is replaced before anything is computed. What the rules are worth is then measured here, on generated texts whose personal data is known.

# %%
redaction_report(run)

# %% [markdown]
# ## What will it cost?
# The method `feedback` shows the model conversation, answer and feedback; `alternative` shows the context only, as if it were asked for the first time.

# %%
backend = open_chat(model, base_url=base_url, api_key_env=api_key_env, seed=seed)
prices, cache = Prices(prompt_price, completion_price), default_cache()
asked = {name: improvement_requests(chats, name, temperature=temperature, max_tokens=max_tokens, seed=seed) for name in methods}
bills = {name: estimate_bill(backend, requests, prices=prices, cache=cache) for name, requests in asked.items()}
record("backend", source.name if written else backend.name)
record("cost_at_most", sum(bill.cost for bill in bills.values()), unit="US dollars")
for name, bill in bills.items():
    print(f"{name}: {bill.in_words()}")

# %% [markdown]
# Only now is anything sent. Every reply is kept as soon as it comes, so a killed run pays for nothing twice.

# %%
sending = Sending(concurrency=concurrency, delay=delay if base_url or ":" in model else 0.0)
now = datetime.now(UTC)
to_do = [] if dry_run or written else methods
improved = written or {
    name: improve_chats(chats, backend, name, now=now, temperature=temperature, max_tokens=max_tokens, seed=seed, cache=cache, sending=sending, prices=prices)
    for name in to_do
}
for result in improved.values():
    print(result.ledger.in_words())

# %% [markdown]
# What could not be improved (no reply, a refusal, an empty one) makes no training row and is listed with its reason: a silent gap would look like a smaller corpus.

# %%
for name, result in improved.items():
    run.write_json(f"{output}_{name}.json" if len(methods) > 1 else f"{output}.json", result.rows)
left_out = [{"method": name, **row} for name, result in improved.items() for row in result.not_improved]
run.write_jsonl("not_improved.jsonl", left_out)
record("n_improved", sum(row["improved"] for result in improved.values() for row in result.rows), n=len(criticised) * len(methods))
record("n_unscored", len(left_out), n=len(criticised) * len(methods))
record("cost", sum(result.ledger.cost for result in improved.values()), unit="US dollars")

# %% [markdown]
# ## Does an answer betray what the user said only later?
# A model that is trained on such answers learns to reply to words that nobody has said. Five words in a row from the feedback, or a phrase such as "you are right", raise the flag.

# %%
better = pd.DataFrame([{"method": name, **row} for name, result in improved.items() for row in result.rows if row["improved"]], columns=["method", "conversation_id", "feedback_leak", "truncated", "messages", "original_assistant_response"])
leaks = better[better["feedback_leak"] != ""]
for name in methods:
    of = better[better["method"] == name]
    record(f"leaks_{name}", int((of["feedback_leak"] != "").sum()), n=len(of))
    record(f"truncated_{name}", int(of["truncated"].sum()), n=len(of))
leaks[["method", "conversation_id", "feedback_leak"]].head(10)

# %% [markdown]
# The method `alternative` never saw the feedback, so whatever is flagged there is chance: its rate says how often the flag is wrong. What `feedback` has beyond it are leaks. Length is looked at next, because it is the cheapest way to look better: a judge that likes long answers would reward it.

# %%
lengths = {name: [len(m[-1]["content"]) for m in part["messages"]] for name, part in better.groupby("method")}
originals = [len(answer) for answer in criticised]
show(histogram({"original": originals, **lengths}, x="characters of the answer", y="answers"), title="Length of the answers by arm")

# %% [markdown]
# ## All arms on the same contexts
# Original, with feedback, without it, and the better of both: the comparison is fair only on contexts that every arm answered. The stage `judge` compares them.

# %%
pick = pick_by_reference(encode) if picker == "reference" else pick_by_model(backend, cache=cache, sending=sending)
if len(improved) == 2:
    arms = arm_answers(improved["feedback"].rows, improved["alternative"].rows, pick)
    run.write_table("arms", arms)
    record("n_arm_contexts", arms["conversation_id"].nunique(), n=len(criticised))
    lengths = arms["answer"].astype(str).str.len().groupby(arms["arm"], sort=False).mean()
    show(bars(list(lengths.index), lengths.to_numpy(), x="mean characters of an answer"), title="Arms differ in length, which a judge may like")

# %% [markdown]
# ## Training data
# SFT rows train the last answer only: the turns before it were written by people and by the model that is to get better. Answers that betray the feedback or were cut at their limit are left out of all training data (with `drop_leaks`), and of the pairs those that did not change.

# %%
trained = improved[methods[0]].rows if improved else []
sft = {name: sft_rows(result.rows, drop_leaks=drop_leaks) for name, result in improved.items()}
for name, data in sft.items():
    with run.new_folder("sft_rows" if name == methods[0] else f"sft_rows_{name}") as folder:
        for part, lines in split_rows(data, valid_share=valid_share).items():
            (folder / f"{part}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    record(f"n_sft_{name}", len(data))

# %% [markdown]
# DPO pairs prefer the improved answer to the criticised one. KTO labels are the users' own judgements of the original answers: nobody has judged the improved ones, so they get no label.

# %%
pairs = [{"method": name, **pair} for name, result in improved.items() for pair in dpo_pairs(result.rows)]
run.write_jsonl("dpo_pairs.jsonl", pairs)
run.write_table("preference_pairs", preference_table(pairs))
run.write_jsonl("kto_labels.jsonl", kto_labels(trained))
record("n_dpo_pairs", len(pairs))
record("n_kto_labels", len(trained))

# %% [markdown]
# The same for every arm, on the contexts that all of them answered: models that are trained on them differ by the arm and by nothing else. As a KTO label the arm's own answer counts as good because the arm is on trial; `label_source` says which labels a user gave.

# %%
if len(improved) == 2:
    with run.new_folder("arm_exports") as folder:
        for arm, kinds in arm_exports(arms).items():
            for kind, lines in kinds.items():
                (folder / f"{arm}_{kind}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
                record(f"n_{arm}_{kind}", len(lines))

# %% [markdown]
# ## Fine-tuning elsewhere
# Training data is validated here, because the service's own check only looks at syntax. The record of the job is written as soon as it exists: if this notebook is killed while it watches, running it again finds the job instead of paying for a second one.

# %%
if remote == "together" and improved:
    of = remote_method if remote_method in improved else methods[0]
    name = source.stem if written else f"{output}_{of}"
    with run.new_folder("remote") as folder:
        training = write_training_file(improved[of].rows, folder / f"{name}_training.jsonl")
    training = training._replace(path=run.folder / "remote" / training.path.name)
    print(training.statistics)

# %% [markdown]
# Conversations without an answer of the assistant were left out above and are counted. From here on it costs money: upload, job, and a look at it every `check_interval` seconds until it ends (or none, with `monitor` off).

# %%
if remote == "together" and improved:
    job = FineTune(remote_model, epochs, learning_rate, batch_size or "max", suffix, lora)
    job_record = fine_tune(training, job, record_folder=run.checkpoints, input_name=name, api_key_env=remote_key_env, base_url=remote_url, monitor=monitor, check_interval=check_interval)
    run.write_json(f"models/{Path(job_record['record']).name}", job_record)
    record("remote_status", job_record["status"])

# %% [markdown]
# ## Findings

# %% tags=["findings"]
say("{backend} wrote {n_improved:,.0f} answers in place of {n_criticised:,.0f} criticised ones; {n_unscored:,.0f} are missing. Whether they are better is for the stage judge. Cost: {cost} of at most {cost_at_most}.")
for name in methods:
    say(f"Method {name}: {{leaks_{name}:.0f}} answers betray the feedback, {{truncated_{name}:.0f}} were cut at their limit.")
say("For training: {n_dpo_pairs:,.0f} preference pairs and {n_kto_labels:,.0f} labelled answers.")

# %% [markdown]
# ## Sources
# Feedback as training signal: Don-Yehiya et al. 2024; Liu, Zhang and Choi 2025 · DPO: Rafailov et al. 2023 · KTO: Ethayarajh et al. 2024

# %%
run.finish()
