# %% [markdown]
# # Explore a corpus
#
# **Question** · What is in this corpus, what is missing, and what could mislead a model trained on it?
#
# **Inputs** · a file of transcripts, turns or chats, or PersuasionForGood
#
# **Outputs** · `conversations` and `turns` (the canonical tables), `rejected.jsonl`, the planted truth of the sample as `truth_*`
#
# **Cost** · seconds; a million turns take about a minute and under 1.5 GiB

# %%
from typing import Literal

import pandas as pd

from shared.data import (
    CONVERSATIONS_SCHEMA,
    TURNS_SCHEMA,
    check_rejected,
    read_corpus,
    read_persuasion_for_good,
    read_truth,
    redacted,
    redaction_report,
)
from shared.explore import (
    corpus_summary,
    distinguishing_words,
    missing_table,
    outcome_by_length,
    part_of_corpus,
    rejection_reasons,
    turn_taking,
    vocabulary_growth,
)
from shared.figures import bars, histogram, intervals, lines, show
from shared.runs import begin, record, say

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read; this one reads none
seed: int = 0  # of the intervals
corpus: str = "data/sample/transcripts.csv"  # file or folder; ${COLLOQUY_DATA}/... for real corpora
kind: Literal["transcripts", "turns", "persuasion_for_good", "chats"] = "transcripts"  # layout, see data/README.md
columns: dict[str, str] = {}  # canonical name: name in the file, for columns that are named otherwise
roles: dict[str, str] = {}  # word in the file: agent or donor, added to the usual ones
encoding: str = "utf-8"  # of text files; a byte order mark wins
amounts: bool = False  # PersuasionForGood: three outcome classes by dollars instead of donated or not
truth: str = ""  # folder with truth_*.csv of the planted sample; "" = none is known
max_rejected_fraction: float = 0.05  # share of unreadable rows at which the stage stops, in [0, 1]
max_conversations: int = 0  # read only so many, evenly over the file; 0 = all
redact: bool = False  # replace names, numbers and addresses of what is read from outside, before anything is computed

# %%
run = begin("explore", globals())

# %% [markdown]
# ## What could be read?
# A row that cannot be read is never dropped silently: it goes to `rejected.jsonl` with its line and the reason. Too many of them stop the stage, because what is left would not be the corpus any more.

# %%
path = run.input(corpus)
if kind == "persuasion_for_good":
    outcome = "amount" if amounts else "donated"
    found = read_persuasion_for_good(path / "full_dialog.csv", path / "full_info.csv", outcome=outcome)
else:
    found = read_corpus(path, kind=kind, columns=columns, roles=roles, encoding=encoding)
found = redacted(found, run, on=redact)

# %% [markdown]
# Most corpora lose a few rows. The table says why, so that the file can be mended rather than the reader blamed.

# %%
rejected = [row._asdict() for row in found.rejected]
run.write_jsonl("rejected.jsonl", rejected)
record("rejected_fraction", found.rejected_fraction, n=found.rows)
rejection_reasons(found.rejected)

# %% [markdown]
# Above the limit the stage ends here: figures over what happened to be readable would describe the reader, not the corpus.

# %%
check_rejected(found, max_rejected_fraction)

# %% [markdown]
# From here on there are two tables only, whatever the file looked like. Every later stage reads these.

# %%
conversations, turns = part_of_corpus(found, keep=max_conversations)
run.write_table("conversations", conversations, CONVERSATIONS_SCHEMA)
run.write_table("turns", turns, TURNS_SCHEMA)

# %% [markdown]
# The sample was generated, so its truth is known: who speaks, what drives an outcome, what is a decoy. No stage learns from it; reports are marked by it.

# %%
if truth:
    known = redacted(read_truth(run.input(truth)), run, on=redact)
    for name, table in known._asdict().items():
        run.write_table(f"truth_{name}", table)

# %% [markdown]
# With `redact`, personal data is replaced before anything is computed. What the rules are worth is then measured here, on generated texts whose personal data is known.

# %%
redaction_report(run)

# %% [markdown]
# ## How large is it?

