# %% [markdown]
# # Move traffic from the LLM to the encoder
#
# **Question** · Is the encoder safe to answer in place of the LLM, when should the LLM still be asked, and what does it save?
#
# **Inputs** · the trained node (`model` of stage `nodes`), labelled messages as traffic, or the decision log of a live router
#
# **Outputs** · `decisions` (every routed message), `review_queue.csv`, `feedback` (what users did), `retraining` (rows for the next training)
#
# **Cost** · seconds; on a live log no message is classified again

# %%
from typing import Literal

import numpy as np
import pandas as pd

from shared.data import redacted
from shared.figures import COLOURS, confusion, histogram, lines, show
from shared.models import encode
from shared.runs import begin, progress, record, say
from shared.serving import IntentClassifierModel
from shared.shadow import (
    DecisionLog,
    Router,
    RouterSettings,
    SimulatedLLM,
    agreement,
    break_even,
    cost_per_thousand,
    disagreement_counts,
    drift_report,
    escalation_threshold,
    feedback_table,
    latency_table,
    read_log,
    retraining_set,
    review_queue,
    simulated_signal,
    unhappy_share,
)

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read; empty = every earlier one
seed: int = 0  # of the simulated LLM, the traffic and the intervals
log_folder: str = ""  # decision log of a live router; "" = route simulated traffic
mode: Literal["shadow", "canary", "cut_over"] = "shadow"  # how the simulated traffic is split
canary_share: float = 0.2  # share of conversations that the encoder answers in a canary, in [0, 1]
llm_accuracy: float = 0.94  # how often the simulated LLM is right, in [0, 1]
llm_failing: float = 0.03  # share of its calls that fail, in [0, 1]
llm_latency_ms: float = 2.0  # median of its latency; a real one takes 200 to 500 ms, in [0, 60000]
max_messages: int = 1000  # simulated traffic at most, in [20, 1000000]
messages_a_conversation: int = 4  # simulated traffic, in [1, 100]
target_agreement: float = 0.9  # agreement that the encoder must reach where it answers alone, in (0, 1]
llm_price: list[float] = [0.0001, 0.0003]  # US dollars for one call, 5 % and 95 % quantiles, in (0, 1000]
messages_per_day: list[float] = [5000.0, 20000.0]  # likewise, in (0, inf)
one_off_cost: float = 150.0  # US dollars for labels and training, in [0, inf)
monthly_cost: float = 10.0  # US dollars a month for serving the encoder, in [0, inf)
queue_size: int = 50  # messages for people to review, in [0, 100000]
confident: float = 0.9  # confidence from which an agreed category becomes a training label, in [0, 1]
redact: bool = False  # replace names, numbers and addresses of what is read from outside, before anything is computed

# %%
run = begin("shadow", globals())

# %% [markdown]
# ## Traffic
# A live router writes its log itself: `Router(encoder, llm, RouterSettings(...), DecisionLog(folder))` in the workflow,
# and its folder goes into `log_folder` here. Without one, labelled messages that the encoder was not trained on stand in
# for traffic, and a simulated LLM (right with the probability above, slow, sometimes down) stands in for the real one.
#
# The encoder's own training messages would not do: on those it is nearly always right, and so would seem safe.

# %%
encoder = IntentClassifierModel(run.find("model"))
predictions = run.table("predictions")
held_out = predictions[predictions["split"] == "test"].drop_duplicates("message")
held_out = held_out.sample(frac=1.0, random_state=seed).head(max_messages)
truth = dict(zip(held_out["message"], held_out["label"], strict=True))
record("simulated", "no" if log_folder else "yes")

# %% [markdown]
# What the simulated LLM says of a message follows from the message and the seed alone, not from the order in which the
# router's threads ask: the same parameters give the same log.

# %%
simulated = SimulatedLLM(truth, accuracy=llm_accuracy, failing=llm_failing, latency_ms=llm_latency_ms, seed=seed)

# %% [markdown]
# Each message is answered by one of the two and logged with what both said. Afterwards the user goes on, says it again in
# other words, contradicts or leaves: `router.feedback` writes that down as a line of its own, since it is known later. The
# simulated user takes six of ten wrong answers badly, and one of ten right ones; three in ten give no sign.

