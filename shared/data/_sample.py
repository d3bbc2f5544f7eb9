"""The sample with planted truth: a few hundred donation calls of which everything is known.

How a call comes about, which is also what a method can hope to recover:

- Donors call several times and have two hidden traits. `generous` shifts the outcome; `talkative` makes small talk
  likelier in a call, but not certain: it shows over several calls, not in one.
- The donor's cue words are drawn first. The outcome is the class with the largest `CUE_STRENGTH * cues of the class +
  trait + Gumbel noise`: the words drive the outcome, and noise keeps any classifier from being perfect. Decoys are
  drawn without regard to it.
- Acts follow the course of a call; sides mostly alternate, sometimes speak twice. Utterances are patterns with slots,
  fillers and decoys.
- Each side's channel is what a speech recogniser heard on it: words lost or misheard, no case or punctuation, some of
  the other side, and sometimes nothing at all.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from shared.data import _sample_words as words
from shared.data._schema import AGENT, DONOR
from shared.runs import new_file

CUE_STRENGTH = 2.2  # weight of one cue word against standard Gumbel noise
GENEROSITY = 0.7  # added to `donated` for a generous donor, taken away for another
SMALL_TALK = {True: 0.9, False: 0.1}  # probability of small talk in a call, by `talkative`
_ACT_ORDER = ("opening", "cause", "questions", "asking", "objections", "decision", "closing")
_CHANNEL_MISSING = 0.07
_OTHER_WORDS = 0.1  # probability that an act is said in words of another
_WORD_LOST, _WORD_MISHEARD, _CROSSTALK = 0.05, 0.35, 0.03


class Sample(NamedTuple):
    """The generated tables.

    Attributes:
        transcripts: conversation_id, conversation (one utterance a line), agent_channel, donor_channel, outcome,
            agent_id, donor_id.
        turns: conversation_id, turn (from 0, a line of the conversation each), speaker, dialogue_act.
        conversations: conversation_id, outcome, cues and decoys that occur in it (separated by spaces).
        authors: author_id, role, generous and talkative (0 or 1; empty for agents), calls.
    """

    transcripts: pd.DataFrame
    turns: pd.DataFrame
    conversations: pd.DataFrame
    authors: pd.DataFrame


class _Person(NamedTuple):
    author_id: str
    name: str
    generous: bool
    talkative: bool


class _Utterance(NamedTuple):
    speaker: str
    act: str
    text: str


class _Call(NamedTuple):
    utterances: list[_Utterance]
    outcome: str
    cues: list[str]
    decoys: list[str]


def make_sample(n_calls: int = 360, n_donors: int = 60, n_agents: int = 10, seed: int = 7) -> Sample:
    """Generate the sample.

    Args:
        n_calls: conversations; donors take turns, so each has about `n_calls / n_donors`.
        n_donors: authors with traits.
        n_agents: callers.
        seed: the same seed gives the same tables.
    """
    random = np.random.default_rng(seed)
    agents = [_Person(f"agent-{i:02d}", _one(random, words.AGENT_NAMES), False, False) for i in range(n_agents)]
    donors = [_donor(random, number) for number in range(n_donors)]
    order = random.permutation(np.arange(n_calls) % n_donors)
    rows = [
        _rows(random, f"call-{i:04d}", agents[int(random.integers(n_agents))], donors[d]) for i, d in enumerate(order)
    ]
    transcripts, conversations = (pd.DataFrame([row[part] for row in rows]) for part in (0, 2))
    turns = pd.DataFrame([turn for row in rows for turn in row[1]])
    return Sample(transcripts, turns, conversations, _authors(agents, donors, transcripts))


def write_sample(sample: Sample, folder: Path) -> None:
    """Write the four tables as CSV: transcripts.csv, truth_turns.csv, truth_conversations.csv, truth_authors.csv."""
    names = ("transcripts", "truth_turns", "truth_conversations", "truth_authors")
    for name, table in zip(names, sample, strict=True):
        with new_file(folder / f"{name}.csv") as partial:
            table.to_csv(partial, index=False, lineterminator="\n")


def _donor(random: np.random.Generator, number: int) -> _Person:
    name = words.DONOR_NAMES[number % len(words.DONOR_NAMES)]
    # traits are balanced and crossed, so that neither can be read off the other
    return _Person(f"donor-{number:03d}", name, number % 2 == 0, (number // 2) % 2 == 0)


def _rows(random: np.random.Generator, identifier: str, agent: _Person, donor: _Person) -> tuple:
    call = _call(random, agent, donor)
    transcript = {
        "conversation_id": identifier,
        "conversation": "\n".join(u.text for u in call.utterances),
        "agent_channel": _heard(random, call.utterances, AGENT),
        "donor_channel": _heard(random, call.utterances, DONOR),
        "outcome": call.outcome, "agent_id": agent.author_id, "donor_id": donor.author_id,
    }  # fmt: skip
    turns = [
        {"conversation_id": identifier, "turn": i, "speaker": u.speaker, "dialogue_act": u.act}
        for i, u in enumerate(call.utterances)
    ]
    truth = {
        "conversation_id": identifier,
        "outcome": call.outcome,
        "cues": " ".join(call.cues),
        "decoys": " ".join(call.decoys),
    }
    return transcript, turns, truth


def _call(random: np.random.Generator, agent: _Person, donor: _Person) -> _Call:
    cues = _cues(random)
    scores = {
        outcome: CUE_STRENGTH * sum(cue in words.CUES[outcome] for cue in cues) + random.gumbel()
        for outcome in words.CUES
    }
    scores["donated"] += GENEROSITY if donor.generous else -GENEROSITY
    outcome = max(scores, key=scores.__getitem__)
    decoys = [str(d) for d in random.choice(words.DECOYS, size=int(random.integers(2, 6)), replace=False)]
    names = {"agent": agent.name, "donor": donor.name}
    waiting = iter(cues)
    utterances = [
        _say(random, side, act, _with_cue(names, waiting) if act == "decide" else names)
        for side, act in _course(random, donor, len(cues))
    ]
    return _Call(_with_decoys(random, utterances, decoys), outcome, cues, decoys)


def _with_cue(names: dict[str, str], waiting: Iterator[str]) -> dict[str, str]:
    return names | {"cue": words.CUE_PHRASES[next(waiting)]}


def _cues(random: np.random.Generator) -> list[str]:
    """Two to four cue words, leaning to one class but mixed: people change their mind while they talk."""
    outcomes = list(words.CUES)
    lean = int(random.integers(len(outcomes)))
    weights = np.full(len(outcomes), 0.2)
    weights[lean] = 0.6
    classes = random.choice(len(outcomes), size=int(random.integers(2, 5)), p=weights)
    return list(dict.fromkeys(_one(random, words.CUES[outcomes[int(c)]]) for c in classes))


def _course(random: np.random.Generator, donor: _Person, n_cues: int) -> list[tuple[str, str]]:
    """(side, act) of every utterance: the parts of a call in order, each with its own length."""
    parts = {
        "opening": [(AGENT, "greet"), (DONOR, "greet_back"), (AGENT, "ask_wellbeing")],
        "cause": [(AGENT, "state_cause"), *_some(random, [(AGENT, "give_fact"), (AGENT, "tell_story")], 0.6)],
        "questions": _exchanges(random, (DONOR, "ask_question"), (AGENT, "answer"), 0.55, 3),
        "asking": [*_some(random, [(DONOR, "show_interest")], 0.5), (AGENT, "ask_donation")],
        "objections": _exchanges(random, (DONOR, "object"), (AGENT, "handle_objection"), 0.5, 2),
        "decision": [(DONOR, "decide")] * n_cues,
        "closing": [(AGENT, "thank"), *_some(random, [(DONOR, "say_bye")], 0.8)],
    }  # fmt: skip
    if random.random() < SMALL_TALK[donor.talkative]:
        parts["opening"] += [(DONOR, "small_talk")] * int(random.integers(2, 4))
    course = [step for part in _ACT_ORDER for step in parts[part]]
    return _with_backchannels(random, course)


def _some(random: np.random.Generator, steps: Sequence[tuple[str, str]], share: float) -> list[tuple[str, str]]:
    return [step for step in steps if random.random() < share]


def _exchanges(
    random: np.random.Generator, first: tuple[str, str], second: tuple[str, str], share: float, most: int
) -> list[tuple[str, str]]:
    return [step for _ in range(most) if random.random() < share for step in (first, second)]


def _with_backchannels(random: np.random.Generator, course: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Now and then the listener says a short word in between, which either side could have said."""
    result = []
    for side, act in course:
        result.append((side, act))
        if random.random() < 0.18:
            result.append((DONOR if side == AGENT else AGENT, words.SHARED_ACT))
    return result


