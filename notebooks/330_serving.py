# %% [markdown]
# # Serve the encoder: small, fast, and still the same model
#
# **Question** · Can the trained node be exported to ONNX and INT8 without losing quality unnoticed, and how much faster does it answer?
#
# **Inputs** · `model` and `predictions` of stage `nodes` (test messages with labels), or a model folder and a labelled file
#
# **Outputs** · `node/` (what to serve: INT8 if it passed the gate, else fp32), `latency`, `throughput`, `quality`, `classes`
#
# **Cost** · half a minute on a CPU

# %%
import pandas as pd
from IPython.display import display

from shared.data import redacted
from shared.figures import bars, lines, show
from shared.models import read_task
from shared.nodes import read_labelled_csv
from shared.runs import begin, record, say
from shared.serving import (
    GateLimits,
    IntentClassifierModel,
    export_classifier,
    folder_bytes,
    latency_table,
    make_node,
    measure_latency,
    measure_throughput,
    message_of_length,
    quality_gate,
    quality_table,
    quantise,
)

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read; empty = every earlier one
seed: int = 0  # of the intervals
model: str = ""  # folder of a trained classifier; "" = the one that stage nodes left
test_file: str = ""  # labelled CSV or TSV to test on; "" = the test messages of stage nodes
task: str = "intent"  # whose columns and labels that file has: a task of data/tasks/, or the path of a YAML file
message: str = ""  # what latency is measured with; "" = the test message nearest to `tokens`
tokens: int = 20  # length of that message in tokens, in [3, 512]
rounds: int = 200  # timed calls of each model, in [10, 100000]
threads: int = 1  # that compute one answer, the same for every model; 0 = as each library chooses
batches: list[int] = [1, 8, 32, 128]  # messages given at once
heard: int = 32  # validation messages on which loud channels are evened out before INT8, in [0, 1000]; 0 = they are not
p_value: float = 0.05  # the gate refuses an export that is right less often and has a smaller McNemar p, in (0, 1)
accuracy_drop: float = 0.01  # largest loss of accuracy (and of macro-F1, for several labels a message), in [0, 1]
class_drop: float = 0.1  # largest loss of a class's recall, in [0, 1]
drift: float = 0.3  # largest change of any probability, in [0, 1]
others: list[str] = []  # folders of further trained classifiers or exports with the same labels, to compare
redact: bool = False  # replace names, numbers and addresses in `message` and in the test file

# %%
run = begin("serving", globals())

# %% [markdown]
# ## What is to be served, and what it is tested on
# The classifier as stage `nodes` left it, and the test messages that it never saw. The gate needs their true labels:
# agreement with itself would not tell a harmless change from a harmful one.

# %%
trained = run.input(model) if model else run.find("model")
reference = IntentClassifierModel(trained, threads=threads)
predictions = run.table("predictions") if run.has("predictions") or not test_file else pd.DataFrame()

# %% [markdown]
# A test file of one's own takes the place of those messages: last month's traffic with labels, say, or another team's.

# %%
if test_file:
    given = redacted(read_labelled_csv(run.input(test_file), read_task(task)), run, on=redact)
    joined = given["label"].map(lambda label: label if isinstance(label, str) else ",".join(label))
    heard_before = predictions.query("split == 'validation'") if len(predictions) else predictions
    predictions = pd.concat([heard_before, given.assign(label=joined, split="test")], ignore_index=True)

# %%
test = predictions[predictions["split"] == "test"].drop_duplicates("message").reset_index(drop=True)
truth = [label.split(",") if reference.kind == "multi" else [label] for label in test["label"]]
texts = test["message"].tolist()
record("test_messages", len(texts))
say("{test_messages} test messages.")

# %% [markdown]
# Repeated messages count once: a greeting that is sent a hundred times would otherwise pass the gate a hundred times.
#
# ## First export: the same numbers without torch
# ONNX keeps the weights in fp32, so it must give torch's logits up to rounding. Anything larger would be a fault of the
# export, which no gate on categories is sharp enough to see.

# %%
work = run.checkpoints
fp32 = export_classifier(trained, work / "fp32", texts[:64])
record("onnx_largest_logit_difference", fp32.largest_difference, n=min(64, len(texts)))
say("ONNX in fp32 differs from torch by at most {onnx_largest_logit_difference:.1e} in a logit.")

