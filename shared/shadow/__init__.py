"""Shadow, canary, cut-over: an encoder takes over from an LLM without anyone being let down.

`Router` answers one message at a time and logs both answers; `read_log` and the functions beside it turn the log into
agreement, cost, break-even, an escalation threshold, drift and a queue for people.
"""

from shared.shadow._drift import Drift, drift_report, embedding_distance, population_stability
from shared.shadow._log import UNHAPPY, DecisionLog, Signal, read_log
from shared.shadow._queue import retraining_set, review_queue
from shared.shadow._report import (
    BreakEven,
    EscalationThreshold,
    agreement,
    break_even,
    cost_per_thousand,
    disagreement_counts,
    escalation_threshold,
    feedback_table,
    latency_table,
    unhappy_share,
)
from shared.shadow._router import Answer, Classified, Router, RouterSettings, share_of
from shared.shadow._simulate import SimulatedLLM, simulated_signal

__all__ = [
    "UNHAPPY",
    "Answer",
    "BreakEven",
    "Classified",
    "DecisionLog",
    "Drift",
    "EscalationThreshold",
    "Router",
    "RouterSettings",
    "Signal",
    "SimulatedLLM",
    "agreement",
    "break_even",
    "cost_per_thousand",
    "disagreement_counts",
    "drift_report",
    "embedding_distance",
    "escalation_threshold",
    "feedback_table",
    "latency_table",
    "population_stability",
    "read_log",
    "retraining_set",
    "review_queue",
    "share_of",
    "simulated_signal",
    "unhappy_share",
]