def _say(random: np.random.Generator, side: str, act: str, names: dict[str, str]) -> _Utterance:
    patterns = words.BACKCHANNELS if act == words.SHARED_ACT else _patterns(random, side, act)
    slots = {name: _one(random, options) for name, options in words.SLOTS.items()} | names
    text = _one(random, patterns).format_map(slots)
    if random.random() < 0.25:
        text = f"{_one(random, words.FILLERS)} {text}"
    return _Utterance(side, act, _written(random, text))


def _patterns(random: np.random.Generator, side: str, act: str) -> list[str]:
    """What this side says for an act; now and then another act's words serve, as people are not that tidy."""
    acts = words.AGENT_ACTS if side == AGENT else words.DONOR_ACTS
    others = [patterns for name, patterns in acts.items() if name != "decide"]
    return acts[act] if act == "decide" or random.random() > _OTHER_WORDS else others[int(random.integers(len(others)))]


def _written(random: np.random.Generator, text: str) -> str:
    """As a transcriber writes it: a capital letter and a full stop, mostly."""
    text = " ".join(text.split())
    ending = (
        "?"
        if text.split()[0] in {"how", "what", "do", "did", "is", "could", "would", "can", "where", "who", "am"}
        else "."
    )
    return text[0].upper() + text[1:] + (ending if random.random() < 0.9 else "")


