"""What the outcome classifier's predictions hang on, and whether an explanation of them can be believed.

Attention, rollout, gradients, integrated gradients and leave-one-out score the words of a conversation; the sink report
says where attention goes and whether that matters; faithfulness is measured against random rankings and per-example
bounds; the shortcut audit swaps words; planted cues tell how many of the top words are the true ones.
"""

from shared.attention._aggregate import (
    cue_hits,
    occurrence_table,
    precision_at_k,
    ranked_words,
    shares_by,
    thirds,
    word_table,
)
from shared.attention._explain import METHODS, Explanation, explain, explain_all, leave_one_out
from shared.attention._faithful import (
    MEASURES,
    Faithfulness,
    MethodScore,
    adaptive_order,
    faithfulness_scores,
    faithfulness_table,
    measure,
    normalised,
    top_sizes,
)
from shared.attention._maps import (
    SinkReport,
    kind_shares,
    last_layer,
    received,
    rollout,
    sink_report,
    without_sinks,
)
from shared.attention._network import (
    attention_maps,
    gradient_scores,
    integrated_gradients,
    log_odds,
    masked_logits,
    predicted_class,
    sigmoid,
)
from shared.attention._sinks import sink_effects
from shared.attention._swaps import DEFAULT_SWAPS, Swaps, audit_swaps, checked_swaps, swap_words
from shared.attention._tokens import CONTENT, KINDS, PUNCTUATION, SPEAKER, SPECIAL, Tokens, read_tokens
from shared.attention._views import attention_page

__all__ = [
    "CONTENT",
    "DEFAULT_SWAPS",
    "KINDS",
    "MEASURES",
    "METHODS",
    "PUNCTUATION",
    "SPEAKER",
    "SPECIAL",
    "Explanation",
    "Faithfulness",
    "MethodScore",
    "SinkReport",
    "Swaps",
    "Tokens",
    "adaptive_order",
    "attention_maps",
    "attention_page",
    "audit_swaps",
    "checked_swaps",
    "cue_hits",
    "explain",
    "explain_all",
    "faithfulness_scores",
    "faithfulness_table",
    "gradient_scores",
    "integrated_gradients",
    "kind_shares",
    "last_layer",
    "leave_one_out",
    "log_odds",
    "masked_logits",
    "measure",
    "normalised",
    "occurrence_table",
    "precision_at_k",
    "predicted_class",
    "ranked_words",
    "read_tokens",
    "received",
    "rollout",
    "shares_by",
    "sigmoid",
    "sink_effects",
    "sink_report",
    "swap_words",
    "thirds",
    "top_sizes",
    "without_sinks",
    "word_table",
]
