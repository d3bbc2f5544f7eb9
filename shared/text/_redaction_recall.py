"""What redaction is worth: a seeded, labelled set of personal data as it is said and typed, and the recall on it."""

import re
from typing import NamedTuple

import numpy as np

from shared.text._redact import Redactor

_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
# Half of the names are in no list of common names, as in life.
_GIVEN = [
    "Maria",
    "Robert",
    "Aisha",
    "Wei",
    "Thandiwe",
    "Bartholomew",
    "Zsofia",
    "Ikechukwu",
    "Rosamund",
    "Quill",
]
_FAMILY = [
    "Lopez",
    "Okafor",
    "Nguyen",
    "Smith",
    "O'Hara",
    "Papadopoulos",
    "Vandermeer",
    "Castellanos",
    "Yilmaz",
    "Li",
]
_STREETS = [
    "Maple Street",
    "Old Mill Road",
    "Fifth Avenue",
    "Kings Court",
    "Harbour View Drive",
    "St. James Place",
]
_PROVIDERS = ["gmail.com", "yahoo.com", "example.org", "post.co.uk", "web.de"]
_FRAMES = {
    "PERSON": [
        "My name is {}, thank you for taking my call.", "Hi {}, how are you this evening?", "Okay, {}, I will write.",
        "this is {} from the charity", "Could I speak to Mrs. {} please?", "you can put it under the name {}",
        "my name's {} and I already gave last year", "Thanks {}, have a good night.",
        "last time {} took my pledge", "so {} and the kids are away",  # nothing introduces these
    ],
    "PHONE": ["You can call me back at {}.", "the number is {} okay", "My phone: {}", "it's {}, call after six"],
    "CARD": ["The card number is {}.", "okay so it's {} and it expires in May", "Visa {}"],
    "EMAIL": ["Send the receipt to {} please.", "my email is {}", "it is {} all lower case"],
    "ADDRESS": ["I live at {}.", "Please mail it to {}, thank you.", "the address is {}"],
}  # fmt: skip


class Labelled(NamedTuple):
    """A text, the kind of personal data in it, and the exact words that must not survive."""

    text: str
    kind: str
    secret: str


class Recall(NamedTuple):
    """How much of one kind of personal data is found: `found` of `n` are gone from the text altogether."""

    kind: str
    found: int
    n: int


def redaction_sample(n: int = 400, seed: int = 0) -> list[Labelled]:
    """Labelled texts, as many of each kind: names, phones, cards, e-mails, addresses; typed, spoken, in lower case.

    Args:
        n: number of texts.
        seed: of the generator.
    """
    random = np.random.default_rng(seed)
    kinds = list(_FRAMES)
    return [_labelled(random, kinds[i % len(kinds)]) for i in range(n)]


def redaction_recall(redactor: Redactor, sample: list[Labelled]) -> list[Recall]:
    """Share of secrets that leave no trace, by kind.

    A secret counts as found only if none of its words of three or more letters or digits is left: half a name is a
    name.
    """
    redactor.learn(item.text for item in sample)
    gone = [(item.kind, _is_gone(redactor.redact(item.text), item)) for item in sample]
    kinds = sorted({kind for kind, _ in gone})
    return [Recall(kind, sum(ok for k, ok in gone if k == kind), sum(k == kind for k, _ in gone)) for kind in kinds]


def _is_gone(redacted: str, item: Labelled) -> bool:
    frame = item.text.replace(item.secret, " ").lower().split()
    pieces = [word.strip(".,") for word in item.secret.lower().split()]
    traces = [p for p in pieces if len(p) >= 3 and p not in {w.strip(".,") for w in frame}]
    return not any(re.search(rf"(?<!\w){re.escape(trace)}(?!\w)", redacted.lower()) for trace in traces)


def _labelled(random: np.random.Generator, kind: str) -> Labelled:
    secret = {"PERSON": _person, "PHONE": _phone, "CARD": _card, "EMAIL": _email, "ADDRESS": _address}[kind](random)
    return Labelled(_one(random, _FRAMES[kind]).format(secret), kind, secret)


def _one(random: np.random.Generator, options: list[str]) -> str:
    return options[int(random.integers(len(options)))]


def _person(random: np.random.Generator) -> str:
    given, family = _one(random, _GIVEN), _one(random, _FAMILY)
    return f"{given} {family}" if random.random() < 0.6 else family


def _digits(random: np.random.Generator, n: int) -> str:
    return "".join(str(d) for d in random.integers(0, 10, n))


def _spoken(digits: str) -> str:
    return " ".join(_WORDS[int(d)] for d in digits)


def _phone(random: np.random.Generator) -> str:
    area, middle, last = _digits(random, 3), _digits(random, 3), _digits(random, 4)
    forms = [
        f"({area}) {middle}-{last}",
        f"+1 {area} {middle} {last}",
        f"{area}-{middle}-{last}",
        f"{area}{middle}{last}",
    ]
    return _one(random, [*forms, f"{_spoken(area)}, {_spoken(middle)}, {_spoken(last)}", f"{middle}-{last}"])


def _card(random: np.random.Generator) -> str:
    blocks = [_digits(random, 4) for _ in range(4)]
    return _one(random, [" ".join(blocks), "-".join(blocks), "".join(blocks), ", ".join(map(_spoken, blocks))])


def _email(random: np.random.Generator) -> str:
    name = f"{_one(random, _GIVEN)}.{_one(random, _FAMILY).replace(chr(39), '')}".lower()
    address = f"{name}@{_one(random, _PROVIDERS)}"
    return _one(random, [address, address.replace(".", " dot ").replace("@", " at ")])


def _address(random: np.random.Generator) -> str:
    number, street = int(random.integers(1, 2000)), _one(random, _STREETS)
    town = ", Springfield, IL 62704" if random.random() < 0.3 else ""
    written = f"{number} {street}{town}"
    spoken = f"{_spoken(str(number))} {street.lower()}"
    return written if random.random() < 0.7 else spoken
