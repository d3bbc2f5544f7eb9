# %% [markdown]
# # Bring your own data
#
# **Question** · How does a CSV with columns of its own become a first report, and what goes wrong on the way?
#
# **Inputs** · none: the first cell writes a file like those that people have, made from the sample
#
# **Outputs** · that file and a study in `folder`; the report of the study in `reports/`
#
# **Cost** · ten minutes to read; the study at the end runs for half a minute

# %%
import pandas as pd
import yaml

from pipelines.lab import run_study
from shared.classifier import named_outcomes
from shared.data import check_rejected, read_corpus
from shared.runs import UserError, project, resolve_path

# %% tags=["parameters"]
folder: str = "data/raw/your_data"  # where the file and the study are written; data/raw is not in version control
run_version: str = "your_data"  # folder under runs/ and reports/
conversations: int = 120  # calls of the file, in [40, 360]

# %% [markdown]
# ## The file
# Fundraising calls, one row a line of the call, exported by somebody who did not think of us: columns have other names,
# the sides are called otherwise, semicolons stand between the columns, and the encoding is that of an old Windows.
# A few lines are there twice. With a file of your own, skip this cell and put its path into the next one.

# %%
spoken = pd.read_csv(project() / "data/sample/transcripts.csv").head(conversations)
said = spoken.assign(line=spoken["conversation"].str.split("\n")).explode("line")
said["turn"] = said.groupby("conversation_id").cumcount()
sides = pd.read_csv(project() / "data/sample/truth_turns.csv").replace({"agent": "Fundraiser", "donor": "Supporter"})
calls = said.merge(sides, on=["conversation_id", "turn"])

# %%
calls["line"] = calls["line"].str.replace("good morning", "good morning, José here")
names = {"conversation_id": "Call no", "turn": "Line", "speaker": "Who", "line": "What was said", "outcome": "Result"}
export = calls.rename(columns=names)[list(names.values())]
export = pd.concat([export, export.iloc[[3, 30, 300]]])

# %%
place = resolve_path(folder)
place.mkdir(parents=True, exist_ok=True)
file = place / "calls.csv"
export.to_csv(file, sep=";", encoding="cp1252", index=False)
pd.set_option("display.max_colwidth", None)
export.head(5)

# %% [markdown]
# ## What kind of file is it?
# `data/README.md` lists the layouts. One row a line of a conversation is `turns`, one row a whole transcript is `transcripts`, and
# `{"messages": [...]}` is `chats`. Reading it costs nothing, so it is tried here before any study is written. The messages
# are the ones that a stage stops with: `UserError` always means that something can be mended outside of the code.
#
# ### Error 1: the file is not found
# A relative path begins at the project's folder, wherever a notebook lies.

# %%
try:
    read_corpus(place / "cals.csv", kind="turns")
except UserError as error:
    print(error)

# %% [markdown]
# ### Error 2: the columns have other names
# Both missing columns are named at once, with what they might be called here. The semicolons were noticed and need no word.

# %%
try:
    read_corpus(file, kind="turns")
except UserError as error:
    print(error)

# %% [markdown]
# **Mended** by `columns`: our name first, then the one in the file. Optional columns are worth naming too: without `outcome`
# nothing can be predicted, and without `speaker` the sides have to be guessed by the stage `speakers`.

# %%
columns = {"conversation_id": "Call no", "turn": "Line", "speaker": "Who", "text": "What was said", "outcome": "Result"}
found = read_corpus(file, kind="turns", columns=columns)
print(f"{found.rows:,} rows, {len(found.rejected):,} rejected")

# %% [markdown]
# ### Error 3: the sides are called otherwise
# The columns are right, yet every row is rejected. A rejected row is never lost in silence: it comes with its line and the reason.

# %%
rejected = pd.DataFrame(found.rejected)
rejected.groupby("reason").agg(rows=("line", "size"), first_line=("line", "min"))

# %% [markdown]
# **Mended** by `roles`, which says what each word means. There are two sides, `agent` and `donor`: who calls for the
# organisation, and whom it calls. In a support chat the assistant is the agent, the user the donor.

# %%
roles = {"Fundraiser": "agent", "Supporter": "donor"}
found = read_corpus(file, kind="turns", columns=columns, roles=roles)
pd.DataFrame(found.rejected)[["line", "reason"]].drop_duplicates("reason")

