"""Redaction of personal data in conversations: the same person keeps the same placeholder, spoken forms included.

Notable choices: placeholders are keyed digests, so that files redacted by different processes agree without a table of
who is who; what is remembered of names is digests too, never the names. What redaction is worth is measured on a
labelled set (`measure_redaction`); it is not a guarantee.

How a placeholder is chosen: a full name stands for its person. A part of it ("Maria", "Mrs. Lopez") stands for the same
person as long as only one full name has that part; a part that two people share, or that an earlier stage met alone,
stands for itself.
"""

import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from typing import Any

from shared.runs import Private
from shared.text._names import COMMON_GIVEN_NAMES, EVERYDAY_WORDS, WORDS_AND_NAMES
from shared.text._redact_find import (
    NAME,
    Span,
    digits_in,
    email_in,
    full_names,
    introduced,
    listed,
    paths,
    patterned,
    spelled,
    without_genitive,
    without_overlaps,
)

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_PART = re.compile(r"[^\W\d_]{2,}")
_MOST_WORDS = 4  # of a full name
_COMMONER_THAN_A_NAME = 20  # mentions for each introduction from which an introduced word is an ordinary word
# Consonants only: a placeholder cannot hold a word, a name or a number by accident.
_LETTERS = str.maketrans("0123456789abcdef", "bcdfghjkmnpqrstv")
_PLACEHOLDER = re.compile(r"\[(?:LOCAL|[A-Z]+_[bcdfghjkmnpqrstv]{8})\]")


