"""Conversations from files into canonical tables, and a sample whose truth is known.

`read_transcripts`, `read_turns`, `read_chats` and `read_persuasion_for_good` each give a `Corpus`: two tables with
declared schemas (described in `data/README.md`) and everything that was rejected, with line and reason.
`python -m shared.data` writes the sample anew.
"""

from shared.data._messages import read_messages
from shared.data._persuasion import read_persuasion_for_good
from shared.data._readers import check_rejected, read_chats, read_corpus, read_transcripts, read_turns
from shared.data._redacted import redacted, redaction_report
from shared.data._sample import Sample, make_sample, write_sample
from shared.data._schema import AGENT, CONVERSATIONS_SCHEMA, DONOR, ROLES, TURNS_SCHEMA, Corpus, Rejected
from shared.data._splits import TEST, TRAIN, VALIDATION, assign_splits
from shared.data._truth import Truth, read_truth

__all__ = [
    "AGENT",
    "CONVERSATIONS_SCHEMA",
    "DONOR",
    "ROLES",
    "TEST",
    "TRAIN",
    "TURNS_SCHEMA",
    "VALIDATION",
    "Corpus",
    "Rejected",
    "Sample",
    "Truth",
    "assign_splits",
    "check_rejected",
    "make_sample",
    "read_chats",
    "read_corpus",
    "read_messages",
    "read_persuasion_for_good",
    "read_transcripts",
    "read_truth",
    "read_turns",
    "redacted",
    "redaction_report",
    "write_sample",
]
