# %% [markdown]
# # Describe the codes and tie them to outcomes
#
# **Question** · What does each code stand for, what follows what, and which codes go with which outcome?
#
# **Inputs** · `codebook`, `turn_vectors`, `assignments`, `turns`, `conversations`; planted dialogue acts where there are some
#
# **Outputs** · `codes` (one code a turn, Parquet and `codes.csv`), `code_cards.jsonl`, `outcome_lift`, `transitions`
#
# **Cost** · seconds

# %%
import numpy as np
import pandas as pd
import pyarrow as pa
from IPython.display import display

from shared.codes import (
    code_cards,
    distinguishing_terms,
    draw_transitions,
    exemplars,
    ids_by_frequency,
    ids_like_before,
    join_acts,
    label_codes,
    outcome_lift,
    transitions,
    v_measure,
)
from shared.data import redacted
from shared.figures import heatmap, intervals, show
from shared.runs import begin, record, say
from shared.vqvae import load_codebook, stack_vectors, windows

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read; empty = every earlier one
seed: int = 0  # of permutations, shuffles and intervals
truth: str = ""  # CSV with conversation_id, turn, dialogue_act; "" = nobody knows the acts
previous: str = ""  # codes.parquet of an earlier export whose ids are kept; "" = ids by frequency in train turns
terms: int = 6  # distinguishing terms on a card, in [1, 50]
examples: int = 4  # exemplars on a card, in [1, 50]
minimum: int = 10  # conversations a code must occur in before it is tied to an outcome, in [2, 1000000]
permutations: int = 5000  # of outcomes over conversations, for the p-values, in [99, 1000000]
false_discoveries: float = 0.05  # accepted share of false alarms among the findings, in (0, 1)
redact: bool = False  # as in the stage that read the conversations: ids in `truth` and `previous` become the same placeholders

# %%
run = begin("codes", globals())

# %% [markdown]
# ## One code a turn
# The codebook's own numbers are an accident. Ids go by frequency in train turns, so the same codebook always gets the
# same ids, whatever turns are added; with `previous`, a retrained codebook takes over the ids of an earlier export.

# %%
model = load_codebook(run.find("codebook"))
frame, assignments = run.table("turn_vectors"), run.table("assignments")
keys = ["conversation_id", "turn"]
names = frame["conversation_id"].astype(object).to_numpy()
own, error, distance = model.assign(windows(stack_vectors(frame), names, model.settings.context))
size, held_out = model.settings.codes, assignments["held_out"].to_numpy()

# %% [markdown]
# Turns, texts and codes are put side by side once; everything below reads this.

# %%
ids = ids_by_frequency(own, ~held_out, size)
if previous:
    before = redacted(pd.read_parquet(run.input(previous)), run, on=redact)
    ids = ids_like_before(frame[keys], own, size, before)
codes = ids[own]
turns = frame[keys].merge(run.table("turns"), on=keys, how="left", validate="one_to_one")
texts = turns["text"].astype(object).to_numpy()

# %% [markdown]
# ## What does each code say?
# Terms are those that the code's train turns say and other turns do not (class-based TF-IDF); exemplars are the
# different turns nearest to the code. A label is the first two terms; where two codes share them, the id is added.

# %%
found_terms = distinguishing_terms(texts[~held_out], codes[~held_out], np.sort(ids).tolist(), terms=terms)
labels, alone = label_codes(found_terms)
nearest = exemplars(texts, codes, distance, each=examples)
cards = code_cards(turns, np.sort(ids), codes)
cards = cards.assign(label=cards.index.map(labels), terms=cards.index.map(found_terms))
cards = cards.assign(exemplars=[nearest.get(code, []) for code in cards.index])
record("label_uniqueness", alone, n=len(cards))
record("codes_with_turns", int((cards["turns"] > 0).sum()), n=len(cards))

# %% [markdown]
# One card a code, the most frequent first.

# %%
shown = cards.head(20).assign(exemplars=cards["exemplars"].map(" · ".join))
display(shown[["label", "exemplars", "turns", "conversations", "position", "said_by_agent", "said_by_donor"]].round(2))

# %% [markdown]
# Read a few cards: the exemplars should sound alike, and the label should say what they share.

# %% [markdown]
# The table that other stages read, and the same with labels and text for people.

# %%
schema = pa.schema([("conversation_id", pa.string()), ("turn", pa.int32()), ("code", pa.int32())])
schema = schema.append(pa.field("distance", pa.float32())).append(pa.field("held_out", pa.bool_()))
table = frame[keys].assign(code=codes, distance=distance, held_out=held_out)
run.write_table("codes", table, schema)
readable = table.assign(label=[labels[code] for code in codes], speaker=turns["speaker"], text=texts)
run.write_csv("codes.csv", readable)

# %% [markdown]
# ## Which codes go with which outcome?
# Lift is how much likelier an outcome is around the code's turns than around all turns. Conversations are the
# witnesses: the interval counts effective conversations, the test permutes outcomes between whole conversations, and q
# holds the share of false alarms over all codes and outcomes. This is association: a code may cause an outcome, follow
# from it, or go with a third thing.