class Redactor:
    """Replaces personal data by placeholders such as `[PERSON_kdmfpqrb]`.

    Args:
        key: secret bytes that placeholders are derived from; equal keys give equal placeholders.
        people: names that are known beforehand, such as those of the callers.

    Attributes:
        counts: replacements by kind.
    """

    def __init__(self, key: bytes, people: Iterable[str] = ()) -> None:
        self._key = key
        self._digests: dict[tuple[str, str], str] = {}
        self._holders: dict[str, set[str]] = {}  # digest of a name or part of one -> digests of full names with it
        self._met: set[str] = set()  # digests of everything that was replaced
        self._people_met: set[str] = set()  # those among them that are names
        self._local: list[re.Pattern[str]] = []
        self.counts: Counter[str] = Counter()
        self.learn_people(people)

    def hide(self, local: Iterable[Private]) -> None:
        """Replace texts of this machine as `[LOCAL]`, from `shared.runs.local_texts`."""
        self._local = [private.pattern for private in local]

    def learn(self, texts: Iterable[str]) -> None:
        """Collect names from how they are introduced, so that bare mentions in any text are found too.

        A word that is introduced like a name once and occurs very often without is an ordinary word ("I am Going").
        """
        names: set[str] = set()
        introductions: Counter[str] = Counter()
        words: Counter[str] = Counter()
        for text in texts:
            words.update(_PART.findall(text.lower()))
            for name in set(introduced_names(text)):
                normal = _normal(name)
                introductions.update({normal, *normal.split(), *_PART.findall(normal)})
                names.add(normal)
        common = {word for word, n in introductions.items() if _is_common(word, words[word], n)}
        for name in names - common:
            self._learn_name(name, leave_out=common)

    def learn_people(self, names: Iterable[str]) -> None:
        """Add names that are known to be people's."""
        for name in names:
            if full := _normal(name):
                self._learn_name(full)

    def _learn_name(self, full: str, leave_out: Container[str] = ()) -> None:
        own = self._digest("PERSON", full)
        holders = self._holders.setdefault(own, set())
        if " " in full:
            holders.add(own)
            for part in {*full.split(), *_PART.findall(full)}:
                if len(part) > 1 and part not in leave_out and (part not in EVERYDAY_WORDS or part in WORDS_AND_NAMES):
                    self._holders.setdefault(self._digest("PERSON", part), set()).add(own)

    def find(self, text: str) -> list[Span]:
        """Personal data in a text, in order, without overlaps."""
        taken = [Span(m.start(), m.end(), "") for m in _PLACEHOLDER.finditer(text)]
        hidden = [*paths(text), *self._find_local(text)]
        found = [*taken, *hidden, *patterned(text), *self._people(text), *spelled(text)]
        return [span for span in without_overlaps(found) if span.kind]

    def redact(self, text: str, *, only_known: bool = False) -> str:
        """The text with every finding replaced by its placeholder; placeholders themselves are left alone.

        Args:
            text: any text.
            only_known: replace only what was replaced or learned before (and e-mails and local paths). For texts
                full of figures, in which a rule would take results for phone numbers.
        """
        pieces, end = [], 0
        for span in self.find(text):
            found = text[span.start : span.end]
            if only_known and not self._is_known(span.kind, found):
                continue
            pieces += [text[end : span.start], self.placeholder(span.kind, found)]
            end = span.end
        return "".join([*pieces, text[end:]])

    def placeholder(self, kind: str, found: str) -> str:
        """What stands for an original, counted as one replacement.

        Args:
            kind: `PERSON`, `PHONE`, `CARD`, `EMAIL`, `ADDRESS`, `SPELLED`, `LOCAL` or a kind of the caller's own.
            found: the original as it stands in the text.
        """
        self.counts[kind] += 1
        if kind == "LOCAL":
            return "[LOCAL]"
        shown, digest = self._identity(kind, found)
        self._met.add(digest)
        if shown == "PERSON":
            self._people_met.add(digest)
        return f"[{shown}_{self._person(digest)[:8].translate(_LETTERS)}]"

    def _identity(self, kind: str, found: str) -> tuple[str, str]:
        """Kind to show and digest of what two mentions share if they mean the same."""
        normal = _normal(found)
        if kind in ("PHONE", "CARD"):
            normal = digits_in(found)
        elif kind == "EMAIL":
            normal = email_in(found)
        elif kind == "SPELLED":
            word = self._digest("PERSON", re.sub(r"[\W\d_]+", "", normal))
            if word in self._holders:
                return "PERSON", word
        return kind, self._digest(kind, normal)

    def _person(self, digest: str) -> str:
        holders = self._holders.get(digest, ())
        return next(iter(holders)) if len(holders) == 1 else digest

    def _is_known(self, kind: str, found: str) -> bool:
        if kind in ("LOCAL", "EMAIL"):
            return True
        digest = self._identity(kind, found)[1]
        is_name = kind != "PERSON" or found[0].isupper() or " " in found
        return is_name and (digest in self._met or digest in self._holders)

    def _digest(self, kind: str, normal: str) -> str:
        known = self._digests.get((kind, normal))
        if known is None:
            known = hmac.new(self._key, f"{kind}:{normal}".encode(), hashlib.sha256).hexdigest()[:24]
            self._digests[(kind, normal)] = known
        return known

    def _find_local(self, text: str) -> Iterable[Span]:
        for pattern in self._local:
            yield from (Span(match.start(), match.end(), "LOCAL") for match in pattern.finditer(text))

    def _people(self, text: str) -> list[Span]:
        """Names, the longest first: `Maria Lopez` before `Maria`."""
        known = self._known_people(text) if self._holders else ()
        return sorted(
            [*introduced(text), *known, *listed(text), *full_names(text)], key=lambda span: span.start - span.end
        )

    def _known_people(self, text: str) -> Iterable[Span]:
        words = [(m.start(), m.end()) for m in _WORD.finditer(text)]
        for place, (start, end) in enumerate(words):
            names = self._names_in(text, start, end)
            yield from names
            if names:
                yield from self._full_names(
                    text, names[0].start, [end for _, end in words[place + 1 : place + _MOST_WORDS]]
                )

    def _full_names(self, text: str, start: int, ends: Iterable[int]) -> Iterable[Span]:
        for end in ends:
            whole = without_genitive(text[start:end])
            if re.search(r"[^\w\s'’-]", whole):
                return
            if self._is_name(" ".join(whole.split())):
                yield Span(start, start + len(whole), "PERSON")

    def _names_in(self, text: str, start: int, end: int) -> list[Span]:
        """The word if it is a known name, with or without its genitive, else the known names in its parts."""
        word = text[start:end]
        for name in (word, without_genitive(word)):
            if self._is_name(name):
                return [Span(start, start + len(name), "PERSON")]
        parts = _PART.finditer(word) if not word.isalpha() else ()
        return [Span(start + m.start(), start + m.end(), "PERSON") for m in parts if self._is_name(m[0])]

    def _is_name(self, word: str) -> bool:
        lower = word.lower()
        if len(lower) < 2 or (lower in WORDS_AND_NAMES and word[0].islower()):
            return False
        return self._digest("PERSON", lower) in self._holders

    def remembered(self) -> dict[str, Any]:
        """What other processes need to give the same placeholders: digests, never an original."""
        return {
            "met": sorted(self._met),
            "people_met": sorted(self._people_met),
            "holders": {name: sorted(holders) for name, holders in sorted(self._holders.items())},
        }

    def recall_others(self, remembered: Mapping[str, Any]) -> None:
        """Take over what an earlier stage remembered; a name that it met alone goes on standing for itself."""
        self._met |= set(remembered["met"])
        for name in {*remembered["holders"], *remembered["people_met"]}:
            self._holders.setdefault(name, set()).update(remembered["holders"].get(name) or [name])


def introduced_names(text: str) -> list[str]:
    """Names that a text introduces ("my name is ...", "Hi, ..."), and full names with a common given name."""
    full = [span for span in listed(text) if " " in text[span.start : span.end]]
    return [text[span.start : span.end] for span in (*introduced(text), *full)]


def is_placeholder(text: str) -> bool:
    """Whether a text is a placeholder and nothing else: what an earlier stage replaced stays as it is."""
    return _PLACEHOLDER.fullmatch(text) is not None


def looks_like_a_name(text: str) -> bool:
    """Whether a short text is a person's name: words only, one of them a common given name or all capitalised."""
    words = text.replace("_", " ").split()
    if not 1 <= len(words) <= _MOST_WORDS or not all(re.fullmatch(NAME, word) for word in words):
        return False
    given = any(w.lower() in COMMON_GIVEN_NAMES and (w[0].isupper() or len(words) > 1) for w in words)
    return given or (len(words) > 1 and all(w[0].isupper() and w.lower() not in EVERYDAY_WORDS for w in words))


def _normal(text: str) -> str:
    return " ".join(text.lower().split())


def _is_common(word: str, mentions: int, introductions: int) -> bool:
    return mentions > _COMMONER_THAN_A_NAME * introductions and word not in COMMON_GIVEN_NAMES
