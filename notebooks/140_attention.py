# %% [markdown]
# # Ask what a predicted outcome hangs on
#
# **Question** · Which words does the outcome classifier look at, do they carry its predictions, and does it take shortcuts?
#
# **Inputs** · `model`, `outcome_texts`, `outcome_spans` of stage `classifier`; `truth_conversations` where the truth is planted
#
# **Outputs** · `attention_scores_sorted.jsonl`, `overall_metrics.json`, `word_scores`, `faithfulness`, `sink_effects`, `swaps`, bertviz pages
#
# **Cost** · seconds a conversation on two cores with the built-in encoder, most of them for leave-one-out

# %%
import pandas as pd

from shared.attention import (
    KINDS,
    METHODS,
    attention_maps,
    attention_page,
    audit_swaps,
    checked_swaps,
    cue_hits,
    explain_all,
    faithfulness_scores,
    faithfulness_table,
    occurrence_table,
    precision_at_k,
    ranked_words,
    read_tokens,
    shares_by,
    sink_effects,
    sink_report,
    thirds,
    word_table,
)
from shared.figures import bars, embed, heatmap, intervals, show
from shared.models import TextClassifier
from shared.runs import begin, progress, record, say
from shared.stats import accuracy_estimate, mean_estimate

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read; empty = every earlier one
seed: int = 0  # of the chosen conversations, controls and intervals
max_conversations: int = 400  # test conversations for attention and swaps; 0 = all
max_explained: int = 60  # of them explained by every method and measured for faithfulness, in [2, inf)
steps: int = 20  # points of integrated gradients, in [2, inf)
fractions: list[float] = [0.05, 0.1, 0.2, 0.4]  # shares of the words that count as top, each in (0, 1]
least_conversations: int = 3  # a word must occur in so many to be ranked, in [1, inf)
k: int = 10  # words looked at for precision against planted cues, in [1, inf)
swaps: dict[str, dict[str, str]] = {}  # groups of phrases and what they become; empty = polite, callback, rejection
viewed: int = 1  # conversations drawn with bertviz, in [0, 10]
viewed_tokens: int = 40  # last tokens of a conversation that are drawn, in [4, 100]

# %%
run = begin("attention", globals())

# %% [markdown]
# ## The classifier, and the conversations it never saw
# Explaining a classifier that guesses explains nothing: first its accuracy on the conversations used here.

# %%
classifier = TextClassifier.load(run.find("model"))
texts = run.table("outcome_texts").query("split == 'test'")
texts = texts.sample(min(max_conversations or len(texts), len(texts)), random_state=seed).reset_index(drop=True)
spans = run.table("outcome_spans")
predicted = classifier.predict(texts["text"].tolist())
accuracy = accuracy_estimate(texts["outcome"], predicted, texts["conversation_id"], seed=seed)
record("accuracy", accuracy.value, n=accuracy.n, interval=accuracy.interval)
say("The classifier is right in {accuracy} of the conversations explained here.")

# %% [markdown]
# Tokens are sorted into special, punctuation, speaker and content once, and every count below uses the same sorting.

# %%
conversations = read_tokens(texts, spans, classifier.tokenizer, classifier.max_tokens)
explained_conversations = conversations[:max_explained]
record("conversations", len(conversations))
record("explained", len(explained_conversations), unit="conversations")

# %% [markdown]
# ## Where does attention go?
# Encoders park attention on tokens that mean nothing: `[CLS]`, `[SEP]`, full stops. Such *sinks* look important and need
# not be. The share of attention on each kind of token stands beside the share of tokens of that kind: even attention
# would give the latter.

# %%
shown = progress(conversations, "attention maps", total=len(conversations))
report = sink_report((attention_maps(classifier, tokens) for tokens in shown), (t.kinds for t in conversations))
layers = [f"layer {number}" for number in range(len(report.by_layer))]
table = pd.DataFrame(report.by_layer, index=layers, columns=list(KINDS))
table.loc["even attention"] = report.token_shares.mean(0)
show(
    heatmap(table.to_numpy(), list(table.index), list(KINDS), x="attended token", y="", unit="share of attention"),
    title="Share of attention by layer and kind of token",
)

# %% [markdown]
# Heads differ: some look almost only at sinks and cannot explain anything, however bright their picture.

