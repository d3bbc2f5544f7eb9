"""What labelling is worth to someone who has a diariser: errors by word, before and after."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from shared.data import AGENT, ROLES, TURNS_SCHEMA
from shared.speakers._chain import Evidence, fit_chain
from shared.speakers._disturb import Diarised, diarise_badly
from shared.speakers._method import Method
from shared.speakers._metrics import word_error_rate, word_errors
from shared.stats import Estimate, mean_estimate
from shared.text import split_utterances


class Repair(NamedTuple):
    """Word-level diarisation error rate: as the diariser gave it, after relabelling, and the part taken away."""

    before: Estimate
    after: Estimate
    difference: Estimate


def repair_diarisation(
    turns: pd.DataFrame,
    practice: pd.DataFrame,
    conversations: pd.DataFrame,
    method: Method,
    *,
    swap_share: float,
    merge_share: float,
    seed: int = 0,
) -> Repair:
    """Break the labels of known turns as a diariser would, then label them anew.

    A segment is cut at the ends of its sentences, so that two people who were run together can come apart again. What
    the diariser said is evidence too: its label of each sentence, and that two sentences stood in one segment. How
    much these are worth beside the method's own sources is learned on `practice`, broken in the same way.

    Args:
        turns: canonical turns that judge, their speakers known.
        practice: canonical turns of other conversations, their speakers known or found by a method.
        conversations: canonical conversations.
        method: a fitted method.
        swap_share: probability in [0, 1] that a segment has the wrong label.
        merge_share: probability in [0, 1] that a turn is run together with the one before it.
        seed: of the injected errors and of the intervals.
    """
    lessons = _broken_turns(practice, swap_share, merge_share, seed + 1)
    weights = fit_chain(_evidence(lessons, conversations, method), [_roles(d.truth) for d in lessons])
    broken = _broken_turns(turns, swap_share, merge_share, seed)
    found = [weights.decode(e).roles for e in _evidence(broken, conversations, method)]
    said = [speaker for d in broken for words in d.truth for speaker in words]
    given = _by_word(broken, [d.labels for d in broken])
    anew = _by_word(broken, [[ROLES[role] for role in roles] for roles in found])
    ids = [d.conversation_id for d in broken for words in d.truth for _ in words]
    before, after = word_errors(said, given), word_errors(said, anew)
    return Repair(
        word_error_rate(before, ids, seed=seed),
        word_error_rate(after, ids, seed=seed),
        mean_estimate(after - before, ids, seed=seed),
    )


class _Broken(NamedTuple):
    """A conversation in sentences: text, the diariser's label, the number of its segment, who said each word."""

    conversation_id: str
    texts: list[str]
    labels: list[str]
    segments: np.ndarray
    truth: list[list[str]]


def _broken_turns(turns: pd.DataFrame, swap_share: float, merge_share: float, seed: int) -> list[_Broken]:
    shares = {"swap_share": swap_share, "merge_share": merge_share}
    return [
        _in_sentences(str(name), diarise_badly(texts, speakers, **shares, random=np.random.default_rng((seed, place))))
        for place, (name, texts, speakers) in enumerate(_conversations(turns))
    ]


def _conversations(turns: pd.DataFrame) -> Iterator[tuple[str, list[str], list[str]]]:
    for name, group in turns.groupby("conversation_id", sort=False):
        yield str(name), group["text"].tolist(), group["speaker"].tolist()


def _in_sentences(conversation_id: str, diarised: Diarised) -> _Broken:
    result = _Broken(conversation_id, [], [], np.empty(0, int), [])
    segments = []
    for segment, (text, label, said_by) in enumerate(zip(*diarised, strict=True)):
        words = iter(said_by)
        for sentence in split_utterances(text):
            result.texts.append(sentence)
            result.labels.append(label)
            result.truth.append([next(words) for _ in sentence.split()])
            segments.append(segment)
    return result._replace(segments=np.array(segments))


def _evidence(broken: list[_Broken], conversations: pd.DataFrame, method: Method) -> list[Evidence]:
    """The method's sources, and the diariser as one more about turns and one more about transitions."""
    parts = [pd.DataFrame({"conversation_id": d.conversation_id, "text": d.texts}) for d in broken]
    turns = pd.concat(parts, ignore_index=True).reindex(columns=TURNS_SCHEMA.names)
    return [
        Evidence(
            np.column_stack([own.turns, np.where(np.array(d.labels) == AGENT, 1.0, -1.0)]),
            np.column_stack([own.steps, np.diff(d.segments) == 0]),
        )
        for own, d in zip(method.evidence(turns, conversations), broken, strict=True)
    ]


def _by_word(broken: list[_Broken], labels: list[list[str]]) -> list[str]:
    """Each sentence's label once for each of its words."""
    return [
        label
        for d, given in zip(broken, labels, strict=True)
        for label, words in zip(given, d.truth, strict=True)
        for _ in words
    ]


def _roles(truth: list[list[str]]) -> np.ndarray:
    """Who said each sentence: whoever said its first word, since merges happen between turns."""
    return np.array([ROLES.index(words[0]) for words in truth])
