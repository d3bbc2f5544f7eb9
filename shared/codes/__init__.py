"""Stage 170: what each code of the codebook stands for, what follows what, and what goes with which outcome."""

from shared.codes._agreement import join_acts, v_measure
from shared.codes._cards import code_cards, exemplars
from shared.codes._draw import draw_transitions
from shared.codes._ids import ids_by_frequency, ids_like_before
from shared.codes._lift import outcome_lift
from shared.codes._terms import distinguishing_terms, label_codes
from shared.codes._transitions import transitions

__all__ = [
    "code_cards",
    "distinguishing_terms",
    "draw_transitions",
    "exemplars",
    "ids_by_frequency",
    "ids_like_before",
    "join_acts",
    "label_codes",
    "outcome_lift",
    "transitions",
    "v_measure",
]