# %%
settings = RouterSettings(mode=mode, canary_share=canary_share, log_text=True)
folder = run.input(log_folder) if log_folder else run.folder / "log"
if not log_folder:
    with run.new_folder("log") as log, Router(encoder.predict, simulated, settings, DecisionLog(log)) as router:
        for i, message in enumerate(progress(list(truth), "messages routed")):
            conversation = f"conversation-{i // messages_a_conversation}"
            said = router.answer(conversation, message)
            signal = simulated_signal(message, right=said.category == truth[message], seed=seed)
            if signal:
                router.feedback(conversation, message, signal)

# %% [markdown]
# The log is read back as a live one would be: rotated files together, a line that a crash cut off counted and left out.
# What became of the LLM's calls comes first, for a comparison on the half that was answered would be one of easy messages.

# %%
decisions = read_log(folder)
rows = redacted(decisions.rows, run, on=redact)
run.write_table("decisions", rows)
record("decisions", len(rows))
record("unreadable_lines", decisions.n_unreadable)
rows["llm_status"].value_counts().to_frame("messages")

# %% [markdown]
# ## Do they agree?
# Agreement is not accuracy: where they differ, either may be right. It is counted only where both answered, and its
# interval is over conversations, because messages of one conversation are alike.

# %%
agreed = agreement(rows, seed=seed)
record("agreement", agreed.value, n=agreed.n, interval=agreed.interval)
record("without_llm_answer", agreed.n_unscored, n=len(rows))

# %% [markdown]
# Which categories they take for each other says more than the total: two that are confused both ways may be one label.

# %%
counts = disagreement_counts(rows)
figure = confusion(counts.to_numpy(), counts.index.tolist())
figure.update_layout(xaxis_title="encoder says", yaxis_title="LLM says")  # neither of them is the truth
figure.update_traces(
    colorbar_title_text="share of what<br>the LLM says so",
    hovertemplate="LLM %{y}<br>encoder %{x}<br>%{customdata}<extra></extra>",
)
show(figure, title="LLM (rows) against encoder (columns)")

# %% [markdown]
# The rows off the diagonal are where a person's look is worth most: see the queue below.
#
# ## When should the LLM still be asked?
# Below some confidence the encoder should hand over. Half of the conversations choose the threshold, the other half says what it is worth.

# %%
escalation = escalation_threshold(rows, target_agreement, seed=seed)
record("escalation_threshold", escalation.threshold)
record(
    "agreement_above_threshold",
    escalation.agreement.value,
    n=escalation.agreement.n,
    interval=escalation.agreement.interval,
)
record("escalated_share", escalation.escalated.value, n=escalation.escalated.n, interval=escalation.escalated.interval)

# %% [markdown]
# The threshold has to hold with the lower end of its interval, so with little traffic it is stricter than it need be: more
# of the log buys a lower share for the LLM. The curve is that of the half that chose it.

# %%
curve = escalation.curve
figure = lines(
    curve["escalated"],
    {"agreement": curve["agreement"], "lower bound": curve["low"]},
    x="share sent to the LLM",
    y="agreement where the encoder answers",
)
figure.add_hline(y=target_agreement, line_dash="dash", line_color=COLOURS[1], annotation_text="target")
show(figure, title="What asking the LLM more often buys")

# %% [markdown]
# ## What did users do?
# Agreement asks the LLM whether the encoder is right. Users say something too, unasked: they rephrase, correct or leave. It
# is no verdict on one answer, for people also rephrase after a right one; the distance between rows is what tells. Where the
# encoder would have said something different and users took the LLM's answer badly, the encoder may have known better.

# %%
unhappy = unhappy_share(rows, seed=seed)
record("unhappy", unhappy.value, n=unhappy.n, interval=unhappy.interval)
record("without_a_sign", unhappy.n_unscored, n=len(rows))
reactions = feedback_table(rows, seed=seed)
run.write_table("feedback", reactions)
reactions.round(3)