# %%
summary = corpus_summary(conversations, turns)
for row in summary.itertuples():
    record(row.name, row.value, unit=row.unit, n=row.n)
summary

# %% [markdown]
# Averages hide the long tail, and encoders cut it off: the lengths below decide how much of a conversation a model can see at once.

# %%
per_conversation = turns.groupby("conversation_id").size()
show(
    histogram({"conversations": per_conversation}, x="turns in a conversation", y="conversations"),
    title="Most conversations are about equally long",
)

# %% [markdown]
# Turns have a longer tail than conversations. The longest one in a hundred is left out of the picture, not out of the data.

# %%
words = turns["text"].str.count(r"\S+")
show(
    histogram({"turns": words.clip(upper=words.quantile(0.99))}, x="words in a turn (longest 1 % cut)", y="turns"),
    title="Turns are short, with a tail",
)

# %% [markdown]
# ## What is missing?
# An empty column is a fact about how the corpus was made; a stage that needs it says so by name.

# %%
missing_table(conversations, turns)

# %% [markdown]
# ## Who speaks, and do the sides alternate?
# Where turns alternate strictly, the position alone tells the speaker, and a role classifier that gets everything right has proved nothing.

# %%
taking = turn_taking(turns)
record("alternation", taking.alternation, n=taking.n)
record("speaker_known", taking.known, n=len(turns))
if len(taking.shares):
    show(bars(taking.shares.index, taking.shares, x="share of turns"), title="Who speaks how much")

# %% [markdown]
# ## How do conversations end, and does length give it away?
# If outcome goes with length, a model can look clever by counting turns. The intervals are over conversations.

# %%
outcomes = conversations["outcome"].value_counts(normalize=True)
record(
    "majority_outcome",
    outcomes.iloc[0] if len(outcomes) else float("nan"),
    n=int(conversations["outcome"].notna().sum()),
)
if len(outcomes):
    show(bars(outcomes.index, outcomes, x="share of conversations"), title="Outcomes")

# %% [markdown]
# Conversations are put into four groups by their number of turns. If the shares climb or fall along the groups, length is a shortcut that a classifier will find.

# %%
by_length = outcome_by_length(conversations, turns, seed=seed)
if len(by_length):
    show(
        intervals(
            by_length["group"],
            by_length["share"],
            by_length["low"],
            by_length["high"],
            x=f"share of '{by_length['outcome'].iloc[0]}'",
            reference=outcomes.iloc[0],
            reference_name="all",
        ),
        title="Outcome by length of the conversation",
    )

# %% [markdown]
# ## Which words go with which outcome?
# Words that stand out are candidates for causes, and for shortcuts. Stage `attention` tells them apart.

# %%
distinguishing_words(conversations, turns)

# %% [markdown]
# A curve that still climbs says that new conversations will bring unknown words; counting words then generalises worse than it looks.

# %%
growth = vocabulary_growth(turns)
record("vocabulary", int(growth["words"].iloc[-1]), unit="words", n=len(turns))
show(
    lines(growth["turns"], {"different words": growth["words"]}, x="turns read", y="different words", markers=False),
    title="The vocabulary is still growing" if growth.attrs["growing"] else "The vocabulary is nearly complete",
)

# %% [markdown]
# ## A look at the text itself

# %%
pd.set_option("display.max_colwidth", 120)
turns[turns["conversation_id"] == turns["conversation_id"].iloc[0]][["turn", "speaker", "text"]].head(12)

# %% [markdown]
# ## Findings

# %% tags=["findings"]
say(
    "{n_conversations:,.0f} conversations of {turns_per_conversation:.1f} turns on average; {rejected_fraction:.1%} of the rows could not be read."
)
if taking.known:
    say("The speaker is known for {speaker_known:.0%} of the turns; where it is, the side changes at {alternation:.0%} of them. A position rule would be right that often.")
else:
    say("No turn says who speaks: stage `speakers` has to find out.")
say(
    "Always guessing the commonest outcome is right {majority_outcome:.0%} of the time: that is the floor of every classifier to come."
)

# %% [markdown]
# ## Sources
# Distinguishing words: log-odds with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008).

# %%
run.finish()
