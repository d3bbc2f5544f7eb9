"""The offline stand-in for an LLM: seeded sentence patterns with slots. It proves wiring, not quality, and says so.

Every pattern is a family; the rows of a family share a group, so that a split never has one pattern on both sides. A
classifier therefore meets only patterns it has not seen: each class has a dozen, of one meaning in many words, so that
there is something to carry over. Classes share openers, closers, people, places and skills on purpose: a bag of words
is not enough.
"""

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from shared.labels._table import labelled_table
from shared.runs import UserError

_SLOT = re.compile(r"\{(\w+)\}")
_SLOTS = {
    "thing": [
        "the refund policy",
        "opening hours",
        "the annual report",
        "the volunteer handbook",
        "the donation receipt",
        "tax relief on gifts",
        "the mentoring programme",
        "the privacy notice",
        "the new campaign",
        "the app",
    ],
    "job": ["nurse", "data engineer", "teacher", "electrician", "product manager", "translator", "chef", "accountant"],
    "skill": [
        "public speaking",
        "Python",
        "bookkeeping",
        "Spanish",
        "first aid",
        "negotiation",
        "drawing",
        "statistics",
    ],
    "person": ["my sister", "my manager", "an old friend", "my neighbour", "a colleague", "my mentor", "my team"],
    "time": ["last week", "since spring", "these days", "for two years now", "recently", "this morning", "after work"],
    "feeling": ["anxious", "proud", "tired", "hopeful", "lonely", "relieved", "overwhelmed", "calm", "ashamed"],
    "value": ["honesty", "being useful", "independence", "fairness", "security", "curiosity", "loyalty"],
    "goal": ["run my own studio", "move abroad", "finish a degree", "lead a team", "buy a house", "write a book"],
    "place": ["the library", "a small clinic", "the harbour office", "a start-up", "the town hall", "a night school"],
}
_OPENERS = ["", "", "", "hey, ", "so, ", "ok ", "well, ", "hi! ", "honestly, ", "quick one: "]
_CLOSERS = ["", "", "", " thanks", " if that makes sense", " lol", "...", " any thoughts?", " just saying", "!!"]

_INTENT = {
    "rag_query": [
        "where can I find {thing}?",
        "what does {thing} say about late payments",
        "how do I change {thing}",
        "is {thing} different for students?",
        "can you explain {thing} in two sentences",
        "who do I ask about {thing}",
        "does {thing} apply to {place}?",
        "I read about {thing} {time}, what changed",
        "when was {thing} last updated",
        "how long does {thing} stay valid?",
        "is there a PDF of {thing}",
        "which page covers {thing}?",
    ],
    "professional": [
        "I have worked as a {job} {time}",
        "my last role was {job} at {place}",
        "I was promoted to {job} {time}",
        "at {place} I was in charge of the staff rota",
        "I trained three people in {skill} at work",
        "ten years as a {job}, mostly at {place}",
        "I use {skill} every day in my job",
        "I resigned from my post at {place} {time}",
        "my CV says {job}, my contract says {skill}",
        "I manage a budget and four employees at {place}",
        "clients hire me for {skill}",
        "before that I was employed as a {job}",
    ],
    "psychological": [
        "{value} matters more to me than money",
        "I guess I am someone who needs {value}",
        "people say I am stubborn about {value}",
        "what drives me is {value}",
        "by nature I avoid conflict, {value} or not",
        "I decide slowly because {value} comes first",
        "I am more of an introvert {time}",
        "without {value} I lose my motivation",
        "my whole character is built around {value}",
        "I judge people by their {value}",
        "if I had to name one principle it is {value}",
        "I am a perfectionist, {value} is part of that",
    ],
    "learning": [
        "I learn {skill} best by doing",
        "I am taking a course in {skill} {time}",
        "videos bore me, I prefer to study {skill} from books",
        "I studied {skill} at {place}",
        "a tutor is teaching me {skill}",
        "I failed the {skill} exam {time}",
        "flash cards are how I picked up {skill}",
        "I never finished school but I taught myself {skill}",
        "I take notes by hand when I study {skill}",
        "my diploma in {skill} is from {place}",
        "I need examples before I understand {skill}",
        "I practise {skill} with exercises {time}",
    ],
    "social": [
        "{person} introduced me to people at {place}",
        "I meet {person} for coffee every week",
        "I know hardly anybody at {place}",
        "{person} has been my mentor {time}",
        "we started a neighbours' group at {place} {time}",
        "I owe {person} a lot, we go way back",
        "I lost touch with {person} {time}",
        "I volunteer with {person} at {place}",
        "most of my friends know {person} too",
        "{person} and I are in the same club",
        "my circle of friends got smaller {time}",
        "I got to know {person} through {person}",
    ],
    "emotional": [
        "I feel {feeling} {time}",
        "I wake up {feeling} and do not know why",
        "I have been so {feeling} about everything",
        "I could not sleep, too {feeling}",
        "I was {feeling} the whole evening",
        "some days I am just {feeling}",
        "being alone makes me {feeling}",
        "I cried {time} and I do not know why",
        "my mood is low {time}, mostly {feeling}",
        "I am {feeling} and my confidence is gone",
        "deep down I am still {feeling}",
        "it is hard to admit but I feel {feeling}",
    ],
    "aspirational": [
        "one day I want to {goal}",
        "in five years I hope to {goal}",
        "I dream of becoming a {job}",
        "my plan is to {goal} before I am forty",
        "I want to get good enough to {goal}",
        "I would love to {goal} eventually",
        "next year I will {goal}, whatever it takes",
        "I aim to be a {job} in the future",
        "my biggest ambition is to {goal}",
        "I am saving up so that I can {goal}",
        "the long-term goal is to {goal}",
        "someday I hope to be a {job}",
    ],
    "chitchat": [
        "good morning",
        "how are you {time}",
        "nice weather today",
        "ok",
        "hmm let me think",
        "did you see the game {time}",
        "you are funny",
        "say hi to {person}",
        "what is up",
        "brb",
        "never mind",
        "haha yes",
        "hello there",
        "see you {time}",
    ],
}
_WORTHY = {
    "worthy": [
        *_INTENT["professional"],
        *_INTENT["psychological"],
        *_INTENT["aspirational"],
        *_INTENT["emotional"][:3],
    ],
    "not_worthy": [*_INTENT["chitchat"], *_INTENT["rag_query"]],
}
_EMOTION = {
    "joy": [
        "this made my day",
        "I am so {feeling} and happy about {place}",
        "best news {time}",
        "I got to {goal}!",
        "cannot stop smiling since {person} called",
    ],
    "sadness": [
        "I miss {person}",
        "everything feels empty {time}",
        "I cried about {place}",
        "it hurts that {person} left",
        "I had to give up on my plan to {goal}",
    ],
    "anger": [
        "I am furious with {person}",
        "this is outrageous, {thing} again",
        "how dare they, {time}",
        "sick of {place}",
        "stop calling me about {thing}",
    ],
    "fear": [
        "I am scared of {place}",
        "what if I never {goal}",
        "I keep panicking {time}",
        "terrified of what {person} will say",
        "I dread {thing}",
    ],
    "neutral": [
        "the meeting is at {place}",
        "{person} sent {thing}",
        "I read {thing} {time}",
        "I took the bus to {place}",
        "noted, {thing}",
    ],
}