# %%
sink, even = mean_estimate(report.sink_share, seed=seed), mean_estimate(1 - report.token_shares[:, -1], seed=seed)
record("sink_share", sink.value, n=sink.n, interval=sink.interval)
record("sink_token_share", even.value, n=even.n, interval=even.interval)
special = mean_estimate(report.shares[..., 0].mean((1, 2)), seed=seed)
record("special_share", special.value, n=special.n, interval=special.interval)
record("special_token_share", report.token_shares[:, 0].mean(), n=len(conversations))
heads = report.by_head[..., -1]
show(
    heatmap(1 - heads, layers, [f"head {i}" for i in range(heads.shape[1])], x="", y="", unit="share on sinks"),
    title="Share of attention that is not on content, by head",
)
say("{sink_share:.1%} of all attention is not on content; {sink_token_share:.1%} of the tokens are not content.")
say("Special tokens alone receive {special_share:.1%} of it and are {special_token_share:.1%} of the tokens.")

# %% [markdown]
# ### Do the sinks matter?
# Forbid every token to attend to them and see how far the predicted class's log-odds move. As many random content tokens
# forbidden are the control: a sink that carries the prediction must move it more than they do.

# %%
effects = sink_effects(classifier, explained_conversations, seed=seed)
run.write_table("sink_effects", effects)
moved = effects.assign(moved=effects["delta"].abs()).groupby(["masked", "control"], sort=False)
summary = {key: mean_estimate(group["moved"], group["conversation_id"], seed=seed) for key, group in moved}
names = [f"random, as many as {kind}" if control else kind for kind, control in summary]
points = zip(*[(e.value, *e.interval) for e in summary.values()], strict=True)
show(intervals(names, *points, x="change of log-odds"), title="How far masking moves the prediction")

# %% [markdown]
# The table counts how often the prediction itself turns over, which is what a reader of the report cares about.

# %%
for (kind, control), estimate in summary.items():
    name = f"mask_{kind.replace(' ', '_')}" + ("_control" if control else "")
    record(name, estimate.value, unit="log-odds", n=estimate.n, interval=estimate.interval)
flips = effects.groupby(["masked", "control"])["flipped"].mean().unstack()
flips.columns = ["sinks masked", "random content masked"]
flips.round(3)

# %% [markdown]
# ## Seven ways to score a word
# Attention and rollout say where the encoder looks; the gradient methods and leave-one-out say what moves the
# prediction; random scores are the floor. Integrated gradients must add up: what they leave unexplained is the gap.

# %%
explained = explain_all(classifier, explained_conversations, steps=steps, seed=seed)
occurrences = occurrence_table(explained, classifier.labels)
words = word_table(occurrences, METHODS, least=least_conversations)
gap = mean_estimate([abs(one.gap) for one in explained], seed=seed)
record("integrated_gradients_gap", gap.value, unit="log-odds", n=gap.n, interval=gap.interval)
words.groupby("predicted").head(5).drop(columns="random").round(3)

# %% [markdown]
# Scores of every occurrence are kept, and the words in the order in which each method ranks them.

# %%
run.write_table("word_scores", occurrences)
run.write_jsonl("attention_scores_sorted.jsonl", words.drop(columns="random").to_dict("records"))

# %% [markdown]
# ## Can the scores be believed?
# Hide the words a method ranks highest: a faithful ranking makes the predicted probability fall (*comprehensiveness*).
# Hide all others: it should stay (*sufficiency*). Raw values depend on the model and the conversation, so both are put on
# a scale from the worst (0) to the best (1) ranking found for each conversation.

# %%
faithful = faithfulness_table(classifier, explained, fractions=fractions)
run.write_table("faithfulness", faithful)
found = {(score.method, score.measure): score for score in faithfulness_scores(faithful, seed=seed)}
for (method, measure), score in found.items():
    if measure.endswith("normalised"):
        estimate = score.estimate
        record(f"{measure.removesuffix('_normalised')}_{method}", estimate.value, n=estimate.n, interval=estimate.interval)

# %% [markdown]
# First what hiding the top words does. The line is where a random ranking ends up: a method whose interval crosses it has not shown that it ranks anything.

# %%
column = [found[method, "comprehensiveness_normalised"].estimate for method in METHODS]
points = zip(*[(e.value, *e.interval) for e in column], strict=True)
show(
    intervals(list(METHODS), *points, x="normalised comprehensiveness", reference=column[-1].value,
              reference_name="random"),
    title="Hiding the top words: how near to the best ranking",
)  # fmt: skip