# %%
conversations = run.table("conversations").dropna(subset=["outcome"])
outcomes = dict(conversations[["conversation_id", "outcome"]].astype(object).itertuples(index=False))
lift = outcome_lift(codes, names, outcomes, minimum=minimum, permutations=permutations, seed=seed)
lift = lift.assign(label=lift["code"].map(labels))
run.write_table("outcome_lift", lift)
telling = lift[lift["q"] <= false_discoveries]
record("tested_pairs", int(lift["q"].notna().sum()))
record("telling_pairs", len(telling), n=int(lift["q"].notna().sum()))

# %% [markdown]
# What is left after the control for looking at many:

# %%
display(telling.head(20).round(3))

# %% [markdown]
# And the twenty lowest q, telling or not, so that near misses are seen as such.

# %%
shown = lift.dropna(subset=["q"]).head(20)
rows = [f"{row.code} {row.label} · {row.outcome}" for row in shown.itertuples()]
show(
    intervals(rows, shown["lift"], shown["low"], shown["high"], x="lift", reference=1.0, reference_name="no lift"),
    title="Outcome lift, lowest q first (95 % interval)",
)

# %% [markdown]
# ## What follows what?
# Each line of the table is a transition within a conversation; the graph draws those that are surely above chance.

# %%
followed = transitions(codes, names)
run.write_table(
    "transitions", followed.assign(label=followed["code"].map(labels), next_label=followed["next"].map(labels))
)
record("transitions_above_chance", int((followed["low"] > followed["base"]).sum()), n=len(followed))
sides = [column for column in cards if column.startswith("said_by_")]
show(
    draw_transitions(cards, followed, (sides or [""])[0]),
    title="Codes in time: what surely follows more than by chance",
)

# %% [markdown]
# The same as numbers, for the most frequent codes: rows are shares of what follows.

# %%
top = cards["turns"].nlargest(15).index
matrix = followed.pivot(index="code", columns="next", values="share").reindex(index=top, columns=top)
axis = [f"{code} {labels[code]}"[:28] for code in top]
show(
    heatmap(matrix.to_numpy(dtype=float), axis, axis, x="next code", y="code", unit="share"),
    title="Transitions between the most frequent codes",
)

# %% [markdown]
# ## Do the codes know the dialogue acts?
# Where acts are known, V-measure compares codes with acts on held-out conversations, beside k-means and FSQ with as
# many codes and beside the same codes shuffled over turns. Nobody told the codebook an act. Without known acts these
# values are not scored.

# %%
acts = np.full(len(frame), None, dtype=object)
if truth:
    acts = join_acts(frame[keys], redacted(pd.read_csv(run.input(truth)), run, on=redact))
shuffled = np.random.default_rng(seed).permutation(codes)
rivals = {"v_measure": codes, "v_measure_kmeans": assignments["kmeans"].to_numpy()}
rivals |= {"v_measure_fsq": assignments["fsq"].to_numpy(), "v_measure_shuffled": shuffled}
scores = {n: v_measure(c[held_out], acts[held_out], names[held_out], seed=seed) for n, c in rivals.items()}
for name, score in scores.items():
    record(name, score.value, n=score.n, interval=score.interval if score.n else None)
record("acts_unscored", scores["v_measure"].n_unscored)

# %% [markdown]
# Which acts a code mixes says more than one score does: a code of one act is a name, a code of three is a bin.

# %%
if truth:
    known = np.array([act is not None for act in acts])
    mix = pd.crosstab(codes[known], acts[known].astype(str), normalize="index").reindex(top).dropna()
    rows = [f"{code} {labels[code]}"[:28] for code in mix.index]
    show(heatmap(mix.to_numpy(), rows, list(mix), x="planted act", y="code", unit="share of the code"))

# %% [markdown]
# Everything that is known of a code goes onto its card.

# %%
cards["acts"] = [{} for _ in cards.index]
if truth:
    counted = pd.crosstab(codes[known], acts[known].astype(str))
    cards["acts"] = [counted.loc[c][counted.loc[c] > 0].to_dict() if c in counted.index else {} for c in cards.index]
lifts = {code: group.drop(columns=["code", "label"]).to_dict("records") for code, group in lift.groupby("code")}
cards["outcomes"] = [lifts.get(code, []) for code in cards.index]
run.write_jsonl("code_cards.jsonl", cards.rename_axis("code").reset_index().to_dict("records"))

# %% [markdown]
# ## Findings

# %% tags=["findings"]
say("Of {tested_pairs:.0f} pairs of a code and an outcome, {telling_pairs:.0f} go together more than chance explains, after correction for looking at many.")
say("{codes_with_turns:.0f} codes are in use; {label_uniqueness:.0%} of their labels are unique without a number.")
say("With known dialogue acts of held-out turns the codes agree {v_measure} (V-measure, 1 = the same groups), those of k-means {v_measure_kmeans}, of FSQ {v_measure_fsq}, shuffled codes {v_measure_shuffled}.")

# %% [markdown]
# **Sources** · Grootendorst 2022 (class-based TF-IDF) · Benjamini and Hochberg 1995 · Rosenberg and Hirschberg 2007
# (V-measure) · Kish 1965 (effective sample size)

# %%
run.finish()
