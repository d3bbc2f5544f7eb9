"""Method *channels*: whose recording does an utterance occur in?

Each side was also recorded alone, and a recogniser wrote down what it heard: words lost, words misheard, a little of
the other side, sometimes nothing. An utterance of the mixed transcript is compared with both, by letters (rapidfuzz)
and by meaning (embeddings). How much a difference is worth is learned from the conversations themselves, without
labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from shared.models import BUILTIN, encode
from shared.runs import UserError
from shared.speakers._chain import ChainWeights, Evidence
from shared.speakers._method import dialogues, spaced
from shared.text import split_utterances

_ROUNDS = 200
_ENOUGH = 80
_CLEAR = 3.0  # log-odds above which a turn's side counts as known, 20 : 1
_CLOSE_ENOUGH = 1e-6  # change of the means, in units of similarity


class MirroredMixture(NamedTuple):
    """Two Gaussian clouds, the agent's at `mean` and the donor's at `-mean`, of one common shape.

    Attributes:
        mean: (features,) of an agent's utterance; positive where the agent's channel fits better.
        precision: (features, features) inverse of the common covariance.
        agent_share: share of utterances that are the agent's, in (0, 1).
    """

    mean: np.ndarray
    precision: np.ndarray
    agent_share: float

    def log_odds(self, differences: np.ndarray) -> np.ndarray:
        """Agent : donor for differences of shape (utterances, features); NaN stays NaN."""
        prior = np.log(self.agent_share / (1 - self.agent_share))
        return 2 * differences @ self.precision @ self.mean + prior


def has_channels(conversations: pd.DataFrame) -> bool:
    """Whether any conversation comes with a side's own transcript."""
    return bool(conversations[["agent_channel", "donor_channel"]].notna().any(axis=None))


def channel_similarities(turns: pd.DataFrame, conversations: pd.DataFrame, *, model: str = BUILTIN) -> pd.DataFrame:
    """How well each turn fits each side's own transcript.

    Args:
        turns: canonical turns.
        conversations: canonical conversations with `agent_channel` and `donor_channel`.
        model: encoder for the similarity of meaning, see `shared.models.resolve_model`.

    Returns:
        Aligned with `turns`: `letters_agent`, `letters_donor` (share of the turn's letters found in one stretch of the
        channel) and `meaning_agent`, `meaning_donor` (cosine to the channel's nearest line); NaN = no such channel.

    Raises:
        UserError: no conversation has a channel.
    """
    if not has_channels(conversations):
        raise UserError(
            "No conversation has a channel of its own. Use `methods: [model]`, or name the columns in `columns`."
        )
    texts = turns["text"].tolist()
    vectors = encode(texts, model, max_tokens=64)
    result = pd.DataFrame(index=turns.index)
    for side in ("agent", "donor"):
        channels = conversations.set_index("conversation_id")[f"{side}_channel"].dropna()
        result[f"letters_{side}"] = _letters(texts, turns["conversation_id"], channels)
        result[f"meaning_{side}"] = _meaning(vectors, turns["conversation_id"], channels, model)
    return result


def _letters(texts: Sequence[str], ids: pd.Series, channels: pd.Series) -> list[float]:
    from rapidfuzz import fuzz, utils

    heard = {name: utils.default_process(channel) for name, channel in channels.items()}
    return [
        fuzz.partial_ratio(utils.default_process(text), heard[name]) / 100 if name in heard else np.nan
        for text, name in zip(texts, ids, strict=True)
    ]


def _meaning(vectors: np.ndarray, ids: pd.Series, channels: pd.Series, model: str) -> np.ndarray:
    lines = {str(name): split_utterances(channel) for name, channel in channels.items()}
    heard = encode([line for said in lines.values() for line in said], model, max_tokens=64)
    ends = np.cumsum([len(said) for said in lines.values()])
    places = dict(zip(lines, np.split(np.arange(len(heard)), ends[:-1]), strict=True))
    nearest = np.full(len(vectors), np.nan)
    for name, rows in ids.groupby(ids.to_numpy(object)).indices.items():
        if name in places and len(places[name]):
            nearest[rows] = (vectors[rows] @ heard[places[name]].T).max(axis=1)
    return nearest


