# %% [markdown]
# # Label who said each turn
#
# **Question** · Which side said each turn of a conversation, and how sure can we be?
#
# **Inputs** · `conversations` and `turns` of an earlier stage; either each side's own transcript, or turns whose speakers are known
#
# **Outputs** · `turns` with `speaker` and `speaker_confidence`, `transcripts.csv` for people, `model` (safetensors and JSON)
#
# **Cost** · seconds for channels; about 20 minutes on two cores to train the model on 20,000 turns

# %%
from typing import Literal

import pandas as pd

from shared.data import TEST, TRAIN, TURNS_SCHEMA, VALIDATION, assign_splits
from shared.figures import intervals, lines, reliability, show
from shared.models import FineTuning
from shared.runs import begin, record, say
from shared.speakers import (
    SpeakerModel,
    compare_labels,
    disturb,
    fit_channels,
    fit_speaker_model,
    floor_roles,
    label_turns,
    labelled_turns,
    readable_transcripts,
    repair_diarisation,
    shares_above,
    spaced,
    teaching_turns,
    true_speakers,
)
from shared.stats import expected_calibration_error, reliability_table

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read; empty = every earlier one
seed: int = 0  # of splits, training, disturbances and intervals
methods: list[Literal["channels", "model"]] = ["channels", "model"]  # all are judged; the first labels the turns
pretrained: str = ""  # folder `model` of an earlier run of this stage; "" = train one here
encoder: str = "builtin"  # what is fine-tuned, and what compares meanings: builtin, a folder or a hub id
test_share: float = 0.2  # share of conversations that judge, in (0, 1)
validation_share: float = 0.1  # share of conversations that weigh the sources, in (0, 1)
train_conversations: int = 0  # train on at most so many, evenly over the corpus; 0 = all
epochs: int = 1  # passes over the training turns, each disturbed in three ways, in [1, 50]
batch_size: int = 32  # pairs of turns a step, in [1, 1024]
learning_rate: float = 1.5e-4  # peak; 2e-5 suits base-size encoders
max_tokens: int = 72  # of the words around the border of two turns, up to 24 on each side; in [16, 512]
drop_opening: int = 0  # openings cut off while training and judging: 0 to so many turns, in [0, 100]
split_share: float = 0.0  # turns torn in two at a random word while training and judging, in [0, 1]
threshold: float = 0.8  # least confidence; below it the speaker stays unknown, in [0.5, 1)
swap_share: float = 0.15  # labels that the injected diariser gets wrong, in [0, 1]
merge_share: float = 0.1  # turns that it runs together with the one before, in [0, 1]

# %%
run = begin("speakers", globals())

# %% [markdown]
# ## Who is known already?
# Where the corpus names its speakers they stay, and serve to train and to judge. Conversations are split once: what trains, what weighs, what judges.

# %%
conversations, turns = run.table("conversations"), run.table("turns")
planted = run.table("truth_turns") if run.has("truth_turns.parquet") else None
splits = assign_splits(conversations, test=test_share, validation=validation_share, seed=seed)
split = turns["conversation_id"].map(dict(zip(conversations["conversation_id"], splits, strict=True)))
record("speakers_given", float(turns["speaker"].notna().mean()), n=len(turns))
splits.value_counts().rename("conversations").to_frame()

# %% [markdown]
# ## What do the sides' own recordings say?
# An utterance is compared with both sides' transcripts, by letters and by meaning. What a difference is worth is learned without labels: the two sides are mirror images of each other.

# %%
fitted, labels = {}, {}
if "channels" in methods:
    fitted["channels"] = fit_channels(turns, conversations, model=encoder)
    labels["channels"] = label_turns(turns, conversations, fitted["channels"])

# %% [markdown]
# ## What do the words say?
# The encoder reads the end of one turn and the beginning of the next, and names both roles at once; punctuation and word order say whether the speaker simply goes on. It learns from given speakers, and where there are none from those that the channels found. Training turns are cut and torn as the judging ones will be.

# %%
taught = teaching_turns(turns, labels.get("channels"))
pupils = spaced(conversations["conversation_id"][splits == TRAIN], train_conversations)
lessons = taught[taught["conversation_id"].isin(pupils)]

# %% [markdown]
# A model that an earlier run trained is taken as it is; what it learned from is then not known here.

# %%
if "model" in methods and pretrained:
    fitted["model"] = SpeakerModel.load(run.input(pretrained))
elif "model" in methods:
    settings = FineTuning(
        model=encoder,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        max_tokens=max_tokens,
        seed=seed,
    )
    fitted["model"] = fit_speaker_model(
        lessons,
        taught[split == VALIDATION],
        settings,
        run.checkpoints / "pairs",
        drop_most=drop_opening,
        split_share=split_share,
    )

# %% [markdown]
# The model is kept whichever method labels the turns, so that another corpus of the same kind can be labelled without training.

# %%
if "model" in fitted:
    with run.new_folder("model") as folder:
        fitted["model"].save(folder)

# %% [markdown]
# ## How often is it right?
# Judged on conversations that neither trained nor weighed anything. Where turns alternate strictly a rule on position would be perfect and prove nothing, so openings are cut off and turns torn if the parameters say so; the rule is judged on the same turns.

# %%
truth = true_speakers(turns, planted)
known = turns.assign(speaker=truth)[(split == TEST) & truth.notna()].reset_index(drop=True)
judged = disturb(known, drop_most=drop_opening, split_share=split_share, seed=seed + 99)
practice = disturb(lessons, drop_most=drop_opening, split_share=split_share, seed=seed)