# %% [markdown]
# Then the opposite question: do the top words alone carry the prediction?

# %%
column = [found[method, "sufficiency_normalised"].estimate for method in METHODS]
points = zip(*[(e.value, *e.interval) for e in column], strict=True)
show(
    intervals(list(METHODS), *points, x="normalised sufficiency", reference=column[-1].value, reference_name="random"),
    title="Keeping only the top words: how near to the best ranking",
)

# %% [markdown]
# Whether a method beats random is decided conversation by conversation.

# %%
against = [
    {"method": method, "measure": measure, "mean": score.estimate.value, "over random": score.over_random.value,
     "low": score.over_random.interval.low, "high": score.over_random.interval.high, "p": score.p_value}
    for (method, measure), score in found.items() if method != "random"
]  # fmt: skip
pd.DataFrame(against).round(3)

# %% [markdown]
# ## Are the planted cues found?
# Where the truth is planted, the words that drive the outcome are known. A cue of one outcome speaks against the others, so
# what counts is the size of a score. Precision at k is the share of cues among the k words with the largest mean size; it
# cannot exceed the ceiling if fewer than k cues occur often enough. Within a conversation of n cues, n words are looked at.

# %%
planted = run.has("truth_conversations.parquet")
truth = run.table("truth_conversations") if planted else pd.DataFrame(columns=["conversation_id", "cues", "decoys"])
cues = {word for words_ in truth["cues"].dropna() for word in words_.split()}
frequent = set(ranked_words(occurrences, METHODS[0], least=least_conversations))
precision = {
    method: precision_at_k(ranked_words(occurrences, method, least=least_conversations), cues, k) for method in METHODS
}

# %% [markdown]
# Chance is the share of cues among the words that occur often enough. Both it and the ceiling stand beside every precision.

# %%
if planted:
    chance, ceiling = len(cues & frequent) / len(frequent), min(k, len(cues & frequent)) / k
    hits = {method: mean_estimate(cue_hits(occurrences, method, occurrences["word"].isin(cues))) for method in METHODS}
    points = zip(*[(e.value, *e.interval) for e in hits.values()], strict=True)
    figure = intervals(list(hits), *points, x="share of a conversation's top words that are cues")
    show(figure, title="Cues found within a conversation")
    for method in METHODS:
        record(f"precision_at_k_{method}", precision[method], n=min(k, len(frequent)))
        record(f"cue_precision_{method}", hits[method].value, n=hits[method].n, interval=hits[method].interval)
    record("k", k, unit="words")
    record("precision_at_k", precision["leave_one_out"], n=min(k, len(frequent)))
    record("precision_at_k_chance", chance, n=len(frequent))
    record("precision_at_k_ceiling", ceiling, n=len(frequent))
    say("{precision_at_k:.0%} of the first words of leave-one-out are cues, {precision_at_k_attention:.0%} of attention's; the best possible is {precision_at_k_ceiling:.0%}, chance {precision_at_k_chance:.0%}.")

# %% [markdown]
# ## Whose words, and when?
# Scores summed over each side and each third of a conversation, beside the share of words spoken there.

# %%
occurrences["third"] = thirds(occurrences)
shares = pd.concat(
    shares_by(occurrences, "leave_one_out", column).rename(columns={column: "part"}) for column in ("speaker", "third")
)
parts = shares.groupby("part", sort=False)[["score_share", "word_share"]].mean()
parts["times even"] = parts["score_share"] / parts["word_share"]
parts.round(3)

# %% [markdown]
# One conversation in full, turn by turn. A bar to the left speaks against the predicted outcome.

# %%
turn_sums = occurrences.groupby(["conversation_id", "turn", "speaker"], sort=False)[list(METHODS)].sum().reset_index()
run.write_table("turn_scores", turn_sums)
one = turn_sums[turn_sums["conversation_id"] == turn_sums["conversation_id"].iloc[0]]
named = [f"{row.turn} {row.speaker}" for row in one.itertuples()]
title = f"Leave-one-out, summed over the turns of {one['conversation_id'].iloc[0]}"
show(bars(named, one["leave_one_out"], x="log-odds for the predicted outcome", y="turn"), title=title)

# %% [markdown]
# ## Does it take shortcuts?
# Polite words should not decide how a call ends; callback and rejection phrases should. Each group is swapped in the
# conversations that hold it. The control swaps as many random words of the same conversation for random ones. Where the
# truth is planted, two more groups test the audit itself: swapping cues must flip predictions, swapping decoys must not.