# %% [markdown]
# ## What does it save?
# Latency and cost as they were; the break-even as a distribution, since neither traffic nor price is known exactly.

# %%
latency_table(rows)

# %% [markdown]
# The encoder's milliseconds are those of torch here, one message at a time; stage `serving` has those of its export. A price
# known only as a range makes a range of days: the middle of it is the geometric mean, since prices differ by factors.

# %%
middle_price = float(np.sqrt(llm_price[0] * llm_price[1]))
record("cost_per_thousand", cost_per_thousand(rows, middle_price), unit="USD", n=len(rows))
even = break_even(
    one_off_cost=one_off_cost, monthly_cost=monthly_cost, messages_per_day=(messages_per_day[0], messages_per_day[1]),
    llm_price=(llm_price[0], llm_price[1]), escalated=escalation.escalated, seed=seed,
)  # fmt: skip
record("break_even_days", even.p50, unit="days", interval=(even.p5, even.p95))
record("never_breaks_even", even.never)

# %% [markdown]
# A break-even that never comes in a share of the draws is not rare: little traffic and a cheap LLM are enough.

# %%
# The slowest twentieth of the draws would stretch the axis until nothing else could be read; the interval has it.
shown = even.days[even.days <= even.p95]
show(
    histogram(
        {"break-even": shown}, x="days until the encoder has paid for itself (fastest 95 % of the draws)", y="draws"
    ),
    title="Break-even",
)

# %% [markdown]
# ## Is today's traffic still what the encoder was accepted on?
# The first half of the log is the reference, the second half is today. An alarm asks for a look, it does not decide. Three
# looks, because they miss different things: categories shift when users want something else, confidences when they say it
# otherwise, and the messages' vectors when they do either in a way that the encoder does not notice.

# %%
half = len(rows) // 2
vectors = encode(rows["text"].fillna("").tolist()) if rows["text"].notna().any() else None
drifts = drift_report(
    rows[:half], rows[half:], (vectors[:half], vectors[half:]) if vectors is not None else None, seed=seed
)
record("drift_alarms", sum(drift.alarm for drift in drifts), n=len(drifts))
pd.DataFrame(drifts)

# %% [markdown]
# ## What should people look at, and what is learned from it?
# First what a user took badly, then what the two see differently though the encoder is sure, then what it is unsure of. The
# next training learns from what people decide in that queue, and from messages on which both agree with confidence and no
# user objected; agreement alone would teach the encoder the LLM's mistakes.

# %%
queue = review_queue(rows, queue_size)
run.write_csv("review_queue.csv", queue.assign(label=""))
retraining = retraining_set(rows, pd.DataFrame(columns=["text", "label"]), confident=confident)
run.write_table("retraining", retraining)
record("queued", len(queue))
record("retraining_rows", len(retraining))
queue.head(10)

# %% [markdown]
# ## Findings

# %% tags=["findings"]
say(
    "Encoder and LLM agree on {agreement:share} of the messages that both answered (traffic and LLM simulated: {simulated})."
)
if np.isnan(escalation.threshold):
    record("target_agreement", target_agreement)
    say(
        "No confidence is high enough that an agreement of {target_agreement} is sure above it, so every message still goes to the LLM: the encoder has to improve, or more traffic has to be logged."
    )
else:
    say(
        "Asking the LLM below a confidence of {escalation_threshold:.2f} sends it {escalated_share:share} of the messages and leaves an agreement of {agreement_above_threshold:share} where the encoder answers alone."
    )
if unhappy.n:
    say(
        "Of the messages after which the user gave a sign, {unhappy:share} were taken badly ({without_a_sign:.0f} gave none)."
    )
say(
    "The encoder pays for itself after {break_even_days} (never in {never_breaks_even:.1%} of the draws); {drift_alarms:.0f} drift alarms; {queued:.0f} messages wait for review."
)

# %% [markdown]
# ## Sources
# Gretton et al., *A Kernel Two-Sample Test* (JMLR 2012) · Siddiqi, *Credit Risk Scorecards* (2006), population stability index.

# %%
run.finish()