_CONTEXTS = ("professional", "psychological", "learning", "social", "emotional", "aspirational")
OFFLINE_PATTERNS: dict[str, dict[str, list[str]]] = {
    "intent": _INTENT,
    "context": {label: _INTENT[label] for label in _CONTEXTS},
    "worthiness": _WORTHY,
    "emotion": _EMOTION,
}


def generate_offline(task: str, counts: Mapping[str, int], *, seed: int = 0, confused: float = 0.05) -> pd.DataFrame:
    """Messages from seeded patterns.

    Args:
        task: a key of `OFFLINE_PATTERNS`.
        counts: how many messages a label; fewer come back if its patterns cannot give as many different ones.
        seed: of the generator.
        confused: share of messages in [0, 1] that take a pattern of another label: labels of people are not perfect
            either, and a floor that is always right would teach nothing.

    Returns:
        Rows of the labelled table with source `template`; the group is the pattern.

    Raises:
        UserError: there are no patterns for the task or a label.
    """
    if task not in OFFLINE_PATTERNS:
        known = ", ".join(OFFLINE_PATTERNS)
        raise UserError(
            f"There is no offline generator for task '{task}' (there is one for {known}). Use an LLM or a CSV."
        )
    patterns = OFFLINE_PATTERNS[task]
    unknown = [label for label in counts if label not in patterns]
    if unknown:
        raise UserError(f"Task '{task}' has no label {', '.join(unknown)}. Its labels: {', '.join(patterns)}.")
    random = np.random.default_rng(seed)
    rows = [row for label, n in counts.items() for row in _rows(task, label, n, random, confused)]
    return labelled_table(rows)


def _rows(task: str, label: str, n: int, random: np.random.Generator, confused: float) -> list[dict[str, object]]:
    patterns = OFFLINE_PATTERNS[task]
    others = [name for name in patterns if name != label]
    made: dict[str, dict[str, object]] = {}
    for _ in range(20 * n):  # patterns repeat themselves: try often enough, but not for ever
        if len(made) == n:
            break
        family = _one(random, others) if random.random() < confused else label
        pattern = _one(random, patterns[family])
        message = _message(pattern, random)
        made.setdefault(message.lower(), {
            "task": task, "message": message, "label": label, "confidence": 1.0, "source": "template",
            "detail": "offline patterns", "group": pattern,
        })  # fmt: skip
    return list(made.values())


def _message(pattern: str, random: np.random.Generator) -> str:
    filled = _SLOT.sub(lambda slot: _one(random, _SLOTS[slot[1]]), pattern)
    message = f"{_one(random, _OPENERS)}{filled}{_one(random, _CLOSERS)}"
    return message if random.random() < 0.5 else message[0].upper() + message[1:]


def _one(random: np.random.Generator, options: list[str]) -> str:
    return options[int(random.integers(len(options)))]