# %% [markdown]
# Rounding of fp32 is about a millionth of the logits' size: at that distance the two are one model.
#
# ## Second export: a quarter of the size
# INT8 rounds weights and activations, so it is another model, to be tested again. What it loses, it loses mostly to a few
# channels that are ten times as loud as the rest: one scale holds for all, and theirs leaves the others a handful of
# steps. They are turned down, and the weights that read them turned up by as much. By how much is decided on
# validation messages; the test messages below have had no say in it.

# %%
validation = predictions[predictions["split"] == "validation"].drop_duplicates("message")["message"]
calibration = validation.sample(min(heard, len(validation)), random_state=seed).tolist()
int8 = quantise(fp32.folder, work / "int8", calibration)
record("messages_heard", len(calibration))
say("{messages_heard} validation messages decided how far loud channels are turned down.")

# %% [markdown]
# ## The quality gate
# Same messages, both models. McNemar's test looks at the messages where only one of the two is right; the table of
# classes finds one that collapses behind a good total; the drift finds confidence that moved without an answer
# changing, which would shift every threshold downstream.
#
# The messages go through in batches, as in a nightly run. There the messages of a batch share the scales of their
# activations, so an answer depends a little on its neighbours.

# %% [markdown]
# Whatever else is to be compared (a larger encoder, last month's export) is named in `others` and answers the same messages;
# the verdict is about INT8 alone.

# %%
others_at = {folder: run.input(folder) for folder in others}
exports = {"ONNX fp32": fp32.folder, "INT8": int8} | others_at
models = {"torch fp32": reference} | {n: IntentClassifierModel(at, threads=threads) for n, at in exports.items()}
probabilities = {name: model.probabilities(texts) for name, model in models.items()}
limits = GateLimits(p_value=p_value, accuracy_drop=accuracy_drop, class_drop=class_drop, drift=drift)
judged = probabilities["torch fp32"], probabilities["INT8"], truth, reference.labels, limits
gate = quality_gate(*judged, thresholds=reference.thresholds)
record("gate", "passed" if gate.passed else f"refused: {'; '.join(gate.reasons)}")
record("int8_accuracy_change", gate.accuracy_change, n=len(texts))
if reference.thresholds is not None:
    record("int8_macro_f1_change", gate.macro_f1_change, n=len(texts))
record("int8_agreement", gate.agreement, n=len(texts))
record("int8_largest_drift", gate.largest_drift, n=len(texts))
record("int8_p_value", gate.test.p_value, n=gate.test.first_only + gate.test.second_only)
run.write_table("classes", gate.classes)
gate.classes.head(10)

# %% [markdown]
# The table starts with the classes that lost most. One message of a rare class is a large share of it and no evidence,
# which is why the gate asks for more than one.
#
# Refused means refused: then the fp32 export is what is served. The limits are parameters and stood there before the
# result; an export that fails is to be made better, not excused.

# %%
say("The gate: {gate}. INT8 gives the same category for {int8_agreement:.1%} of the messages, p = {int8_p_value:.2g}.")
served = int8 if gate.passed else fp32.folder
with run.new_folder("node") as folder:
    for file in served.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
record("served_weights", "INT8" if gate.passed else "fp32")

# %% [markdown]
# ## Quality beside size
# Every model that could be served, on the same messages, with intervals over groups of messages.

# %%
folders = {"torch fp32": trained} | exports
megabytes = {name: folder_bytes(path) / 1e6 for name, path in folders.items()}
options = {"thresholds": reference.thresholds, "seed": seed}
quality = quality_table(probabilities, truth, reference.labels, test["group"].tolist(), megabytes, **options)
run.write_table("quality", quality)
for row in quality.itertuples():
    slug = row.model.lower().replace(" ", "_")
    record(f"accuracy_{slug}", row.accuracy, n=len(texts), interval=(row.low, row.high))
    record(f"macro_f1_{slug}", row.macro_f1, n=len(texts))
    record(f"size_{slug}", row.megabytes, unit="MB")
quality

# %% [markdown]
# The intervals overlap almost wholly because the messages are the same: whether INT8 is worse is McNemar's question above,
# not theirs. Where a message may have several labels, accuracy asks whether the likeliest one is right, and macro-F1
# counts every label over its threshold.
#
# ## How long does one message wait?
# The models take turns of a few calls, so that whatever else the machine does slows all of them alike. The tokenizer is
# part of the time: a caller waits for it too. One thread each: more threads answer sooner and serve fewer at once.

