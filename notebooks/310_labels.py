# %% [markdown]
# # Label messages four ways
#
# **Question** · Where do the labels for a small encoder come from, how many are there of each class, and how far can they be trusted?
#
# **Inputs** · nothing (offline patterns), an LLM server, messages from a CSV or Postgres, or an export of Label Studio or Prodigy
#
# **Outputs** · `labelled` (one row a message: task, label, confidence, source, group), `<task>.csv` in its exchange format, `queue.csv`, `label_studio.json` and `prodigy.jsonl` for people
#
# **Cost** · seconds offline; with an LLM the bill below is printed before anything is sent

# %%
from typing import Literal

import pandas as pd

from shared.data import read_messages, redacted, redaction_report
from shared.figures import bars, show
from shared.labels import (
    LABELLED_SCHEMA,
    Asking,
    HybridRules,
    Wanted,
    annotator_agreement,
    bill_before,
    check_ways,
    count_report,
    from_label_studio,
    generate_offline,
    generate_with_llm,
    hybrid,
    label_messages,
    labelled_table,
    majority_of_people,
    messages_from_postgres,
    paraphrased,
    passages_from_files,
    passages_from_postgres,
    read_label_studio,
    read_prodigy,
    to_label_studio,
    to_prodigy,
    to_task_csv,
    upload_to_label_studio,
    with_word_operations,
    without_near_duplicates,
    without_prompt_leaks,
)
from shared.llm import Prices, Sending, default_cache, open_chat
from shared.models import read_task
from shared.runs import begin, record, say

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read; empty = every earlier one
seed: int = 0  # of patterns, sampling and augmentation
task: str = "intent"  # a task of data/tasks/, or the path of a YAML file: which node is to be replaced
ways: list[Literal["synthetic", "llm", "human"]] = ["synthetic"]  # sources to merge; several = hybrid
llm: str = ""  # chat model such as "openai:gpt-4o-mini" or a served name; "" = offline patterns
base_url: str = ""  # of an OpenAI-compatible server; "" = the provider's own
api_key_env: str = ""  # name of the environment variable that holds the key
prompt_price: float = 0.0  # US dollars for a million tokens read, in [0, inf)
completion_price: float = 0.0  # US dollars for a million tokens written, in [0, inf)
dry_run: bool = False  # True = print the bill, send nothing
concurrency: int = 4  # requests under way at once, in [1, 64]
rag_count: int = 100  # messages that ask the knowledge base (label rag_query), in [0, 100000]
context_count: int = 80  # messages for each other label, in [0, 100000]
chitchat_count: int = 60  # messages of small talk (label chitchat), in [0, 100000]
knowledge: str = ""  # folder of .txt and .md files, or "postgres" for the table general_embeddings_1024
database_url_env: str = "DATABASE_URL"  # name of the variable with the Postgres URL (Supabase included)
messages_csv: str = ""  # messages for the LLM to label
messages_column: str = "message"  # their column
messages_query: str = ""  # or a query whose first column holds them
label_studio_export: str = ""  # JSON export of a Label Studio project
prodigy_export: str = ""  # JSONL that Prodigy's db-out wrote
label_studio_url: str = ""  # server to upload the queue to; "" = only write the file
confident: float = 0.9  # confidence from which a label stands alone, in [0, 1]
similarity: float = 0.9  # cosine from which two messages are the same, in (0, 1]
augment: bool = False  # one variant of each message of a class below the recommended count: a paraphrase by the LLM, offline a word operation
redact: bool = False  # replace names, numbers and addresses of what is read from outside, before anything is computed

# %% [markdown]
# Parameters are checked first, and so is whether every way of labelling has something to work on: a missing export is
# better told now than after an LLM has been paid.

# %%
run = begin("labels", globals())
check_ways(ways, llm=llm, messages=messages_csv or messages_query, annotations=label_studio_export or prodigy_export)

# %% [markdown]
# ## What is to be told apart?
# A task is a list of labels, each with the sentence that an LLM or a person reads. Nothing else decides what a label means.

