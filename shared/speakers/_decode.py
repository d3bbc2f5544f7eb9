"""Joint decoding: the roles of all turns of a conversation at once, from what each turn and each transition says."""

from typing import NamedTuple

import numpy as np

from shared.runs import UserError


class RolePath(NamedTuple):
    """Roles of the turns of one conversation.

    Attributes:
        roles: (turns,) int, the most probable sequence.
        confidence: (turns,) in [0, 1], the posterior of the chosen role.
    """

    roles: np.ndarray
    confidence: np.ndarray


def decode_roles(scores: np.ndarray, stay: float | np.ndarray) -> RolePath:
    """Most probable sequence of speakers given one score a turn.

    Args:
        scores: shape (turns, roles), log-probabilities; NaN = the turn has no text and says nothing.
        stay: probability in (0, 1) that the next turn has the same speaker: one for all transitions, or
            (turns - 1,), one each. Leaving spreads evenly over the other roles.

    Returns:
        RolePath with `roles` (turns,) int and `confidence` (turns,) in [0, 1], the posterior of the chosen role.

    Raises:
        UserError: `stay` is not in (0, 1), or has the wrong length.

    Source: Viterbi for the path, forward-backward for the confidence (Rabiner 1989).
    """
    said = np.nan_to_num(np.asarray(scores, dtype=float), nan=0.0)
    steps = _steps(np.asarray(stay, dtype=float), len(said), said.shape[1])
    roles = _viterbi(said, steps)
    posterior = _posterior(said, steps)
    return RolePath(roles, posterior[np.arange(len(roles)), roles])


def _steps(stay: np.ndarray, turns: int, roles: int) -> np.ndarray:
    """Log-probabilities of each transition, (turns - 1, roles, roles)."""
    wanted = max(turns - 1, 0)
    if stay.ndim and len(stay) != wanted:
        raise UserError(f"stay has {len(stay)} values for {wanted} transitions. Give one number, or one a transition.")
    if not ((stay > 0) & (stay < 1)).all():
        raise UserError(f"stay must lie strictly between 0 and 1, got {stay.min()} to {stay.max()}.")
    each = np.broadcast_to(stay, (wanted,))[:, None, None]
    return np.log(np.where(np.eye(roles, dtype=bool), each, (1 - each) / (roles - 1)))


def _viterbi(said: np.ndarray, steps: np.ndarray) -> np.ndarray:
    if not len(said):
        return np.empty(0, int)
    best, came_from = said[0], []
    for step, here in zip(steps, said[1:], strict=True):
        through = best[:, None] + step
        came_from.append(through.argmax(axis=0))
        best = through.max(axis=0) + here
    path = [int(best.argmax())]
    for before in reversed(came_from):
        path.append(int(before[path[-1]]))
    return np.array(path[::-1])


def _posterior(said: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Probability of each role at each turn given the whole conversation, (turns, roles)."""
    forward = _forward(said, steps)
    backward = _forward(said[::-1], steps[::-1])[::-1] - said  # symmetric steps: going back is going forth
    joint = forward + backward
    joint = np.exp(joint - joint.max(axis=1, keepdims=True, initial=-np.inf))
    return joint / joint.sum(axis=1, keepdims=True)


def _forward(said: np.ndarray, steps: np.ndarray) -> np.ndarray:
    result = said.copy()
    for place, step in enumerate(steps, start=1):
        result[place] += np.logaddexp.reduce(result[place - 1][:, None] + step, axis=0)
    return result
