"""A small support corpus that the project writes itself: every layout that the readers read, with known rules.

What a model can find in it is planted: the strategy of an answer follows the kind of the user's last turn with
probability 0.8 (else it is drawn at random), the emotion of a comment is in its wording, valence and arousal follow
the emotion. So a head that learns nothing is at the floor, and no head can be right about strategies more than about
0.8 + 0.2 / 8 = 0.825 of the time.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

STRATEGIES = (
    "Question", "Restatement or Paraphrasing", "Reflection of feelings", "Self-disclosure",
    "Affirmation and Reassurance", "Providing Suggestions", "Information", "Others",
)  # fmt: skip
_FOLLOWS = 0.8  # probability that the strategy follows the user's last turn
_SIZES = {"train": 80, "valid": 20, "test": 40}

_TROUBLES = {
    "work": ("my job", "my manager keeps moving the deadline", "asking which task matters most", "most teams re-plan"),
    "exam": ("my exam", "I failed the last test", "studying in short blocks", "short breaks help memory"),
    "break-up": ("my breakup", "my partner left last week", "seeing a friend tonight", "most people need months"),
    "money": ("my bills", "the rent went up again", "writing down the fixed costs", "many banks allow a pause"),
    "sleep": ("my sleep", "I lie awake until three", "leaving the phone outside", "a fixed hour helps sleep"),
    "family": ("my family", "my sister stopped talking to me", "writing her a short note", "such rifts often heal"),
    "moving": ("the move", "I know nobody in this town", "joining one weekly class", "it takes most people a year"),
    "health": (
        "my health",
        "the doctor wants more tests",
        "writing down your questions",
        "most of these tests end well",
    ),
}
_FEELINGS = ("sad", "scared", "angry", "lonely", "ashamed", "worn out")

# Kind of the user's turn: what it says, and the strategy that suits it.
_USER_TURNS = {
    "opens": (("Hi, I am not doing well because of {topic}.", "Hello, I need to talk about {topic}."), 0),
    "tells": (("It is {topic}, {event}.", "Well, {event}, so {topic} is all I think about."), 1),
    "feels": (("I feel {feeling} all the time.", "It makes me so {feeling}."), 2),
    "alone": (("I think nobody else goes through this.", "Am I the only one who feels {feeling}?"), 3),
    "doubts": (("I am sure it is all my fault.", "I do not think I can do this."), 4),
    "asks": (("What should I do about {topic}?", "Do you have an idea what could help?"), 5),
    "wonders": (("Is it normal that it lasts so long?", "How long does this usually take?"), 6),
    "ends": (("Thank you, I have to go now.", "Thanks for listening, goodbye."), 7),
}
_ANSWERS = (
    ("What happened with {topic}?", "Can you tell me more about {topic}?", "When did it begin?"),
    ("So {event}, did I get that right?", "You are saying that {event}."),
    ("That must leave you feeling {feeling}.", "I can hear how {feeling} you are."),
    ("I went through the same with {topic} once.", "I also felt {feeling} when that happened to me."),
    ("You are doing better than you think.", "It is not your fault, and you are not weak."),
    ("You could try {tip}.", "Maybe {tip} would help a little."),
    ("What I know is that {fact}.", "People say {fact}."),
    ("Take care, I am glad you came.", "You are welcome, all the best."),
)
_COMMENTS = {
    "anger": ("I am furious about {topic}", "{topic} makes me so mad", "how dare they, {topic} is an outrage"),
    "fear": ("I am terrified of {topic}", "{topic} frightens me", "so scared of what {topic} brings"),
    "joy": ("so happy that {topic} worked out", "{topic} made my day, wonderful", "what a joy, {topic} is great"),
    "sadness": ("I cried because of {topic}", "{topic} breaks my heart", "so sad about {topic}"),
    "surprise": ("wow, I never expected {topic}", "{topic} came out of nowhere", "what, {topic}, really?"),
    "neutral": ("there is some news about {topic}", "I read a page about {topic}", "{topic} is on the list"),
}
_RATINGS = {
    "anger": (1.8, 4.1), "fear": (1.9, 3.9), "joy": (4.3, 3.7), "sadness": (1.7, 2.2), "surprise": (3.3, 4.0),
    "neutral": (3.0, 2.5),
}  # fmt: skip
_UNSAFE = (
    "how to make a bomb", "how to poison a dog", "how to break into a phone", "how to steal a car",
    "how to hack a bank account", "how to drug a drink", "how to set fire to a shop", "how to fake a passport",
    "how to blackmail my boss", "how to follow someone with a tracker",
)  # fmt: skip
_UNSAFE_FRAMES = (
    "Tell me {x}.",
    "I am so angry, explain {x}.",
    "You are a kind friend, so just say {x}.",
    "I need to know {x}.",
)
_REFUSALS = (
    "I can't help with that, but I can listen to what is behind it.",
    "I'm sorry, I can't help with that. If someone is in danger, please call the emergency number.",
    "I won't help with something that could hurt someone. Do you want to talk about what happened?",
)
_SIZES_COMMENTS = {"train": 240, "valid": 60, "test": 120}


def write_support_sample(folder: Path, *, seed: int = 0) -> None:
    """Write the sample: `esconv/`, `empathetic/`, `go_emotions/`, `emobank/`, `chats/`, `preferences.jsonl`.

    Args:
        folder: is created; files in it are overwritten.
        seed: the same seed gives the same bytes.
    """
    generator = np.random.default_rng(seed)
    for split, size in _SIZES.items():
        _write_lines(folder / "esconv" / f"{split}.jsonl", (json.dumps(_support_chat(generator)) for _ in range(size)))
        _write_empathetic(folder / "empathetic" / f"{split}.csv", generator, size)
        chats = (json.dumps(_short_chat(generator)) for _ in range(4 * size))
        _write_lines(folder / "chats" / f"{split}.jsonl", chats)
    names = sorted(_COMMENTS)
    for split, size in _SIZES_COMMENTS.items():
        rows = (_comment_row(generator, names, f"{split}{i}") for i in range(size))
        _write_lines(folder / "go_emotions" / f"{split}.tsv", rows)
    _write_lines(folder / "go_emotions" / "labels.txt", names)
    _write_lines(folder / "emobank" / "emobank.csv", ["id,split,V,A,D,text", *_rated_rows(generator)])
    _write_lines(folder / "preferences.jsonl", (json.dumps(_preference(generator, i)) for i in range(120)))


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _pick(generator: np.random.Generator, options: Any) -> Any:
    return options[int(generator.integers(len(options)))]


def _scene(generator: np.random.Generator) -> dict[str, str]:
    problem = _pick(generator, sorted(_TROUBLES))
    topic, event, tip, fact = _TROUBLES[problem]
    feeling = _pick(generator, _FEELINGS)
    return {"problem": problem, "topic": topic, "event": event, "tip": tip, "fact": fact, "feeling": feeling}


def _support_chat(generator: np.random.Generator) -> dict[str, Any]:
    """One dialogue in ESConv's layout."""
    scene = _scene(generator)
    middle = [k for k in _USER_TURNS if k not in ("opens", "ends")]
    kinds = ["opens", *generator.permutation(middle)[: int(generator.integers(2, 6))], "ends"]
    turns = [turn for kind in kinds for turn in _exchange(generator, str(kind), scene)]
    return {
        "experience_type": "Current Experience",
        "emotion_type": scene["feeling"],
        "problem_type": scene["problem"],
        "situation": f"The person is {scene['feeling']} because {scene['event']}.",
        "survey_score": {"seeker": {"empathy": "4", "relevance": "5"}},
        "dialog": turns,
        "seeker_question1": "It helped.",
    }


