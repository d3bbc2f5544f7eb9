# %% [markdown]
# # Start here
#
# **Question** · What can this lab answer, what was run already, and how do I run the next thing?
#
# **Inputs** · the notebooks beside this one, the studies in `pipelines/studies/`, and whatever lies in `runs/`
#
# **Outputs** · what the study below writes to `runs/` and `reports/`; this notebook itself keeps nothing
#
# **Cost** · the study `demo` takes about six minutes on two cores the first time, and seconds when nothing has changed

# %%
from pipelines.lab import run_study, show_parameters, show_questions, show_runs, show_stages

# %% tags=["parameters"]
study: str = "demo"  # a name in pipelines/studies, or the path of a study of your own
run_version: str | None = None  # folder under runs/ and reports/; None = the one that the study names
task: str | None = None  # only this stage and what it reads, such as explore; None = every stage

# %% [markdown]
# ## What can be asked?
# One notebook is one stage, and every stage answers one question. The numbers are the order in which stages build on
# each other: 1xx is the conversation track, 2xx the authors, 3xx encoders in place of LLM calls, 4xx the model that
# answers, 5xx what its users say, 6xx where the predictions go wrong. A click opens the notebook.

# %%
show_questions()

# %% [markdown]
# ## What was run?
# Every folder of `runs/` is one run version. Its report is a small site that opens anywhere, without a network;
# a stage that failed has a page that says at which cell, and what probably helps.

# %%
show_runs()

# %% [markdown]
# ## Run a study
# A study is a chain of stages with their parameters, written down in one YAML. The next cell runs what is not up to
# date, and its table follows: which stage is at which cell, for how long, and what is already there to be read.
# Whatever is up to date stays as it is. To stop, interrupt the kernel (■): the next run continues with what is missing.
#
# To begin with less, set `task = "explore"` in the parameters cell above; for another study, its name.

# %%
run_study(study, task=task, run_version=run_version)

# %% [markdown]
# ## Is everything up to date, and if not, why?
# A stage is done if its code, its parameters, the modules behind it and its inputs are what they were. Otherwise the
# table says what changed; the next run repeats that stage, and what reads it only if its outputs became different.

# %%
show_stages(study, run_version)

# %% [markdown]
# ## Change something
# Every notebook has one cell of parameters; a line names the type and what is legal. These are the ones of the
# first stage:

# %%
show_parameters("explore")

# %% [markdown]
# There are three ways to use another value, and all of them end in the same report:
#
# 1. **In the notebook.** Open it, change the parameters cell, give `run_version` a name of your own, and run all cells.
#    Save it: a few seconds later its report is there, and the last cell links to it. The notebooks of the earlier
#    stages must have been run under the same `run_version`.
# 2. **In a study.** Put the value under the stage's `params:` in its YAML, and run the study with the cell above.
#    This is the way to keep: the study remembers why the figures are what they are.
# 3. **On the command line**, to try a value once:
#    `python -m pipelines run demo --task explore --set explore.seed=1 --run-version trial`
#
# An edited notebook is seen at once: the table above calls its stage stale. Before it is committed, `python -m
# pipelines pair` takes the outputs out of the `.ipynb` again.
#
# ## Your own data
# A CSV, JSONL or Parquet file with one row a turn or a transcript is enough. [001_your_data](001_your_data.ipynb) leads
# from such a file to its first report in ten minutes, and shows what goes wrong on the way; `data/README.md` describes
# each layout.
#
# ## Sources
# The methods' papers stand at the end of each notebook. The idea of a study as one YAML and of executed notebooks as
# its record is papermill's (https://papermill.readthedocs.io) and CUPiD's (https://github.com/NCAR/CUPiD).
