# %% [markdown]
# # Read support corpora and look through the mask
#
# **Question** · Are the examples what the model should learn: no label in an input, no wrong token in the loss?
#
# **Inputs** · ESConv, EmpatheticDialogues, GoEmotions, EmoBank or chats, by hub id or local file
#
# **Outputs** · `examples` (tokens, mask, labels), `sources.json` (label names, limits), `rejected.jsonl`, `near_duplicates.csv`
#
# **Cost** · seconds for the sample; the four public corpora in full take about two minutes

# %%
from typing import Any, Literal

import pandas as pd

from shared.data import redacted, redaction_report
from shared.figures import bars, embed, histogram, show
from shared.models import load_tokenizer
from shared.runs import begin, progress, record, resolve_path, say
from shared.sources import (
    EXAMPLES,
    Example,
    Rejected,
    Template,
    bracketed_labels,
    canonical_examples,
    check_canaries,
    examples_table,
    near_duplicates,
    probe_dropped_label,
    read_corpora,
    require_few_rejected,
    require_known_labels,
    require_no_leak,
    require_sound_masks,
    share_of_splits,
    vocabulary,
    warm_up,
    write_new_chat_model,
    xray_page,
)

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read; this one reads none
seed: int = 0  # of probes and of a new model's weights
esconv: str = "data/sample/support/esconv"  # folder or hub id such as thu-coai/esconv; "" = leave out
empathetic: str = "data/sample/support/empathetic"  # folder or hub id such as Adapting/empathetic_dialogues_v2; "" = leave out
go_emotions: str = "data/sample/support/go_emotions"  # folder or hub id google-research-datasets/go_emotions; "" = leave out
emobank: str = "data/sample/support/emobank"  # folder or file; "" = leave out
messages: str = ""  # folder of chats as JSONL with messages of role, content and optional weight, or "upstream:sft_rows"; "" = leave out
base_model: str = "data/models/chat"  # hub id or folder whose tokenizer and template are used; "new" = make a small untrained one
new_vocabulary: int = 2048  # tokens of a new model's tokenizer, in [512, 65536]
new_width: int = 128  # hidden size of a new model, a multiple of 64
new_layers: int = 4  # layers of a new model, in [1, 48]
new_steps: int = 0  # steps in which a new model reads the training chats; 0 = its weights stay random, in [0, 100000]
system_prompt: str = "You are a kind listener."  # first message of every chat; "" = none
template_options: dict[str, Any] = {}  # variables of the chat template, such as enable_thinking: false
max_length: int = 512  # tokens of an example; older turns are cut first, in [32, 131072]
loss_on: Literal["last_assistant_turn", "all_assistant_turns", "message_weight"] = "last_assistant_turn"  # which turns are trained
leak_tolerance: float = 0.02  # accuracy that a probe may gain from inputs over words, in [0, 1]
duplicate_threshold: float = 0.8  # Jaccard similarity of word 5-grams that makes a near-duplicate, in (0, 1]
max_rejected_fraction: float = 0.01  # share of unusable rows at which the stage stops, in [0, 1]
shown_examples: int = 6  # examples in the x-ray
redact: bool = False  # replace names, numbers and addresses of what is read from outside, before anything is computed

# %%
run = begin("sources", globals())

# %% [markdown]
# ## What is there?
# Splits, sizes and keys of every corpus. Keys only: values of metadata fields are labels or come close to them, and nobody should get used to seeing them beside the inputs.

# %%
locations = {
    "esconv": esconv,
    "empathetic": empathetic,
    "go_emotions": go_emotions,
    "emobank": emobank,
    "messages": messages,
}
if messages.startswith("upstream:"):
    locations["messages"] = str(run.find(messages.removeprefix("upstream:")))
outside = [place for place in (esconv, empathetic, go_emotions, emobank, messages) if place and resolve_path(place).exists()]
inputs = [run.input(place) for place in outside]
corpora = redacted(read_corpora(locations), run, on=redact)
pd.DataFrame(corpora.layouts, columns=["corpus", "split", "rows", "keys"])

# %% [markdown]
# With `redact`, personal data is replaced before anything is computed. What the rules are worth is then measured here, on generated texts whose personal data is known.

# %%
redaction_report(run)

# %% [markdown]
# ## Which model reads it?
# The chat template and the tokenizer belong to the model that will be tuned. A "new" model gets a tokenizer trained on the training split and seeded random weights; with `new_steps` it then reads each training conversation as plain text.

