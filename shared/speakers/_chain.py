"""How much to believe each source: the weights of a chain model, by maximum likelihood on conversations held out.

Several sources speak about every turn (log-odds agent : donor) and every transition (log-odds same : other speaker).
They overlap, so adding them up would be over-confident. A linear-chain conditional random field over two roles
weighs them together: a dozen numbers, fitted on validation conversations that none of the sources has seen.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from shared.speakers._decode import RolePath, decode_roles

_PENALTY = 0.5  # times squared weights: keeps them finite if validation conversations are few or easy


class Evidence(NamedTuple):
    """What the sources say about one conversation.

    Attributes:
        turns: (turns, sources) log-odds agent : donor; NaN = this source says nothing about this turn.
        steps: (turns - 1, sources) log-odds that the speaker stays; NaN = says nothing.
    """

    turns: np.ndarray
    steps: np.ndarray


class ChainWeights(NamedTuple):
    """Weights of the sources.

    Attributes:
        turns: (sources,) weight of each source about turns.
        steps: (sources,) weight of each source about transitions.
        stay: log-odds added to every transition.
    """

    turns: np.ndarray
    steps: np.ndarray
    stay: float

    def decode(self, evidence: Evidence) -> RolePath:
        """Roles of one conversation: 0 agent, 1 donor."""
        said, stay = _weighed(np.array([*self.turns, *self.steps, self.stay]), evidence)
        scores = -np.logaddexp(0.0, np.stack([-said, said], axis=1))
        return decode_roles(scores, np.clip(1 / (1 + np.exp(-stay)), 1e-6, 1 - 1e-6))


def fit_chain(evidence: Sequence[Evidence], roles: Sequence[np.ndarray]) -> ChainWeights:
    """Weights under which the true roles are most probable.

    Args:
        evidence: (conversations,).
        roles: (conversations,) of (turns,) int, 0 agent, 1 donor; conversations with an unknown role are left out
            by the caller.

    Source: conditional random fields, Lafferty et al. 2001; here with a Gaussian prior on the weights.
    """
    n_turns, n_steps = evidence[0].turns.shape[1], evidence[0].steps.shape[1]
    start = np.array([1.0 / n_turns] * n_turns + [1.0 / max(n_steps, 1)] * n_steps + [0.0])

    def cost(weights: np.ndarray) -> float:
        lost = sum(_surprise(weights, e, r) for e, r in zip(evidence, roles, strict=True))
        return float(lost + _PENALTY * (weights**2).sum())

    best = minimize(cost, start, method="L-BFGS-B", options={"maxiter": 60}).x
    return ChainWeights(best[:n_turns], best[n_turns : n_turns + n_steps], float(best[-1]))


def _weighed(weights: np.ndarray, evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds agent : donor of each turn, and same : other of each transition."""
    n_turns = evidence.turns.shape[1]
    said = np.nan_to_num(evidence.turns) @ weights[:n_turns]
    stay = np.nan_to_num(evidence.steps) @ weights[n_turns:-1] + weights[-1]
    return said, stay


def _surprise(weights: np.ndarray, evidence: Evidence, roles: np.ndarray) -> float:
    """Minus log-probability of the true roles, in closed form over the two-state chain."""
    said, stay = _weighed(weights, evidence)
    agent = roles == 0
    score = said[agent].sum() + stay[agent[1:] == agent[:-1]].sum()
    as_agent, as_donor = (said[0], 0.0) if len(said) else (0.0, 0.0)
    for here, same in zip(said[1:].tolist(), stay.tolist(), strict=True):
        as_agent, as_donor = (
            _log_sum(as_agent + same, as_donor) + here,
            _log_sum(as_agent, as_donor + same),
        )
    return float(_log_sum(as_agent, as_donor) - score)


def _log_sum(a: float, b: float) -> float:
    high, low = (a, b) if a > b else (b, a)
    return high + float(np.log1p(np.exp(low - high)))