def side_differences(similarities: pd.DataFrame) -> np.ndarray:
    """Agent's similarity minus donor's, (turns, 2): letters, meaning.

    Where one side's channel is missing its similarity is taken as the middle of all: then a good fit with the other
    still speaks for the other, and a bad one against it. Where both are missing the row is NaN.
    """
    columns = []
    for kind in ("letters", "meaning"):
        agent, donor = similarities[f"{kind}_agent"], similarities[f"{kind}_donor"]
        middle = pd.concat([agent, donor]).mean()
        difference = agent.fillna(middle) - donor.fillna(middle)
        columns.append(difference.where(agent.notna() | donor.notna()).to_numpy())
    return np.stack(columns, axis=1)


def fit_mixture(differences: np.ndarray) -> MirroredMixture:
    """Learn, without labels, what a difference between the two channels is worth.

    The two sides are mirror images: what fits the agent's channel better by so much is as telling as what fits the
    donor's better by as much. Expectation-maximisation, started from the sign of the differences.

    Args:
        differences: (turns, features) from `side_differences`; rows with NaN are left out.

    Raises:
        UserError: no utterance fits one side better than the other.
    """
    seen = differences[~np.isnan(differences).any(axis=1)]
    agent = (seen.sum(axis=1) > 0).astype(float)
    if not 0 < agent.sum() < len(agent):
        raise UserError("The channels do not tell the sides apart: is the same transcript in both columns?")
    mixture = _maximise(seen, agent)
    for _ in range(_ROUNDS):
        before = mixture.mean
        mixture = _maximise(seen, 1 / (1 + np.exp(-mixture.log_odds(seen))))
        if np.abs(mixture.mean - before).max() < _CLOSE_ENOUGH:
            break
    return mixture


def _maximise(seen: np.ndarray, agent: np.ndarray) -> MirroredMixture:
    """Mean, common covariance and share, given the probability that each utterance is the agent's."""
    sign = 2 * agent - 1
    mean = (sign[:, None] * seen).mean(axis=0)
    covariance = seen.T @ seen / len(seen) - np.outer(mean, mean)
    ridge = 1e-6 * np.eye(len(mean))
    return MirroredMixture(mean, np.linalg.inv(covariance + ridge), float(np.clip(agent.mean(), 0.01, 0.99)))


@dataclass(frozen=True)
class ChannelMethod:
    """Labels turns by the sides' own transcripts; what it knows was learned without labels.

    Attributes:
        mixture: what a difference between the channels is worth.
        weights: of the one source, and the log-odds that a speaker goes on.
        model: encoder for the similarity of meaning.
    """

    mixture: MirroredMixture
    weights: ChainWeights
    model: str

    def evidence(self, turns: pd.DataFrame, conversations: pd.DataFrame) -> list[Evidence]:
        """One `Evidence` a conversation; turns of a conversation without channels are NaN."""
        differences = side_differences(channel_similarities(turns, conversations, model=self.model))
        said = self.mixture.log_odds(differences)
        places = [dialogue.rows for dialogue in dialogues(turns)]
        return [Evidence(said[rows][:, None], np.empty((len(rows) - 1, 0))) for rows in places]


def fit_channels(turns: pd.DataFrame, conversations: pd.DataFrame, *, model: str = BUILTIN) -> ChannelMethod:
    """Learn from conversations with channels, whose speakers need not be known.

    Half a dozen numbers are learned, so `_ENOUGH` conversations, evenly spaced over the table, are looked at.

    Args:
        turns: canonical turns; `speaker` is not read.
        conversations: canonical conversations.
        model: encoder for the similarity of meaning.

    Raises:
        UserError: see `channel_similarities` and `fit_mixture`.
    """
    turns = turns[turns["conversation_id"].isin(spaced(conversations["conversation_id"], _ENOUGH))]
    differences = side_differences(channel_similarities(turns, conversations, model=model))
    mixture = fit_mixture(differences)
    stay = _stay_log_odds(mixture.log_odds(differences), turns["conversation_id"].to_numpy(object))
    return ChannelMethod(mixture, ChainWeights(np.ones(1), np.empty(0), stay), model)


def _stay_log_odds(said: np.ndarray, ids: np.ndarray) -> float:
    """How often the speaker goes on, counted where both turns are clear."""
    clear = np.abs(said) > _CLEAR
    both = clear[1:] & clear[:-1] & (ids[1:] == ids[:-1])
    same = ((said[1:] > 0) == (said[:-1] > 0))[both]
    share = (same.sum() + 1) / (len(same) + 2)
    return float(np.log(share / (1 - share)))