# %%
if base_model == "new":
    words = [m["content"] for d in corpora.dialogues if d.split == "train" for m in d.messages]
    with run.new_folder("base") as folder:
        write_new_chat_model(folder, words, vocabulary=new_vocabulary, width=new_width, layers=new_layers, seed=seed)
        if new_steps:
            whole = {d.conversation_id: d.messages for d in corpora.dialogues if d.split == "train"}
            warm_up(folder, whole.values(), steps=new_steps, seed=seed)

# %% [markdown]
# The end-of-turn token printed here is the one that has to be trained later: a model that never sees it in the loss never learns to stop.

# %%
model_folder = str(run.folder / "base") if base_model == "new" else base_model
tokenizer = load_tokenizer(model_folder)
template = Template(tokenizer, system=system_prompt, options=template_options)
print(f"{len(tokenizer):,} tokens; an assistant's turn ends with {template.end_of_turn()!r}")

# %% [markdown]
# ## Does a label reach an input?
# Three tests, from crude to fine. A canary in every metadata field must not come out of the tokenizer. A label's name in brackets must not stand in a text. And a linear model must not read a dropped label from the inputs better than from the turns' words alone.

# %%
checks = {name: check_canaries(rows, reader, template) for name, (rows, reader) in corpora.samples.items()}
strategies, emotions = vocabulary(corpora.dialogues, "strategy"), vocabulary(corpora.dialogues, "emotion")
require_few_rejected(corpora.rejected, corpora.n_rows, max_rejected_fraction)
require_known_labels(corpora.dialogues, emotions, strategies)
brackets = bracketed_labels(corpora.dialogues, strategies)
print({name: f"{len(check.found)} of {check.planted} canaries found" for name, check in checks.items()}, brackets)

# %% [markdown]
# The third test needs a yardstick. A counsellor's strategy can be guessed from what was said before it, and that is no leak. So the probe reads the decoded inputs, a second one the bare words of the same turns, and both are fitted on the training split and compared on chats that neither has seen.

# %%
chats = [d for d in corpora.dialogues if d.dropped]
held_out = next((s for s in ("valid", "test") if any(d.split == s for d in chats)), "train")
train_chats, other_chats = ([d for d in chats if d.split == s] for s in ("train", held_out))
labels = ["strategy", *sorted({key for d in chats[:2000] for key in d.dropped if key.endswith("_type")})]
probes = [probe_dropped_label(label, train_chats, other_chats, template, seed=seed) for label in labels]
pd.DataFrame(probes).drop(columns="excess").assign(excess=[p.excess.value for p in probes])

# %% [markdown]
# A probe may well be right often: people's words say what troubles them. What counts is the excess over the words, and whether its interval lies above the tolerance.

# %% [markdown]
# A leak ends the stage here, before a single example is made. Trained on, it would show up as a head that is excellent in the lab and useless outside.

# %%
for check in checks.values():
    require_no_leak(check, brackets, probes, tolerance=leak_tolerance)

# %% [markdown]
# ## Examples
# One example for each turn that teaches something: a supporter's answer, or a comment with an emotion or a rating. Turns older than the limit allows are cut whole, from the front.

# %%
made = list(
    progress(
        canonical_examples(corpora.dialogues, template, max_length=max_length, loss_on=loss_on),
        "examples",
        total=len(corpora.dialogues),
    )
)
examples = [e for e in made if isinstance(e, Example)]
rejected = corpora.rejected + [r for r in made if isinstance(r, Rejected)]
share = require_few_rejected(rejected, corpora.n_rows, max_rejected_fraction)
run.write_jsonl("rejected.jsonl", (r._asdict() for r in rejected))

# %% [markdown]
# Nothing is dropped in silence: every unusable row is in `rejected.jsonl` with its line and reason. The most frequent reasons:

# %%
reasons = pd.Series([f"{r.source}: {r.reason.split(':')[0]}" for r in rejected], dtype=object)
reasons.value_counts().head(8).rename("rows").rename_axis("reason").to_frame()

# %% [markdown]
# Comments with several labels are left out on purpose: cross-entropy has no single right answer for them. They do not count as faults.

# %% [markdown]
# ## The mask, seen through
# Green is trained, orange is the token whose state the heads read. Everything else is only read by the model.

# %%
picked = [next(e for e in examples if e.dialogue.source == name) for name in corpora.samples]
chosen = (picked + [e for e in examples if e.dialogue.has_answer])[:shown_examples]
page = xray_page(chosen, template)
run.write_text("xray.html", page)
embed(page, title="Trained tokens of some examples")