# %%
about_task = read_task(task)
definitions = about_task.definitions
counts = {
    label: {"rag_query": rag_count, "chitchat": chitchat_count}.get(label, context_count) for label in definitions
}
pd.DataFrame({"label": definitions.keys(), "meaning": definitions.values(), "wanted": counts.values()})

# %% [markdown]
# ## 1. Synthetic messages
# An LLM writes them, asking about passages of the knowledge base where the label is a question. Without an LLM, seeded
# patterns stand in: they prove that the wiring works and say nothing about real users.

# %%
passages = []
if knowledge == "postgres":
    passages = passages_from_postgres(database_url_env, seed=seed)
elif knowledge:
    passages = passages_from_files(run.input(knowledge))
passages = redacted(passages, run, on=redact)
wanted = Wanted(definitions, counts, {"rag_query": passages}, seed)
print(f"{len(passages):,} passages of the knowledge base")

# %% [markdown]
# How the LLM is asked is said once and holds for every way below: so many requests at a time, each answer kept on disk by
# its content. A run that is killed goes on where it was and pays for nothing twice.

# %%
backend = open_chat(llm, base_url=base_url, api_key_env=api_key_env) if llm else None
asking = Asking(backend, Sending(concurrency=concurrency), default_cache(), Prices(prompt_price, completion_price))
ledgers, unscored, sources = [], 0, []

# %% [markdown]
# A generated row belongs to the group of the pattern or the request it came from. Siblings resemble each other, and a test
# set that holds siblings of the training set would measure memory.

# %%
if "synthetic" in ways and backend is None:
    sources.append(generate_offline(about_task.name, counts, seed=seed))
elif "synthetic" in ways and not dry_run:
    made = generate_with_llm(asking, about_task.name, wanted)
    sources.append(made.rows)
    ledgers.append(made.ledger)
    unscored += made.n_unscored

# %% [markdown]
# ## 2. Labels from an LLM
# Messages that exist already get the label that an LLM gives them, with its confidence. An answer that is not exactly a
# known label with a number is *unscored*: it is counted, kept in the cache as it came, and never guessed.

# %%
messages = []
if messages_csv:
    messages = read_messages(run.input(messages_csv), messages_column)
elif messages_query:
    messages = messages_from_postgres(messages_query, database_url_env)
messages = redacted(messages, run, on=redact)
print(f"{len(messages):,} messages to label")

# %%
if "llm" in ways and backend is not None and not dry_run:
    said = label_messages(asking, about_task.name, definitions, messages)
    sources.append(said.rows)
    ledgers.append(said.ledger)
    unscored += said.n_unscored

# %% [markdown]
# The bill: with `dry_run` what it would cost at most, otherwise what it did cost. Answers from the cache are free.

# %%
if backend and dry_run:
    print(bill_before(asking, wanted if "synthetic" in ways else Wanted(definitions, {}), messages).in_words())
for ledger in ledgers:
    print(ledger.in_words())

# %% [markdown]
# ## 3. Labels from people
# A majority of annotators decides; a tie decides nothing. Krippendorff's alpha says how far they agree beyond chance.

# %%
exports = [from_label_studio([])]
if label_studio_export:
    exports.append(read_label_studio(run.input(label_studio_export)))
if prodigy_export:
    exports.append(read_prodigy(run.input(prodigy_export)))
annotations = pd.concat(exports, ignore_index=True)
annotations = redacted(annotations, run, on=redact)
agreement = annotator_agreement(annotations, seed=seed)
record("annotator_alpha", agreement.value, n=agreement.n, interval=agreement.interval)
if "human" in ways:
    sources.append(majority_of_people(annotations, about_task.name))

# %% [markdown]
# With `redact`, personal data is replaced before anything is computed. What the rules are worth is then measured here, on generated texts whose personal data is known.

# %%
redaction_report(run)

# %% [markdown]
# ## Filters: does anything repeat itself, or the prompt?
# A generator repeats itself, and repeats its instructions. Both make a test set look easier than life.

