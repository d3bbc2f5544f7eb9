"""The part of a corpus that a run works on: all of it or an even sample, redacted or not."""

import getpass
from pathlib import Path

import numpy as np
import pandas as pd

from shared.data import Corpus
from shared.runs import home, project
from shared.text import keep_redactor, project_redactor

_TEXTS = ("text", "agent_channel", "donor_channel")


def redacted_corpus(corpus: Corpus, *, redact: bool, keep: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Conversations and turns of a run.

    Redaction happens here, before anything is written: what no file holds, no report can leak.

    Args:
        corpus: as read.
        redact: replace personal data in texts and identifiers of people.
        keep: so many conversations, evenly spaced over the file; 0 = all.
    """
    conversations, turns = corpus.conversations, corpus.turns
    if 0 < keep < len(conversations):
        conversations = conversations.iloc[np.linspace(0, len(conversations) - 1, keep).astype(int)]
        turns = turns[turns["conversation_id"].isin(conversations["conversation_id"])]
    if redact:
        conversations, turns = _redacted(conversations, turns)
    return conversations.reset_index(drop=True), turns.reset_index(drop=True)


def _redacted(conversations: pd.DataFrame, turns: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    local = [getpass.getuser(), str(Path.home()), str(project()), str(home())]
    redactor = project_redactor(home() / "runs", local=local)
    for frame in (turns, conversations):
        for column in _TEXTS:
            if column in frame:
                redactor.learn(frame[column].dropna())
    keep_redactor(home() / "runs", redactor)
    for column in _TEXTS:
        conversations = conversations.assign(**{column: conversations[column].map(redactor.redact, na_action="ignore")})
    return conversations, turns.assign(text=turns["text"].map(redactor.redact))
