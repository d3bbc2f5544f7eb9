# %% [markdown]
# # Learn a codebook of turns
#
# **Question** · Can a turn be summed up by one of a few dozen codes, and would another seed find the same codes?
#
# **Inputs** · `turn_vectors` and `conversations`
#
# **Outputs** · `codebook/` (weights in safetensors and settings), `assignments` (the codes of every method and seed),
# `metrics.jsonl` (a line an epoch)
#
# **Cost** · seconds an epoch for 20,000 turns; resumes after a kill at the last finished epoch, bit by bit

# %%
import numpy as np
import pandas as pd

from shared.figures import bars, intervals, lines, show
from shared.runs import begin, record, say
from shared.stats import mean_estimate, paired_difference
from shared.vqvae import (
    CodebookSettings,
    fit_codebook,
    fsq_settings,
    grouped_jackknife,
    held_out_conversations,
    kmeans_codes,
    most_central,
    perplexity,
    save_codebook,
    seed_agreement,
    stack_vectors,
    usage,
    windows,
)

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read; empty = every earlier one
seed: int = 0  # of the split, the first training and the intervals
codes: int = 64  # size of the codebook, in [2, 4096]
context: int = 0  # previous turns that encoder and decoder see, in [0, 8]
context_weight: float = 0.5  # weight of the previous turn; its square for the one before, in (0, 1]
code_dim: int = 64  # numbers in the encoder's summary of a turn, in [2, 1024]
hidden: int = 256  # width of the hidden layers, in [1, 8192]
epochs: int = 20  # passes over the train turns, in [1, 10000]
batch_size: int = 512  # turns a step, in [8, 65536]
learning_rate: float = 0.001  # peak of a cosine schedule, in (0, 1]
ema_decay: float = 0.9  # how slowly codes follow their members, in (0, 1)
dead_below: float = 1.0  # a code with fewer members a batch is replaced; 0 = never, in [0, 1000]
seeds: int = 3  # trainings, to see whether the codes are found again, in [1, 20]
held_out: float = 0.2  # share of conversations nothing is learned from, unless the corpus has splits, in (0, 1)

# %%
run = begin("vqvae", globals())

# %% [markdown]
# ## What may be learned from?
# Whole conversations are held out. Weights, codes, the centre and the scale of the vectors come from the others.

# %%
frame, conversations = run.table("turn_vectors"), run.table("conversations")
names = frame["conversation_id"].astype(object).to_numpy()
turns = windows(stack_vectors(frame), names, context)
apart = np.isin(names, list(held_out_conversations(conversations, fraction=held_out, seed=seed)))
train, test = np.flatnonzero(~apart), np.flatnonzero(apart)
record("train_turns", len(train))
record("held_out_turns", len(test))

# %% [markdown]
# ## Training
# Encoder and decoder start as principal components and are bent from there; the codebook starts with k-means, follows
# its members by a moving average, and codes that lose their members are put back among the turns.

# %%
settings = CodebookSettings(
    codes=min(codes, len(train)),
    code_dim=min(code_dim, turns.vectors.shape[1]),
    hidden=hidden,
    context=context,
    context_weight=context_weight,
    ema_decay=ema_decay,
    dead_below=dead_below,
    epochs=epochs,
    batch_size=batch_size,
    learning_rate=learning_rate,
)
checkpoints = run.checkpoints
fits = [
    fit_codebook(turns, train, test, settings, seed=seed + i, checkpoint=checkpoints / f"vq-{i}.safetensors")
    for i in range(seeds)
]
history = pd.DataFrame([line for fit in fits for line in fit.history])
run.write_jsonl("metrics.jsonl", history.to_dict("records"))

# %% [markdown]
# The gap between the two curves is what was learned by heart. Where the lower one climbs again, fewer epochs would have done.

# %%
first = history[history["seed"] == seed]
columns = {"train": "reconstruction_train", "held out": "reconstruction_held_out"}
show(
    lines(first["epoch"], {n: first[c] for n, c in columns.items()}, x="epoch", y="squared error (1 = average turn)"),
    title="What a code leaves unsaid about a turn",
)

# %% [markdown]
# A codebook of which few codes are used describes turns with fewer words than it has; dead codes are put back to work every epoch.

# %%
curves = {"perplexity": first["perplexity_train"], "used": first["used_train"], "dead": first["dead_train"]}
show(lines(first["epoch"], curves, x="epoch", y="codes"), title="Use of the codebook by the train turns")

# %% [markdown]
# ## Would another seed find the same codes?
# Agreement is adjusted mutual information on held-out turns: 1 = the same codes under other names, 0 = chance. The
# seed that agrees most with the others *on train turns* is kept. k-means with as many seeds is the yardstick.

