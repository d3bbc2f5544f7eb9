"""Method *model*: an encoder that reads two neighbouring turns, and what it says about both and about the change.

One turn alone often fits either side ("yes", "that is great"). Two turns together say more: a question and its
answer, a sentence and its other half. So the encoder is fine-tuned on pairs, to name the roles of both turns at
once: agent then donor, donor then donor, and so on. Its six probabilities give three log-odds: who says the second
turn, who says the first, and whether the speaker stays. Counting words is a source of its own beside it (`_words`),
as is what punctuation and word order say about the change (`_continuation`).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from shared.data import AGENT, ROLES
from shared.models import FineTuning, LabelledTexts, TextClassifier, fit_text_classifier
from shared.runs import UserError
from shared.speakers._chain import ChainWeights, Evidence, fit_chain
from shared.speakers._continuation import Continuation, fit_continuation
from shared.speakers._disturb import disturb
from shared.speakers._method import Dialogue, dialogues
from shared.speakers._words import WordRoles, fit_word_roles

START = "start"  # before the first turn
PAIR_LABELS = tuple(f"{before}>{here}" for before in (*ROLES, START) for here in ROLES)
_NEAR = 24  # words on either side of the border between two turns: whether the speaker stays is decided there
_DRAWS = 3  # disturbances of each conversation: where a turn was torn is chance, and no source should learn it by heart


@dataclass(frozen=True)
class SpeakerModel:
    """A fine-tuned role model: it labels any corpus, and it saves to and loads from a folder without pickles.

    Attributes:
        pairs: classifier with the classes `PAIR_LABELS`.
        continuation: surface log-odds that the speaker stays.
        words: log-odds of the roles from the words of each turn.
        weights: of the sources: turns are words, second of its pair, first of the next; steps are pair, continuation.
    """

    pairs: TextClassifier
    continuation: Continuation
    words: WordRoles
    weights: ChainWeights

    def evidence(self, turns: pd.DataFrame, conversations: pd.DataFrame) -> list[Evidence]:
        """One `Evidence` a conversation; channels are not read."""
        return _evidence(list(dialogues(turns)), self.pairs, self.continuation, self.words)

    def save(self, folder: Path) -> None:
        """Write into a new or empty folder; not atomic, use `run.new_folder`."""
        self.pairs.save(folder / "pairs")
        (folder / "continuation.json").write_text(json.dumps(self.continuation.as_json()), encoding="utf-8")
        (folder / "words.json").write_text(json.dumps(self.words.as_json()), encoding="utf-8")
        weights = {name: np.asarray(value).tolist() for name, value in self.weights._asdict().items()}
        (folder / "chain.json").write_text(json.dumps(weights, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "SpeakerModel":
        """What `save` wrote.

        Raises:
            UserError: the folder holds no such model.
        """
        names = ("pairs", "continuation.json", "words.json", "chain.json")
        missing = [name for name in names if not (folder / name).exists()]
        if missing:
            raise UserError(
                f"{folder} holds no speaker model: {', '.join(missing)} is missing. "
                "Name the folder `model` that stage speakers wrote."
            )
        going_on, words, chain = (json.loads((folder / name).read_text(encoding="utf-8")) for name in names[1:])
        return cls(
            TextClassifier.load(folder / "pairs"),
            Continuation.from_json(going_on),
            WordRoles.from_json(words),
            ChainWeights(np.array(chain["turns"]), np.array(chain["steps"]), chain["stay"]),
        )


def fit_speaker_model(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    settings: FineTuning,
    folder: Path,
    *,
    drop_most: int,
    split_share: float,
) -> SpeakerModel:
    """Learn roles from turns whose speakers are known.

    Args:
        train: canonical turns of the training conversations, undisturbed; turns without a speaker teach nothing.
        validation: of other conversations; they choose the best epoch and weigh the sources.
        settings: of the encoder.
        folder: for checkpoints, so that killed training resumes.
        drop_most: opening turns dropped at most, as is expected where the model will be used.
        split_share: share of turns torn in two, as is expected there.

    Raises:
        UserError: no speaker is known in `train` or in `validation`.
    """
    _need_speakers(train, validation)
    torn = _draws(train, drop_most, split_share, settings.seed)
    held = _draws(validation, drop_most, split_share, settings.seed + _DRAWS)
    lessons = [dialogue for table in torn for dialogue in dialogues(table)]
    pairs = fit_text_classifier(
        turn_pairs(lessons), turn_pairs(dialogues(held[0])), settings, folder, labels=PAIR_LABELS
    )
    known = pd.concat(torn).dropna(subset=["speaker"])
    words = fit_word_roles(known["text"].tolist(), (known["speaker"] == AGENT).tolist())
    return weigh_sources(pairs, _fit_continuation(train, lessons), words, held)


def _draws(turns: pd.DataFrame, drop_most: int, split_share: float, seed: int) -> list[pd.DataFrame]:
    """The same conversations disturbed in different ways; once if there is nothing to disturb."""
    draws = _DRAWS if drop_most or split_share else 1
    return [disturb(turns, drop_most=drop_most, split_share=split_share, seed=seed + draw) for draw in range(draws)]


def weigh_sources(
    pairs: TextClassifier, continuation: Continuation, words: WordRoles, held: Sequence[pd.DataFrame]
) -> SpeakerModel:
    """Put fitted sources together, weighed on conversations that none of them has learned from.

    Args:
        pairs: classifier with the classes `PAIR_LABELS`.
        continuation: fitted on training conversations.
        words: fitted on training conversations.
        held: canonical turns of validation conversations; those with an unknown speaker are left out.
    """
    known = [d for table in held for d in dialogues(table) if (d.roles >= 0).all()]
    weights = fit_chain(_evidence(known, pairs, continuation, words), [d.roles for d in known])
    return SpeakerModel(pairs, continuation, words, weights)


def _need_speakers(train: pd.DataFrame, validation: pd.DataFrame) -> None:
    for name, turns in (("training", train), ("validation", validation)):
        if turns.empty or turns["speaker"].isna().all():
            raise UserError(
                f"No speaker is known in the {name} conversations, so no role model can be trained. "
                "Use `method: channels`, give a corpus with speakers, or name a trained model in `pretrained`."
            )


def turn_pairs(conversations: Iterable[Dialogue]) -> LabelledTexts:
    """Every turn behind the one before it, where both speakers are known: what the encoder learns from.

    Of long turns the words next to the border between the two: the end of the first, the beginning of the second.
    The first turn of a conversation stands behind an empty text, with the role `START` before it.
    """
    names = [*ROLES, None]  # role numbers 0, 1 and -1
    rows = [
        (before, here, was, now, dialogue.conversation_id)
        for dialogue in conversations
        for before, here, was, now in zip(
            ["", *dialogue.texts], dialogue.texts, [START, *(names[r] for r in dialogue.roles)],
            [names[r] for r in dialogue.roles], strict=False,
        )
    ]  # fmt: skip
    known = [row for row in rows if row[2] and row[3]]
    before, here = _near_border([row[0] for row in known], [row[1] for row in known])
    return LabelledTexts(before, [f"{row[2]}>{row[3]}" for row in known], here, [row[4] for row in known])


def _near_border(before: Sequence[str], here: Sequence[str]) -> tuple[list[str], list[str]]:
    """The end of each first turn and the beginning of each second; a tokenizer would cut off the end of both."""
    return [" ".join(text.split()[-_NEAR:]) for text in before], [" ".join(text.split()[:_NEAR]) for text in here]


def _fit_continuation(train: pd.DataFrame, torn: Sequence[Dialogue]) -> Continuation:
    known = [dialogue for dialogue in torn if (dialogue.roles >= 0).all()]
    same = [dialogue.roles[1:] == dialogue.roles[:-1] for dialogue in known]
    return fit_continuation(train["text"].tolist(), [dialogue.texts for dialogue in known], same)


def _evidence(
    conversations: Sequence[Dialogue], pairs: TextClassifier, continuation: Continuation, words: WordRoles
) -> list[Evidence]:
    first = [text for dialogue in conversations for text in ["", *dialogue.texts[:-1]]]
    second = [text for dialogue in conversations for text in dialogue.texts]
    probabilities = np.maximum(pairs.probabilities(*_near_border(first, second)), 1e-6)[
        :, [pairs.labels.index(p) for p in PAIR_LABELS]
    ]
    ends = np.cumsum([len(dialogue.texts) for dialogue in conversations])[:-1]
    return [
        _pair_evidence(
            part.reshape(len(part), 3, 2), continuation.log_odds(dialogue.texts), words.log_odds(dialogue.texts)
        )
        for dialogue, part in zip(conversations, np.split(probabilities, ends), strict=True)
    ]


def _pair_evidence(pairs: np.ndarray, going_on: np.ndarray, said: np.ndarray) -> Evidence:
    """All sources together; pair probabilities have the shape (turns, role before or start, role here)."""
    here = pairs.sum(axis=1)
    known = pairs[1:, :2]
    before = known.sum(axis=2)
    from_next = np.full(len(pairs), np.nan)
    from_next[:-1] = np.log(before[:, 0] / before[:, 1])
    same = known[:, 0, 0] + known[:, 1, 1]
    changed = known[:, 0, 1] + known[:, 1, 0]
    return Evidence(
        turns=np.stack([said, np.log(here[:, 0] / here[:, 1]), from_next], axis=1),
        steps=np.stack([np.log(same / changed), going_on], axis=1),
    )