# %%
everything = pd.concat(sources, ignore_index=True) if sources else labelled_table([])
distinct = without_near_duplicates(everything, similarity=similarity) if len(ways) == 1 else None
leak_free = without_prompt_leaks(distinct.kept if distinct else everything, list(definitions.values()))
dropped = pd.concat([distinct.dropped if distinct else leak_free.dropped.head(0), leak_free.dropped])
record("near_duplicates_dropped", len(distinct.dropped) if distinct else 0)
record("prompt_leaks_dropped", len(leak_free.dropped))
dropped[["message", "label", "why"]].head(10)

# %% [markdown]
# ## 4. One label a message
# The rules of the merge, in order: a person's label counts; agreeing sources count; a single source counts from
# the confidence above on; everything else waits for a person.

# %%
merged = hybrid(leak_free.kept, HybridRules(confident=confident))
labelled = merged.labelled
record("labelled_messages", len(labelled))
record("queued_for_people", len(merged.queue))
merged.queue.head(10)

# %% [markdown]
# ## Is there enough of each class?
# Below the minimum a class cannot be learned; below the recommended count the learning curve of stage `nodes` is still steep.
# Augmentation helps a rare class only a little: a variant adds other words, not another thought. It keeps its message's
# group, so that it never stands on the other side of a split.

# %%
report = count_report(labelled, list(definitions), minimum=about_task.minimum, recommended=about_task.recommended)
rare = report.loc[report["verdict"] != "enough", "label"]
if augment:
    scarce = labelled[labelled["label"].isin(rare)]
    told_anew = paraphrased(asking, scarce) if backend and not dry_run else None
    ledgers += [told_anew.ledger] if told_anew else []
    unscored += told_anew.n_unscored if told_anew else 0
    variants = told_anew.rows if told_anew else with_word_operations(scarce, seed=seed)
    labelled = pd.concat([labelled, variants], ignore_index=True)
    report = count_report(labelled, list(definitions), minimum=about_task.minimum, recommended=about_task.recommended)
report

# %% [markdown]
# The smallest class decides, not the sum: a node that never learned one label is wrong on every message of it.

# %%
record("llm_cost", sum(ledger.cost for ledger in ledgers), unit="USD", n=sum(ledger.n for ledger in ledgers))
record("unscored_answers", unscored)
show(bars(report["label"], report["n"], x="messages (count)"), title="Messages of each class")
record("smallest_class", int(report["n"].min()))
record("classes_below_minimum", int((report["verdict"] == "below minimum").sum()), n=len(report))

# %% [markdown]
# What goes on to `nodes` is the table; the CSV is for other tools. What no rule could decide goes to people, as a file for
# Label Studio and one for Prodigy; their export comes back through a parameter of this notebook.

# %%
run.write_table("labelled", labelled, LABELLED_SCHEMA)
run.write_csv(f"{about_task.name}.csv", to_task_csv(labelled) if len(labelled) else labelled)
run.write_csv("queue.csv", merged.queue)
for_people = to_label_studio(merged.queue["message"].tolist())
run.write_json("label_studio.json", for_people)
run.write_jsonl("prodigy.jsonl", to_prodigy(merged.queue["message"].tolist(), list(definitions)))
if label_studio_url and for_people:
    upload_to_label_studio(
        for_people, list(definitions), url=label_studio_url, title=f"Colloquy {about_task.name} {run_version}"
    )

# %% [markdown]
# ## Findings

# %% tags=["findings"]
generator = (
    "an LLM" if backend else "seeded offline patterns, which stand in for an LLM and say nothing about real users"
)
record("generator", generator)
say("{labelled_messages} messages have a label; the synthetic ones come from {generator}.")
say("The smallest class has {smallest_class:.0f} messages; {classes_below_minimum:.0f} classes are below the minimum.")
say(
    "{near_duplicates_dropped:.0f} near-duplicates and {prompt_leaks_dropped:.0f} prompt leaks were dropped, {queued_for_people:.0f} messages wait for people, {unscored_answers:.0f} answers were unscored."
)

# %% [markdown]
# ## Sources
# Krippendorff, *Computing Krippendorff's Alpha-Reliability* (2011). Near-duplicates: cosine of character n-gram TF-IDF vectors.

# %%
run.finish()
