"""What redaction is worth: a seeded, labelled set of personal data as it is said and typed, and the measures on it.

Notable choices: half of the names are in no list; one in twenty is never introduced anywhere, which no rule can find; a
third of the texts are as speech recognition writes them, in lower case; and as many harmless texts as one kind has
personal ones, full of dates, amounts and words that are also names, so that taking too much is seen as well. The set is
generated from patterns: real speech is more varied, and recall on it is lower.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from shared.text._redact import Redactor
from shared.text._redact_find import Span

KINDS = ("ADDRESS", "CARD", "EMAIL", "LOCAL", "PERSON", "PHONE")
_HARMLESS = ""
_SHARE_IN_LOWER_CASE = 0.33

_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_GIVEN = [
    "Maria", "Robert", "Aisha", "Wei", "Thandiwe", "Bartholomew", "Zsofia", "Ikechukwu", "Rosamund", "Quill",
]  # fmt: skip
_FAMILY = [
    "Lopez", "Okafor", "Nguyen", "Smith", "O'Hara", "Papadopoulos", "Vandermeer", "Castellanos", "Yilmaz", "Li",
]  # fmt: skip
_NEVER_INTRODUCED = ["Oyelaran", "Saoirse", "Przybylski", "Xochitl"]
_STREETS = [
    "Maple Street", "Old Mill Road", "Fifth Avenue", "Kings Court", "Harbour View Drive", "St. James Place",
]  # fmt: skip
_PROVIDERS = ["gmail.com", "yahoo.com", "example.org", "post.co.uk", "web.de"]
_BARE = ["last time {} took my pledge", "so {} and the kids are away", "that was {}'s idea", "and {} said no"]
_SHARE_NEVER_INTRODUCED = 0.05
_FRAMES = {
    "PERSON": [
        "My name is {}, thank you for taking my call.", "Hi {}, how are you this evening?", "Okay, {}, I will write.",
        "this is {} from the charity", "Could I speak to Mrs. {} please?", "you can put it under the name {}",
        "my name's {} and I already gave last year", "Thanks {}, have a good night.", "It's {} calling again",
        *_BARE,
    ],
    "PHONE": [
        "You can call me back at {}.", "the number is {} okay", "My phone: {}", "it's {}, call after six",
        "home is {} and I am there most days", "text {} please", "it is area code {}",
    ],
    "CARD": ["The card number is {}.", "okay so it's {} and it expires in May", "Visa {}", "use {} for it"],
    "EMAIL": ["Send the receipt to {} please.", "my email is {}", "it is {} all lower case", "write to {}, I read it"],
    "ADDRESS": ["I live at {}.", "Please mail it to {}, thank you.", "the address is {}", "we moved to {} in spring"],
    "LOCAL": ["the file is in {}", "see {} for the recording", "saved to {}, as always"],
}  # fmt: skip
_HARMLESS_TEXTS = [
    "I gave {a} dollars in {year}.", "on {year}-0{d}-1{d} we raised ${a},000", "that is {w} or {v} of them",
    "we help {a},{b} children in {w} countries", "I am happy to help, thank you so much", "I'm not sure about that",
    "press {w} for english, {v} for spanish", "my order is number {a}{b}", "it costs ${a}.{d}{d} a month",
    "between {w} and {v} in the afternoon, may be later", "I will call on Friday, hope that is okay",
    "this is the charity you gave to before", "{w} percent, at the most {v}", "call me back later please",
    "in {year} and {year}, then never again", "Save the Children is on Main Street", "What is the point of it?",
    "my name is on the list already", "Hi there, thanks again for your time", "one, two, three, go",
    "the grant will help them, that is my hope", "I was at work at seven", "{d} kids, {d} dogs, {a} square feet",
    "the meeting was on {d}/1{d}/{year}", "look at the site dot by dot", "I mark it and bill you in may",
]  # fmt: skip


class Labelled(NamedTuple):
    """A text, the kind of personal data in it ("" = none), and the exact words that must not survive."""

    text: str
    kind: str
    secret: str


class Measured(NamedTuple):
    """How well one kind is redacted.

    Attributes:
        kind: of the personal data.
        found: secrets of this kind that left no trace, of any placeholder.
        n: secrets of this kind in the set.
        right: replacements by this kind that touch a secret.
        replaced: replacements by this kind in all texts, harmless ones included.
    """

    kind: str
    found: int
    n: int
    right: int
    replaced: int


class Measures(NamedTuple):
    """Measures by kind, and harmless texts: how many of them were left exactly as they are."""

    kinds: list[Measured]
    untouched: int
    harmless: int


def redaction_sample(n: int = 700, seed: int = 0) -> list[Labelled]:
    """Labelled texts, as many of each kind and as many harmless ones; typed, spoken, in lower case.

    Args:
        n: number of texts.
        seed: of the generator.
    """
    random = np.random.default_rng(seed)
    kinds = [*_FRAMES, _HARMLESS]
    return [_heard(random, _labelled(random, kinds[i % len(kinds)])) for i in range(n)]


def measure_redaction(redactor: Redactor, sample: Sequence[Labelled]) -> Measures:
    """Recall and precision on a labelled set, after learning the names that its texts introduce.

    A secret counts as found only if none of its words of three or more letters or digits is left: half a name is a
    name. A replacement is right if it touches a secret, whatever its kind.
    """
    redactor.learn(item.text for item in sample)
    spans = [redactor.find(item.text) for item in sample]
    gone = Counter(item.kind for item in sample if item.kind and _is_gone(redactor.redact(item.text), item))
    total = Counter(item.kind for item in sample)
    replaced = Counter(span.kind for found in spans for span in found)
    right = Counter(s.kind for item, found in zip(sample, spans, strict=True) for s in found if _touches(s, item))
    kinds = [Measured(k, gone[k], total[k], right[k], replaced[k]) for k in KINDS]
    harmless = [found for item, found in zip(sample, spans, strict=True) if not item.kind]
    return Measures(kinds, sum(not found for found in harmless), len(harmless))


def _touches(span: Span, item: Labelled) -> bool:
    start = item.text.find(item.secret) if item.secret else -1
    return start >= 0 and span.start < start + len(item.secret) and span.end > start


def _is_gone(redacted: str, item: Labelled) -> bool:
    frame = re.findall(r"\w+", item.text.replace(item.secret, " ").lower())
    pieces = re.findall(r"\w+", item.secret.lower())
    traces = [piece for piece in pieces if len(piece) >= 3 and piece not in frame]
    return not any(re.search(rf"(?<!\w){re.escape(trace)}(?!\w)", redacted.lower()) for trace in traces)


def _labelled(random: np.random.Generator, kind: str) -> Labelled:
    if kind == _HARMLESS:
        return Labelled(_harmless(random), kind, "")
    if kind == "PERSON" and random.random() < _SHARE_NEVER_INTRODUCED:
        name = _one(random, _NEVER_INTRODUCED)
        return Labelled(_one(random, _BARE).format(name), kind, name)
    makers: dict[str, Callable[[np.random.Generator], str]] = {
        "PERSON": _person, "PHONE": _phone, "CARD": _card, "EMAIL": _email, "ADDRESS": _address, "LOCAL": _local,
    }  # fmt: skip
    secret = makers[kind](random)
    return Labelled(_one(random, _FRAMES[kind]).format(secret), kind, secret)


def _heard(random: np.random.Generator, item: Labelled) -> Labelled:
    """Some texts as a speech recogniser writes them; a path is not spoken."""
    if item.kind == "LOCAL" or random.random() >= _SHARE_IN_LOWER_CASE:
        return item
    return Labelled(item.text.lower(), item.kind, item.secret.lower())


def _one(random: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(random.integers(len(options)))]


def _harmless(random: np.random.Generator) -> str:
    a, b, d = (int(x) for x in random.integers([10, 100, 1], [999, 999, 9]))
    w, v = _one(random, _WORDS), _one(random, _WORDS)
    return _one(random, _HARMLESS_TEXTS).format(a=a, b=b, d=d, w=w, v=v, year=int(random.integers(1990, 2030)))


def _person(random: np.random.Generator) -> str:
    given, family = _one(random, _GIVEN), _one(random, _FAMILY)
    forms = [f"{given} {family}", f"{given} {family}", f"{given} {family}", family, given, "-".join(family.upper())]
    return _one(random, forms)


def _digits(random: np.random.Generator, n: int) -> str:
    return "".join(str(d) for d in random.integers(0, 10, n))


def _spoken(digits: str) -> str:
    return " ".join(_WORDS[int(d)] for d in digits)


def _phone(random: np.random.Generator) -> str:
    a, b, c = _digits(random, 3), _digits(random, 3), _digits(random, 4)
    spoken_a, spoken_b, spoken_c = _spoken(a), _spoken(b), _spoken(c)
    forms = [
        f"({a}) {b}-{c}", f"+1 {a} {b} {c}", f"{a}-{b}-{c}", f"{a}{b}{c}", f"{a}.{b}.{c}", f"{b}-{c}",
        f"+44 20 7{b} {c}", f"030 / {b}{c}", f"{spoken_a}, {spoken_b}, {spoken_c}",
        f"{spoken_a} uh {spoken_b} um {spoken_c}", f"{spoken_a} then {spoken_b} {spoken_c}",
        f"oh seven double five {spoken_b} {spoken_c}", f"four fifteen, five fifty five, {spoken_c}",
    ]  # fmt: skip
    return _one(random, forms)


def _card(random: np.random.Generator) -> str:
    blocks = [_digits(random, 4) for _ in range(4)]
    forms = [
        " ".join(blocks), "-".join(blocks), "".join(blocks), ", ".join(map(_spoken, blocks)),
        " and then ".join(map(_spoken, blocks)), f"{blocks[0]} {blocks[1]}00 {blocks[2]}0",
    ]  # fmt: skip
    return _one(random, forms)


def _email(random: np.random.Generator) -> str:
    given, family = _one(random, _GIVEN).lower(), _one(random, _FAMILY).replace("'", "").lower()
    provider, number = _one(random, _PROVIDERS), _digits(random, 2)
    spoken = provider.replace(".", " dot ")
    forms = [
        f"{given}.{family}@{provider}", f"{given}_{family}{number}@{provider}", f"{given}.{family}@{provider}".upper(),
        f"{given} dot {family} at {spoken}", f"{given} underscore {family} at {spoken}",
        f"{given}{family} (at) {provider}", f"{given} dot {family} {_spoken(number)} at {spoken}",
        f"{' '.join(family)} at {spoken}", f"{family} at gmail",
    ]  # fmt: skip
    return _one(random, forms)


def _address(random: np.random.Generator) -> str:
    number, street = int(random.integers(1, 2000)), _one(random, _STREETS)
    forms = [
        f"{number} {street}", f"{number} {street}, Springfield, IL 62704",
        f"{number} {street}, apartment {number % 40}", f"{number % 90 + 1} {street}, Leeds LS1 4AP",
        f"{_spoken(str(number))} {street.lower()}", f"P.O. Box {number}",
        f"Hauptstraße {number % 200 + 1}, 10115 Berlin", f"{number % 90 + 1} rue de la Paix, 75002 Paris",
        f"Calle Mayor {number % 90 + 1}, 28013 Madrid",
    ]  # fmt: skip
    return _one(random, forms)


def _local(random: np.random.Generator) -> str:
    user = _one(random, _GIVEN).lower() + _one(random, ["", "42", ".l"])
    forms = [f"/home/{user}/calls/may.csv", f"/Users/{user}/thesis", rf"C:\Users\{user}\Desktop\x.xlsx"]
    return _one(random, forms)