def _with_decoys(random: np.random.Generator, utterances: list[_Utterance], decoys: list[str]) -> list[_Utterance]:
    result = list(utterances)
    for decoy in decoys:
        at = int(random.integers(len(result)))
        text = result[at].text
        result[at] = result[at]._replace(text=f"{decoy.capitalize()} {text[0].lower()}{text[1:]}")
    return result


def _heard(random: np.random.Generator, utterances: Sequence[_Utterance], side: str) -> str:
    """What a recogniser wrote of one channel; empty if the recording is missing."""
    if random.random() < _CHANNEL_MISSING:
        return ""
    heard = [u for u in utterances if u.speaker == side or random.random() < _CROSSTALK]
    return "\n".join(line for u in heard if (line := _misheard(random, u.text)))


def _misheard(random: np.random.Generator, text: str) -> str:
    spoken = [word for word in text.lower().replace("?", "").replace(".", "").split() if random.random() > _WORD_LOST]
    return " ".join(words.MISHEARD.get(w, w) if random.random() < _WORD_MISHEARD else w for w in spoken)


def _authors(agents: Sequence[_Person], donors: Sequence[_Person], transcripts: pd.DataFrame) -> pd.DataFrame:
    calls = pd.concat([transcripts["agent_id"], transcripts["donor_id"]]).value_counts()
    rows = [
        {"author_id": p.author_id, "role": role, "generous": int(p.generous) if role == DONOR else None,
         "talkative": int(p.talkative) if role == DONOR else None, "calls": int(calls.get(p.author_id, 0))}
        for role, people in ((AGENT, agents), (DONOR, donors)) for p in people
    ]  # fmt: skip
    return pd.DataFrame(rows).astype({"generous": "Int64", "talkative": "Int64"})


def _one(random: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(random.integers(len(options)))]