# %% [markdown]
# Floors read the same disturbed turns: the words of a turn alone, the words in a chain with one probability of staying, and the rule that sides take turns.

# %%
on_test = {name: label_turns(judged, conversations, one) for name, one in fitted.items()}
roles = floor_roles(practice, judged) | {name: found["role"] for name, found in on_test.items()}
table = compare_labels(judged["speaker"], roles, judged["conversation_id"], seed=seed)
table.round(3)

# %% [markdown]
# Two figures sum it up. A conversation counts as the right way round if more than half of its turns have the right role: an exact half does not.

# %%
chosen = table.set_index("method").loc[methods[0]]
record("turn_accuracy", chosen["turns"], n=int(chosen["n_turns"]), interval=(chosen["turns_low"], chosen["turns_high"]))
record(
    "conversation_accuracy",
    chosen["whole"],
    n=int(chosen["n_whole"]),
    interval=(chosen["whole_low"], chosen["whole_high"]),
)

# %% [markdown]
# Every method and every floor goes on record under its own name.

# %%
for row in table.itertuples():
    name = row.method.replace(", ", "_").replace(" ", "_")
    record(f"turn_accuracy_{name}", row.turns, n=row.n_turns, interval=(row.turns_low, row.turns_high))
    record(f"conversation_accuracy_{name}", row.whole, n=row.n_whole, interval=(row.whole_low, row.whole_high))
show(
    intervals(table["method"], table["turns"], table["turns_low"], table["turns_high"], x="share of turns right"),
    title="Turns with the right role, held-out conversations",
)

# %% [markdown]
# Whole conversations fail together: if the method takes one side for the other, nearly all turns are wrong. Hence the wide intervals, over conversations.

# %%
show(
    intervals(table["method"], table["whole"], table["whole_low"], table["whole_high"], x="share of conversations"),
    title="Conversations the right way round",
)

# %% [markdown]
# ## Does the confidence mean what it says?
# A confidence of 0.8 should be right four times out of five. Below the threshold the method abstains.

# %%
right = (judged["speaker"] == on_test[methods[0]]["role"]).astype(float)
confidence = on_test[methods[0]]["confidence"]
curve = reliability_table(confidence, right, bins=10)
show(reliability({methods[0]: (curve.confidence, curve.share_right)}), title="Confidence against being right")

# %% [markdown]
# The calibration error sums the picture up. What a threshold buys is below: fewer turns labelled, and those more often rightly.

# %%
record("calibration_error", expected_calibration_error(confidence, right, bins=10), n=len(judged))
shares = shares_above([0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99], confidence, right)
show(
    lines(shares["threshold"], {"labelled": shares["labelled"], "right": shares["accuracy"]}, x="threshold", y="share"),
    title="A higher threshold labels fewer turns, and those better",
)

# %% [markdown]
# At the threshold of this run:

# %%
above = shares_above([threshold], confidence, right).iloc[0]
record("labelled_share", above["labelled"], n=len(judged))
record("accuracy_when_labelled", above["accuracy"], n=int((confidence >= threshold).sum()))

# %% [markdown]
# ## What is it worth to someone with a diariser?
# Labels of known turns are swapped and neighbouring turns run together, as diarisers do; then every segment is cut into sentences and labelled anew, with the diariser as one source among the others. Errors are counted by word.

# %%
repair = repair_diarisation(
    known,
    taught[split == VALIDATION],
    conversations,
    fitted[methods[0]],
    swap_share=swap_share,
    merge_share=merge_share,
    seed=seed,
)
record("word_error_before", repair.before.value, n=repair.before.n, interval=repair.before.interval)
record("word_error_after", repair.after.value, n=repair.after.n, interval=repair.after.interval)

# %% [markdown]
# ## The labelled turns
# Speakers that the corpus names stay. Neighbouring turns of one side are merged for people to read.

# %%
everywhere = labels.get(methods[0])
if everywhere is None:
    everywhere = label_turns(turns, conversations, fitted[methods[0]])
labelled = labelled_turns(turns, conversations, everywhere, threshold=threshold)
record("unknown_share", float(labelled["speaker"].isna().mean()), n=len(labelled))
run.write_table("turns", labelled, TURNS_SCHEMA)

# %% [markdown]
# For people there is a table in reading order, with what the method could not decide left open.

# %%
readable = readable_transcripts(labelled)
run.write_csv("transcripts.csv", readable)
pd.set_option("display.max_colwidth", 100)
readable.head(10)

# %% [markdown]
# ## Findings

# %% tags=["findings"]
say(
    "In conversations that no method had seen, {turn_accuracy:share} of the turns get the right speaker, and {conversation_accuracy:share} of the conversations are the right way round."
)
say(
    "Its words alone tell the speaker of a turn in {turn_accuracy_words_of_the_turn:share} of the cases, the rule that sides take turns in {turn_accuracy_sides_take_turns:share}."
)
say(
    "Confidence is off by {calibration_error:.3f} on average. At the chosen threshold {labelled_share:.1%} of the turns are labelled, and {accuracy_when_labelled:.1%} of those rightly."
)
say("Words that a diariser gave to the wrong side fall from {word_error_before:share} to {word_error_after:share}.")
say("{unknown_share:.1%} of all turns are left unknown rather than guessed.")

# %% [markdown]
# ## Sources
# Viterbi and forward-backward: Rabiner 1989. Weights of the sources: conditional random fields, Lafferty et al. 2001. Word diarisation errors: Shafey et al. 2019.

# %%
run.finish()
