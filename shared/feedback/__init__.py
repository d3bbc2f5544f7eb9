"""Chats in which users reacted to answers: a checked legend, a split for judging, a local recogniser."""

from shared.feedback._chats import Chats, Fields, read_chats
from shared.feedback._legend import MEANINGS, NEGATIVE, POSITIVE, Legend, read_legend
from shared.feedback._recognise import (
    NONE,
    Quality,
    Recognised,
    Recogniser,
    fit_recogniser,
    quality_of,
    recognise,
    recognised_rows,
    sentences_of,
)
from shared.feedback._sample import sample_feedback_chats, write_sample
from shared.feedback._split import Split, context_of, split_chats

__all__ = [
    "MEANINGS",
    "NEGATIVE",
    "NONE",
    "POSITIVE",
    "Chats",
    "Fields",
    "Legend",
    "Quality",
    "Recognised",
    "Recogniser",
    "Split",
    "context_of",
    "fit_recogniser",
    "quality_of",
    "read_chats",
    "read_legend",
    "recognise",
    "recognised_rows",
    "sample_feedback_chats",
    "sentences_of",
    "split_chats",
    "write_sample",
]