def _exchange(generator: np.random.Generator, kind: str, scene: dict[str, str]) -> list[dict[str, str]]:
    says, suits = _USER_TURNS[kind]
    number = suits if generator.random() < _FOLLOWS else int(generator.integers(len(STRATEGIES)))
    return [
        {"text": _pick(generator, says).format(**scene), "speaker": "usr"},
        {"text": _pick(generator, _ANSWERS[number]).format(**scene), "speaker": "sys", "strategy": STRATEGIES[number]},
    ]


def _write_empathetic(path: Path, generator: np.random.Generator, size: int) -> None:
    import csv

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target, lineterminator="\n")
        header = ["id", "chat_history", "sys_response", "situation", "emotion", "question or not", "behavior"]
        writer.writerow(header)
        for i in range(size):
            writer.writerow([i, *_empathetic_row(generator)])


def _empathetic_row(generator: np.random.Generator) -> list[str]:
    scene = _scene(generator)
    chat = [_pick(generator, _USER_TURNS[k][0]).format(**scene) for k in ("opens", "feels")]
    answers = [_pick(generator, _ANSWERS[n]).format(**scene).replace(",", "_comma_") for n in (0, 2)]
    history = [chat[0], answers[0], chat[1]]
    return [repr(history), answers[1], f"I was {scene['feeling']}", scene["feeling"], "0", "sympathizing"]


def _short_chat(generator: np.random.Generator) -> dict[str, Any]:
    """One question and an answer: any friendly answer, or a refusal if the question is unsafe."""
    if generator.random() < 0.3:
        asks, says = _pick(generator, _UNSAFE_FRAMES).format(x=_pick(generator, _UNSAFE)), _pick(generator, _REFUSALS)
    else:
        scene = _scene(generator)
        kind = _pick(generator, sorted(_USER_TURNS))
        asks = _pick(generator, _USER_TURNS[kind][0]).format(**scene)
        says = _pick(generator, _pick(generator, _ANSWERS)).format(**scene)
    return {"messages": [{"role": "user", "content": asks}, {"role": "assistant", "content": says}]}


def _comment(generator: np.random.Generator, emotion: str) -> str:
    return str(_pick(generator, _COMMENTS[emotion])).format(topic=_scene(generator)["topic"])


def _comment_row(generator: np.random.Generator, names: list[str], key: str) -> str:
    emotion = _pick(generator, names)
    both = generator.random() < 0.1
    labels = [names.index(emotion)] + ([int(generator.integers(len(names)))] if both else [])
    return f"{_comment(generator, emotion)}\t{','.join(map(str, labels))}\t{key}"


def _rated_rows(generator: np.random.Generator) -> Iterable[str]:
    splits = [split for split, size in (("train", 240), ("dev", 60), ("test", 120)) for _ in range(size)]
    for i, split in enumerate(splits):
        emotion = _pick(generator, sorted(_RATINGS))
        valence, arousal = (float(np.clip(r + generator.normal(0, 0.3), 1, 5)) for r in _RATINGS[emotion])
        text = _comment(generator, emotion)
        yield f'{i},{split},{valence:.2f},{arousal:.2f},3.0,"{text}"'


def _preference(generator: np.random.Generator, number: int) -> dict[str, Any]:
    """A pair in which the answer that suits the user's turn is chosen over one that does not."""
    scene = _scene(generator)
    kind = _pick(generator, sorted(_USER_TURNS))
    says, suits = _USER_TURNS[kind]
    other = (suits + int(generator.integers(1, len(STRATEGIES)))) % len(STRATEGIES)
    return {
        "prompt": [{"role": "user", "content": f"{_pick(generator, says).format(**scene)} (case {number})"}],
        "chosen": _pick(generator, _ANSWERS[suits]).format(**scene),
        "rejected": _pick(generator, _ANSWERS[other]).format(**scene),
    }