# %%
decoys = {word for words_ in truth["decoys"].dropna() for word in words_.split()}
known = {"cues": dict.fromkeys(cues, "something"), "decoys": dict.fromkeys(decoys, "well")} if planted else {}
audit = audit_swaps(classifier, texts["text"], texts["conversation_id"], checked_swaps(swaps) | known, seed=seed)
run.write_table("swaps", audit)
rates = {key: accuracy_estimate(g["flipped"], [1.0] * len(g), g["conversation_id"], seed=seed)
         for key, g in audit.groupby(["group", "control"], sort=False)}  # fmt: skip
for (group, control), estimate in rates.items():
    name = f"flip_rate_{group}" + ("_control" if control else "")
    record(name, estimate.value, n=estimate.n, interval=estimate.interval)

# %% [markdown]
# A group whose interval lies on its control does nothing that random words would not do.

# %%
names = [f"random, as many as {group}" if control else group for group, control in rates]
points = zip(*[(e.value, *e.interval) for e in rates.values()], strict=True) if rates else ([], [], [])
show(intervals(names, *points, x="share of predictions that flip"), title="Swapping words, by group")
audit.groupby(["group", "control"])[["swapped", "flipped", "shift"]].agg({"swapped": "sum", "flipped": ["size", "mean"], "shift": "mean"}).round(3)

# %% [markdown]
# ## Looking at single heads
# bertviz draws every head; the pages are complete in themselves and fetch nothing. Only the end of a conversation is
# drawn, with its attention as it is.

# %%
for tokens in conversations[:viewed]:
    maps = attention_maps(classifier, tokens)
    for view in ("head", "model"):
        page = attention_page(tokens, maps, view=view, most_tokens=viewed_tokens)
        run.write_text(f"{view}_view_{tokens.conversation_id}.html", page)
        embed(page, title=f"bertviz {view} view of {tokens.conversation_id}", height=700)

# %% [markdown]
# ## Everything in one file

# %%
overall = {
    "conversations": len(conversations),
    "explained": len(explained),
    "accuracy": accuracy._asdict() | {"interval": list(accuracy.interval)},
    "labels": list(classifier.labels),
    "attention_by_layer": [dict(zip(KINDS, row.tolist(), strict=True)) for row in report.by_layer],
    "attention_by_head": report.by_head.tolist(),
    "token_shares": dict(zip(KINDS, report.token_shares.mean(0).tolist(), strict=True)),
    "faithfulness": against,
    "precision_at_k": {"k": k, **precision} if planted else None,
    "flip_rates": [{"group": g, "control": c, "rate": e.value, "n": e.n} for (g, c), e in rates.items()],
}
run.write_json("overall_metrics.json", overall)

# %% [markdown]
# ## Findings

# %% tags=["findings"]
best = max(METHODS[:-1], key=lambda method: found[method, "comprehensiveness_normalised"].estimate.value)
record("best_method", best.replace("_", " "))
record("best_comprehensiveness", found[best, "comprehensiveness_normalised"].estimate.value)
say("Which words a prediction hangs on is told best by {best_method}: {best_comprehensiveness:.2f} of the way from the worst to the best possible ranking. Attention gets to {comprehensiveness_attention}, random scores to {comprehensiveness_random}.")
say("{sink_share:.1%} of attention goes to tokens without content. Forbidding it moves the prediction by {mask_all_sinks}; forbidding as many content tokens by {mask_all_sinks_control}.")
if planted:
    say("Of the first {k:.0f} words of leave-one-out {precision_at_k:.0%} are planted cues, of attention's {precision_at_k_attention:.0%}; {precision_at_k_ceiling:.0%} is possible, {precision_at_k_chance:.0%} is chance.")
for group in dict.fromkeys(name for name, _ in rates):
    say(f"Swapping {group} words flips {{flip_rate_{group}}} of the predictions, swapping as many random words {{flip_rate_{group}_control}}.")

# %% [markdown]
# ## Sources
# Rollout: Abnar and Zuidema 2020. Integrated gradients: Sundararajan et al. 2017 (captum). Comprehensiveness and
# sufficiency: DeYoung et al. 2020; normalised by bounds as in Edin et al. 2024. Sinks: Clark et al. 2019. Views: bertviz.

# %%
run.finish()