# %% [markdown]
# Looking at six examples finds a wrong mask only if it is wrong everywhere. So every example is judged, by code that did not make the mask, and one wrong example stops the stage.

# %%
verdict = require_sound_masks(progress(examples, "masks judged"), template, loss_on=loss_on)
print(f"{verdict.n:,} examples judged, {verdict.n_answers:,} of them with an answer: no problem")

# %% [markdown]
# ## Is the test split new?
# Held-out texts that are almost in the training split make every score look better. A conversation is compared as a whole, once, whatever number of examples it gives.

# %%
texts = {
    split: {d.conversation_id: "\n".join(m["content"] for m in d.messages) for d in corpora.dialogues if d.split == split}
    for split in ("train", "valid", "test")
}
duplicates = pd.concat(
    [
        near_duplicates(texts["train"], texts[s], threshold=duplicate_threshold).assign(split=s)
        for s in ("valid", "test")
    ],
    ignore_index=True,
)
run.write_csv("near_duplicates.csv", duplicates)
duplicates.assign(corpus=duplicates["held_out_id"].str.split("-").str[0]).groupby(["corpus", "split"]).size().rename("texts").to_frame()

# %% [markdown]
# ## What goes on

# %%
table = examples_table(examples, emotions, strategies)
run.write_table("examples", table, EXAMPLES)
kept = {"base_model": base_model, "emotions": emotions, "strategies": strategies, "padding": tokenizer.pad_token_id}
run.write_json(
    "sources.json",
    kept
    | {
        "max_length": max_length,
        "system_prompt": system_prompt,
        "template_options": template_options,
        "loss_on": loss_on,
    },
)
share_of_splits(table)

# %% [markdown]
# Labels are as unequal as people are. A head that always names the most frequent strategy is right as often as the longest bar is long: that is the floor that stage `sft` has to beat.

# %%
train_rows = table[table["split"] == "train"]
shares = train_rows.loc[train_rows["strategy_label"] >= 0, "strategy_label"].value_counts(normalize=True).sort_index()
show(
    bars([strategies[i] for i in shares.index], shares.to_numpy(), x="share of training answers", y="strategy"),
    title="How often each strategy is used",
)

# %% [markdown]
# Length decides what a training step costs, and the limit cuts the oldest turns of the longest chats. If much of the mass stands at the limit, the model does not see how these conversations began.

# %%
lengths = {name: part["input_ids"].map(len).to_numpy() for name, part in table.groupby("source", sort=False)}
show(histogram(lengths, x="tokens of an example"), title="Length of examples by corpus")

# %% [markdown]
# What is worth quoting is recorded; the findings below are printed from these values.

# %%
record("examples", len(table), n=len(table))
record("conversations", int(table["conversation_id"].nunique()))
record("rejected_share", share, n=corpora.n_rows)
record("canaries_planted", sum(check.planted for check in checks.values()))
record("canaries_found", sum(len(check.found) for check in checks.values()))
record("masks_judged", verdict.n)
record(
    "near_duplicate_share",
    len(duplicates) / max(1, len(texts["valid"]) + len(texts["test"])),
    n=len(texts["valid"]) + len(texts["test"]),
)
record("examples_cut", sum(e.cut_turns > 0 for e in examples))
excess = max(probes, key=lambda p: p.excess.value if p.n else -1.0)
record("largest_probe_excess", excess.excess.value, n=excess.n, interval=tuple(excess.excess.interval))

# %% [markdown]
# ## Findings

# %% tags=["findings"]
say("{examples:,.0f} examples from {conversations:,.0f} conversations; {rejected_share:.1%} of the rows could not be used.")
say(
    "{canaries_found} of {canaries_planted} canaries planted in metadata came out of the tokenizer. The largest excess of a probe for a dropped label over the words alone is {largest_probe_excess}."
)
say(
    "{masks_judged:,.0f} masks were judged one by one and all are right. {examples_cut:,.0f} examples lost old turns to the limit."
)
say("{near_duplicate_share:share} of the held-out texts stand almost word for word in the training split.")

# %% [markdown]
# ## Sources
# ESConv: Liu et al. 2021 · EmpatheticDialogues: Rashkin et al. 2019 · GoEmotions: Demszky et al. 2020 · EmoBank: Buechel and Hahn 2017

# %%
run.finish()