# %%
timed = redacted(message, run, on=redact) or message_of_length(fp32.folder, texts, tokens)
predict = {name: model.predict_batch for name, model in models.items()}
latency = latency_table(measure_latency(predict, timed, rounds=rounds), against="torch fp32")
run.write_table("latency", latency)
show(bars(latency["model"], latency["p50_ms"], x="milliseconds for one message (p50)"), title="Latency of one message")
latency

# %% [markdown]
# p50 is what most callers wait, p95 what the unlucky ones do. Faster is counted at p50 against torch, because p95 tells as
# much of the machine as of the model; its interval draws turns, not calls, for calls of one turn share what went on meanwhile.

# %%
for row in latency.itertuples():
    record(f"p50_{row.model.lower().replace(' ', '_')}", row.p50_ms, unit="ms", n=rounds)
    record(f"p95_{row.model.lower().replace(' ', '_')}", row.p95_ms, unit="ms", n=rounds)
best = latency.set_index("model").loc["INT8"]
record("int8_speedup", best["speedup"], n=rounds, interval=(best["speedup_low"], best["speedup_high"]))

# %% [markdown]
# That is a node at work: the same model call after call, its weights still in the processor's cache. A node that answers a
# message now and then finds the cache full of other programs' data and first has to fetch its weights from memory. The
# models alternate call by call below, which is that case at its worst: each throws the others out. It costs the smallest
# model most, because arithmetic was never what it waited for.

# %%
alternating = latency_table(measure_latency(predict, timed, rounds=rounds, in_a_row=1), against="torch fp32")
run.write_table("latency_alternating", alternating)
cold = alternating.set_index("model").loc["INT8"]
record("p50_int8_cold", cold["p50_ms"], unit="ms", n=rounds)
record("int8_speedup_cold", cold["speedup"], n=rounds, interval=(cold["speedup_low"], cold["speedup_high"]))
alternating

# %% [markdown]
# A busy service is near the first table, an idle one near the second. `processor_ms` is what the process computed: where
# other programs hold the processor, it is less than the wait.
#
# Many messages at once are another matter: there arithmetic counts, and the distance shrinks.

# %%
throughput = measure_throughput(predict, texts, batches)
run.write_table("throughput", throughput)
wide = throughput.pivot(index="batch", columns="model", values="messages_per_second")
show(lines(wide.index, {name: wide[name] for name in wide}, x="messages at once", y="messages a second"))
record("int8_messages_per_second", float(wide["INT8"].max()), n=int(wide["INT8"].idxmax()))
wide.round(0)

# %% [markdown]
# ## In the workflow
# The node is a function of the state: load once, add it to a `StateGraph`, route on what it returns. Below a
# confidence it can say "unsure", and an edge can lead from there to the LLM. On Linux a service that starts with
# `GLIBC_TUNABLES=glibc.malloc.hugetlb=1` keeps its weights in large pages and has fewer addresses to look up.

# %%
node = make_node(IntentClassifierModel(run.folder / "node"), unsure_below=0.5)
display(node({"message": timed}))

# %% [markdown]
# ## Findings

# %% tags=["findings"]
say(
    "{served_weights} is served, because the quality gate {gate}: INT8 is right on {accuracy_int8:share} of the test messages, the trained model on {accuracy_torch_fp32:share}."
)
say("INT8 answers one message in {p50_int8} against {p50_torch_fp32} for torch: {int8_speedup} times faster at p50.")
say("Finding the cache full of other models' weights it takes {p50_int8_cold} and is {int8_speedup_cold} times faster.")
say(
    "It takes {size_int8} instead of {size_torch_fp32} and gives up to {int8_messages_per_second:.0f} messages a second."
)
say(
    "Between the two no probability changes by more than {int8_largest_drift}; macro-F1 is {macro_f1_torch_fp32:.3f} before and {macro_f1_int8:.3f} after."
)

# %% [markdown]
# ## Sources
# Dynamic INT8 quantisation with one scale an output channel: onnxruntime. Loud channels: after Xiao et al., *SmoothQuant*
# (ICML 2023). Exact McNemar test: binomial on the discordant pairs.

# %%
run.finish()