# %%
assigned = [fit.model.assign(turns) for fit in fits]
coded = [found[0] for found in assigned]
kept = most_central([c[train] for c in coded])
kmeans = [kmeans_codes(turns, train, settings, seed + i) for i in range(seeds)]
agreement = grouped_jackknife(lambda *c: seed_agreement(c), *(c[test] for c in coded), clusters=names[test], seed=seed)
record("seed_agreement", agreement.value, n=agreement.n, interval=agreement.interval if seeds > 1 else None)
record("seed_agreement_kmeans", seed_agreement([c[test] for c, _ in kmeans]), n=len(test))

# %% [markdown]
# ## What does it have to beat?
# k-means on the same vectors, and a finite scalar quantiser (no codebook at all) in the same encoder and decoder; each
# with the same number of codes. Lower is better, 1 is what the average train turn costs.

# %%
fsq_fit = fit_codebook(
    turns, train, test, fsq_settings(settings), seed=seed, checkpoint=checkpoints / "fsq.safetensors"
)
fsq_codes, fsq_error, _ = fsq_fit.model.assign(turns)
errors = {"reconstruction": assigned[kept][1], "reconstruction_kmeans": kmeans[0][1], "reconstruction_fsq": fsq_error}
estimates = {name: mean_estimate(error[test], names[test], seed=seed) for name, error in errors.items()}
for name, found in estimates.items():
    record(name, found.value, n=found.n, interval=found.interval)
gain = paired_difference(kmeans[0][1][test], assigned[kept][1][test], names[test], seed=seed).estimate
record("gain_over_kmeans", gain.value, n=gain.n, interval=gain.interval)
record("verdict", gain.interval.beside(0.0))

# %% [markdown]
# Overlapping intervals do not rank the methods: a VQ-VAE is worth its training only if it lies clearly to the left of k-means.

# %%
bounds = np.array([[e.value, *e.interval] for e in estimates.values()]).T
show(
    intervals(["VQ-VAE", "k-means", "FSQ"], *bounds, x="squared error on held-out turns (1 = average turn)"),
    title="Reconstruction at equal numbers of codes",
)

# %% [markdown]
# ## Is the codebook used?
# Perplexity is the size of an equally busy codebook. A high one is no quality by itself: random codes have the highest.

# %%
mine = coded[kept]
found = usage(mine[train], settings.codes)
busy = grouped_jackknife(perplexity, mine[train], clusters=names[train], seed=seed)
record("perplexity", busy.value, unit="codes", n=busy.n, interval=busy.interval)
unseen = grouped_jackknife(perplexity, mine[test], clusters=names[test], seed=seed)
record("perplexity_held_out", unseen.value, unit="codes", n=unseen.n, interval=unseen.interval)
record("codes", settings.codes)
record("used_codes", found.used, n=len(train))
record("dead_codes", found.dead, n=len(train))

# %% [markdown]
# An even line would be a uniform code. Language is not uniform, so a falling one is expected; a cliff is not.

# %%
counts = np.sort(np.bincount(mine[train], minlength=settings.codes))[::-1]
show(
    lines(np.arange(1, settings.codes + 1), {"turns": counts}, x="codes, most frequent first", y="train turns"),
    title="How evenly the codes are used",
)

# %% [markdown]
# ## What is written
# The kept codebook, and for every turn the codes of all methods and seeds, so that later stages can compare them.

# %%
with run.new_folder("codebook") as folder:
    save_codebook(folder, fits[kept].model)
table = frame[["conversation_id", "turn"]].assign(held_out=apart, vqvae=mine, kmeans=kmeans[0][0], fsq=fsq_codes)
run.write_table("assignments", table.assign(**{f"vqvae_seed_{seed + i}": c for i, c in enumerate(coded)}))
record("kept_seed", seed + kept)

# %% [markdown]
# The same question to all three methods, on turns that none of them has seen:

# %%
says = ["VQ-VAE", "k-means", "FSQ"]
sizes = [perplexity(c[test]) for c in (mine, kmeans[0][0], fsq_codes)]
show(bars(says, sizes, x="perplexity on held-out turns (codes)"), title="Use of the codes by each method")

# %% [markdown]
# ## Findings

# %% tags=["findings"]
say("One of {codes:.0f} codes a turn leaves {reconstruction:share} of what tells turns apart unsaid, k-means {reconstruction_kmeans:share}: the VQ-VAE {verdict} k-means.")
say("Turn by turn it leaves less unsaid than k-means by {gain_over_kmeans}; a quantiser without a codebook (FSQ) leaves {reconstruction_fsq:share}.")
say("The codes are used as evenly as {perplexity} would be; {dead_codes:.0f} are dead.")
say("Trained from another seed, the codes agree {seed_agreement} on held-out turns (1 = the same codes, 0 = chance); those of k-means {seed_agreement_kmeans}.")

# %% [markdown]
# **Sources** · van den Oord et al. 2017 (VQ-VAE) · Mentzer et al. 2024 (FSQ) · Vinh et al. 2010 (adjusted mutual
# information) · vector-quantize-pytorch

# %%
run.finish()