# %% [markdown]
# ### Error 4: the encoding
# What is left are lines with an accent: bytes that are no UTF-8. A wrong guess would give `JosÃ©` and say nothing, so
# nothing is guessed. Files from Excel on Windows are usually `cp1252`; saving as "CSV UTF-8" avoids the question.

# %%
found = read_corpus(file, kind="turns", columns=columns, roles=roles, encoding="cp1252")
pd.DataFrame(found.rejected)[["line", "reason"]]

# %% [markdown]
# ### Error 5: the same line twice
# Three rows say that a turn is there already. The first of two rows counts, the second is rejected. That is few, and a stage
# goes on as long as at most 5 % of the rows are rejected (`max_rejected_fraction`). Were it more, it would stop:

# %%
try:
    check_rejected(found, max_rejected_fraction=0.0)
except UserError as error:
    print(error)

# %% [markdown]
# **Mended** in the file if the rows are wrong, or by the limit if they may go. Here they may go: three of
# so many change no figure.
#
# ## The study
# A study says which stages run, with which values. This one reads the file, and asks whether the words of a call tell how it ends.
# With `redact: true` names, numbers, e-mails, cards and addresses become placeholders before anything is computed.

# %%
explore = {"corpus": str(file), "kind": "turns", "columns": columns, "roles": roles, "encoding": "cp1252"}
classifier = {"model": "builtin", "seeds": [0], "epoch": 2, "max_tokens": 96}
study = {"study": "your_data", "run_version": run_version, "redact": True, "stages": {}}
study["stages"] = {"explore": {"params": explore}, "classifier": {"after": ["explore"], "params": classifier}}
study_file = place / "your_data.yaml"

# %%
study_file.write_text(yaml.safe_dump(study, allow_unicode=True, sort_keys=False), encoding="utf-8")
print(study_file.read_text(encoding="utf-8"))

# %% [markdown]
# ### Error 6: a parameter is misspelt
# Every value of a study is checked before the first stage starts, so this costs a second, not an hour.

# %%
try:
    run_study(str(study_file))
except UserError as error:
    print(error)

# %% [markdown]
# **Mended** by its name. `python -m pipelines check your_data.yaml` does the same check and runs nothing.

# %%
classifier["epochs"] = classifier.pop("epoch")
study_file.write_text(yaml.safe_dump(study, allow_unicode=True, sort_keys=False), encoding="utf-8")
print(classifier)

# %% [markdown]
# ### Error 7: there is nothing to tell apart
# A classifier needs two outcomes with a few conversations each. Here are the ones that were read:

# %%
outcomes = found.conversations["outcome"]
outcomes.value_counts(dropna=False)

# %% [markdown]
# And if all calls had ended the same way, or the column were really a free remark of which hardly a value occurs twice?

# %%
try:
    named_outcomes(outcomes.replace({"refused": "donated", "callback": "donated"}), {}, least=10)
except UserError as error:
    print(error)

# %% [markdown]
# **Mended** by naming another column as `outcome`, by merging rare outcomes (`outcomes: {callback: refused}` among the classifier's
# parameters), or by leaving that stage out: `explore`, `speakers`, `embeddings`, `vqvae` and `codes` need no outcome.
#
# ## The first report
# The same as `python -m pipelines run your_data.yaml` in a terminal. A second run finds nothing to do; after a change of the file,
# of a parameter or of the code it repeats just what depends on it.

# %%
run_study(str(study_file))

# %% [markdown]
# The link opens a page that needs no network and can be sent on. It begins with what was found. Look first at
# *Explore a corpus*: how many rows were rejected, who speaks, what redaction replaced; then at how far the classifier is above its
# floors. With 120 calls its interval is wide: that is a finding as well, and the honest one.
#
# ## With your file
# 1. Put it anywhere; `data/raw/` is never committed.
# 2. Copy `pipelines/studies/conversations.yaml`, set `corpus`, `kind`, `columns`, `roles`, and remove `truth`.
# 3. `python -m pipelines run <your study>.yaml --task explore`, read its page, and only then let the other stages run.
#
# ## Sources
# The calls are generated by `shared.data` (see `data/README.md`); nobody real is in them. Why an encoding is never guessed:
# the Unicode standard, section 3.9, which has a decoder report ill-formed bytes instead of passing them on.
