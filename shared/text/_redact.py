"""Redaction of personal data in transcripts: the same person keeps the same placeholder, spoken forms included.

Notable choices: recall first (a word too many is cheaper than a name too few); no model and no download, so it runs
everywhere and always the same way; placeholders come from a keyed digest, so that files redacted by different processes
agree without sharing a table of who is who. What it is worth is measured on a labelled set (`redaction_recall`); it is
not a guarantee.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from shared.text._names import COMMON_GIVEN_NAMES

_DIGITS = {
    "zero": "0", "oh": "0", "o": "0", "nought": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
    "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13",
    "fourteen": "14", "fifteen": "15", "sixteen": "16", "seventeen": "17", "eighteen": "18", "nineteen": "19",
    "twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80",
    "ninety": "90", "hundred": "00", "thousand": "000",
}  # fmt: skip
_REPEATS = {"double": 2, "triple": 3}
_NUMBER_TOKEN = re.compile(
    rf"\+?\(?\d+\)?|\b(?:{'|'.join(_DIGITS)}|{'|'.join(_REPEATS)})\b", re.IGNORECASE
)  # fmt: skip
_BETWEEN_NUMBERS = re.compile(r"[\s,.\-–/()]*")
_BETWEEN_SPOKEN = re.compile(r"[\s,.]*(?:and|then|plus|dash|area code)[\s,.]*", re.IGNORECASE)
_PHONE_DIGITS = range(7, 13)
_CARD_DIGITS = range(13, 20)

_EMAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
_DOT = r"\s*(?:\.|\bdot\b|\bpoint\b)\s*"
_JOIN = r"\s*(?:\.|\bdot\b|\bpoint\b|\bunderscore\b|\bdash\b|\bhyphen\b)\s*"
_ENDING = r"(?:com|org|net|edu|gov|io|info|uk|de|fr|es|it|nl|ca|au|in|us|eu)"
_PROVIDER = r"(?:gmail|g mail|yahoo|hotmail|outlook|icloud|aol|proton|protonmail|live|msn|gmx)"
_SPOKEN_EMAIL = re.compile(
    rf"\b\w+(?:{_JOIN}\w+|\s\d+)*\s+at\s+(?:{_PROVIDER}\b(?:{_DOT}{_ENDING}\b)*|[\w-]+(?:{_DOT}[\w-]+)*?{_DOT}{_ENDING}\b)"
    rf"(?:{_DOT}{_ENDING}\b)*",
    re.IGNORECASE,
)

_STREET = (
    r"(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|place|pl|square|sq|terrace|parkway|pkwy|"
    r"circle|highway|hwy|crescent|close|row|way)"
)
_HOUSE = rf"(?:\d{{1,5}}[a-z]?|(?:{'|'.join(_DIGITS)})(?:[\s-]+(?:{'|'.join(_DIGITS)}))*)"
_ADDRESS = re.compile(
    rf"\b{_HOUSE}\s+(?:[a-z0-9'’.]+\s+){{1,3}}?{_STREET}\b\.?"
    r"(?:,?\s+(?:apartment|apt|unit|suite|floor|flat)\.?\s*#?\w+)?"
    r"(?:,\s*[A-Za-z .]+?,?\s+[A-Z]{2}\s+\d{5}(?:-\d{4})?)?"
    r"|\bP\.?\s?O\.?\s+box\s+\w+",
    re.IGNORECASE,
)
_TOWN = re.compile(r"\b[A-Z][a-z]+(?: [A-Z][a-z]+)?,? [A-Z]{2} \d{5}(?:-\d{4})?\b")
_PATH = re.compile(r"(?:/(?:home|Users|root)/[^\s'\"<>:;,)]+|[A-Za-z]:\\Users\\[^\s'\"<>:;,)]+)")
_SPELLED = re.compile(r"\b(?:[A-Za-z][\s-]+){3,}[A-Za-z]\b")

_NAME = r"(?:[^\W\d_]['’])?[^\W\d_]{2,}(?:['’-][^\W\d_]+)*"
_CAPITALISED = r"(?:[A-Z]['’])?[A-Z][^\W\d_]+(?:['’-][^\W\d_]+)*"
_TITLED = re.compile(
    rf"\b(?:mr|mrs|ms|miss|mister|missus|dr|doctor|professor|prof)\b\.?\s+({_NAME}(?:\s+{_NAME})?)", re.I
)
_INTRODUCED = re.compile(
    r"\b(?:my (?:full |first |last )?name(?: is|['’]s)|name['’]?s|call me|speaking (?:to|with)|ask for|"
    rf"the name is|under the name(?: of)?|registered to|belongs to)\s+({_NAME}(?:\s+{_NAME}){{0,2}})",
    re.IGNORECASE,
)
_GREETED = re.compile(
    r"(?:\b(?:[Tt]his is|[Ii] am|[Ii]['’]m|[Hh]i|[Hh]ello|[Hh]ey|[Tt]hanks|[Tt]hank you|[Dd]ear|[Oo]kay|[Bb]ye)"
    r"(?:,| there,)?)\s+"
    rf"({_CAPITALISED}(?:\s+{_CAPITALISED})?)"
)
_LISTED = re.compile(rf"\b((?i:{'|'.join(sorted(COMMON_GIVEN_NAMES))}))\b(?:\s+({_CAPITALISED}))?")
# Words that follow an introduction without being a name, or are names only by accident.
_NOT_NAMES_TEXT = """
    a about again all also am an and any are as at back be been but by calling can could do doing done for from
    get glad going good great had happy has have having he hello her here hi him his how i if in interested is
    it its just let like made may me morning much my never no not now of off ok okay on only or our out please
    really right said save saying see she so some sorry speaking still sure thank thanks that the their them
    then there they this to too today trying up us very was we well were what when where which who why will with
    would yeah yes you your afternoon evening day everyone everybody guys team sir madam mam ma'am donation
    children charity
"""
_NOT_NAMES = frozenset(_NOT_NAMES_TEXT.split())
_WORDS_TOO_TEXT = """
    will mark may grace hope rose joy faith dawn april june august bill rob pat art drew frank
"""
_WORDS_TOO = frozenset(_WORDS_TOO_TEXT.split())


class Span(NamedTuple):
    """A piece of personal data: `text[start:end]` and what kind it is."""

    start: int
    end: int
    kind: str


class Redactor:
    """Replaces personal data by placeholders such as `[PERSON_3f9a1c]`.

    Args:
        key: secret bytes that placeholders are derived from; equal keys give equal placeholders.
        people: names that are known beforehand, such as those of the callers.
        secrets_of_the_machine: texts such as the user's name and folders, replaced as `[LOCAL]` wherever they occur.
    """

    def __init__(self, key: bytes, people: Iterable[str] = (), secrets_of_the_machine: Iterable[str] = ()) -> None:
        self._key = key
        self._people: set[str] = set()
        self._local = sorted((s for s in secrets_of_the_machine if len(s) > 2), key=len, reverse=True)
        self._pattern: re.Pattern[str] | None = None
        self._owners: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self.learn_people(people)

    @property
    def people(self) -> list[str]:
        """The known names in lower case, sorted: who is who is a secret, keep it out of reports."""
        return sorted(self._people)

    def learn(self, texts: Iterable[str]) -> None:
        """Collect names from how they are introduced, so that bare mentions in any text are found too."""
        self.learn_people(name for text in texts for name in introduced_names(text))

    def learn_people(self, names: Iterable[str]) -> None:
        """Add names that are known to be people's."""
        self._people |= {" ".join(name.lower().split()) for name in names if name.strip()}
        self._owners = _owners(self._people)
        words = sorted((w for w in self._owners if len(w) > 1), key=len, reverse=True)
        self._pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b", re.IGNORECASE) if words else None

    def find(self, text: str) -> list[Span]:
        """Personal data in a text, in order, without overlaps (the earlier finder in the list below wins)."""
        finders: list[Callable[[str], Iterable[Span]]] = [
            _found(_EMAIL, "EMAIL"), _found(_SPOKEN_EMAIL, "EMAIL"), _found(_PATH, "LOCAL"), self._find_local,
            _found(_ADDRESS, "ADDRESS"), _found(_TOWN, "ADDRESS"), _find_numbers, self._find_people,
            _found(_SPELLED, "SPELLED"),
        ]  # fmt: skip
        return _without_overlaps(span for finder in finders for span in finder(text))

    def redact(self, text: str) -> str:
        """The text with every finding replaced by its placeholder; placeholders themselves are left alone."""
        pieces, end = [], 0
        for span in self.find(text):
            pieces += [text[end : span.start], self._placeholder(span.kind, text[span.start : span.end])]
            self.counts[span.kind] += 1
            end = span.end
        return "".join([*pieces, text[end:]])

    def _placeholder(self, kind: str, found: str) -> str:
        if kind == "LOCAL":
            return "[LOCAL]"
        return f"[{kind}_{self._digest(f'{kind}:{self._identity(kind, found)}')}]"

    def _identity(self, kind: str, found: str) -> str:
        """What two mentions share if they mean the same: the person's fullest known name, or the digits themselves."""
        if kind == "PERSON":
            name = " ".join(found.lower().split())
            return self._owners.get(name, name)
        if kind in ("PHONE", "CARD"):
            return "".join(_digits_of(m[0], None) for m in _NUMBER_TOKEN.finditer(found))
        if kind == "EMAIL":
            return _written_email(found)
        return " ".join(found.lower().split())

    def _digest(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()[:6]

    def _find_local(self, text: str) -> Iterable[Span]:
        for secret in self._local:
            for match in re.finditer(rf"(?<!\w){re.escape(secret)}(?!\w)", text):
                yield Span(match.start(), match.end(), "LOCAL")

    def _find_people(self, text: str) -> Iterable[Span]:
        for start, end in _introduced_spans(text):
            yield Span(start, end, "PERSON")
        if self._pattern is not None:
            for match in self._pattern.finditer(text):
                if match[0].lower() not in _WORDS_TOO or match[0][0].isupper():
                    yield Span(match.start(), match.end(), "PERSON")
        for match in _LISTED.finditer(text):
            if match[1][0].isupper():
                last = match.end() if match[2] and match[2].lower() not in _NOT_NAMES else match.end(1)
                yield Span(match.start(), last, "PERSON")


def project_redactor(folder: Path, people: Iterable[str] = (), local: Iterable[str] = ()) -> Redactor:
    """A redactor whose placeholders agree across the stages and files of every run in one home.

    Args:
        folder: where `.redaction.json` (key and known names, readable by the owner only) is kept; never exported.
        people: names to add to the known ones.
        local: texts of this machine to replace, such as the user's name and folders.
    """
    path = folder / ".redaction.json"
    kept: dict[str, Any] = {"key": secrets.token_hex(16), "people": []}
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
    redactor = Redactor(bytes.fromhex(kept["key"]), [*kept["people"], *people], local)
    keep_redactor(folder, redactor)
    return redactor


def keep_redactor(folder: Path, redactor: Redactor) -> None:
    """Store key and learned names, so that the next stage gives the same person the same placeholder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ".redaction.json"
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(json.dumps({"key": redactor._key.hex(), "people": redactor.people}), encoding="utf-8")
    partial.chmod(0o600)
    os.replace(partial, path)


def introduced_names(text: str) -> list[str]:
    """Names that a text introduces ("my name is ...", "Mrs ...", "Hi, ..."), in order of appearance."""
    return [text[start:end] for start, end in _introduced_spans(text)]


def _introduced_spans(text: str) -> list[tuple[int, int]]:
    spans = []
    for pattern in (_TITLED, _INTRODUCED, _GREETED):
        for match in pattern.finditer(text):
            end = _end_of_name(match[1])
            if end:
                spans.append((match.start(1), match.start(1) + end))
    return spans


def _end_of_name(words: str) -> int:
    """Length of the leading part that can be a name: up to the first word that cannot; 0 if there is none."""
    end = 0
    for match in re.finditer(_NAME, words):
        if match[0].lower() in _NOT_NAMES:
            break
        end = match.end()
    return end


def _owners(people: set[str]) -> dict[str, str]:
    """The fullest name behind each known name and each of its parts; a part that two people share stands for itself."""
    owners = {name: name for name in people}
    full = [name for name in people if " " in name]
    parts = {part for name in full for part in name.split() if part not in _NOT_NAMES - _WORDS_TOO}
    for part in parts | {name for name in people if " " not in name}:
        holders = [name for name in full if part in name.split()]
        owners[part] = holders[0] if len(holders) == 1 else part
    return owners


def _found(pattern: re.Pattern[str], kind: str) -> Callable[[str], Iterable[Span]]:
    return lambda text: (Span(match.start(), match.end(), kind) for match in pattern.finditer(text))


def _find_numbers(text: str) -> Iterable[Span]:
    """Phone and card numbers: neighbouring digits and number words that together have as many digits as one."""
    for run in _number_runs(text):
        digits = "".join(_digits_of(m[0], before[0] if before else None) for before, m in _pairs(run))
        if len(digits) in _CARD_DIGITS:
            yield Span(run[0].start(), run[-1].end(), "CARD")
        elif len(digits) in _PHONE_DIGITS and not _is_amount(text, run):
            yield Span(run[0].start(), run[-1].end(), "PHONE")


def _number_runs(text: str) -> Iterable[list[re.Match[str]]]:
    run: list[re.Match[str]] = []
    for match in _NUMBER_TOKEN.finditer(text):
        if run and not _belong_together(text, run[-1], match):
            yield run
            run = []
        run.append(match)
    if run:
        yield run


def _belong_together(text: str, first: re.Match[str], second: re.Match[str]) -> bool:
    """Whether one number goes on: only signs between its tokens, or a small word between two spoken ones."""
    if _BETWEEN_NUMBERS.fullmatch(text, first.end(), second.start()):
        return True
    spoken = first[0].isalpha() and second[0].isalpha()
    return spoken and _BETWEEN_SPOKEN.fullmatch(text, first.end(), second.start()) is not None


def _pairs(run: list[re.Match[str]]) -> Iterable[tuple[re.Match[str] | None, re.Match[str]]]:
    return zip([None, *run[:-1]], run, strict=True)


def _digits_of(token: str, before: str | None) -> str:
    """Digits that a token stands for; `double five` is 55, written as the word before repeats it."""
    word = token.lower()
    if word in _REPEATS:
        return ""
    digits = _DIGITS.get(word) or re.sub(r"\D", "", token)
    return digits * _REPEATS.get(before.lower(), 1) if before else digits


def _is_amount(text: str, run: list[re.Match[str]]) -> bool:
    """Money and round numbers are no phone numbers: `$1,000,000` or `2,500,000 children`."""
    written = text[run[0].start() : run[-1].end()]
    return text[: run[0].start()].rstrip().endswith(("$", "€", "£")) or bool(
        re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", written)
    )


def _written_email(found: str) -> str:
    text = re.sub(r"\s+at\s+", "@", found.lower(), count=1)
    for word, sign in (("dot", "."), ("point", "."), ("underscore", "_"), ("dash", "-"), ("hyphen", "-")):
        text = re.sub(rf"\s*\b{word}\b\s*", sign, text)
    return re.sub(r"\s+", "", text)


def _without_overlaps(spans: Iterable[Span]) -> list[Span]:
    kept: list[Span] = []
    for span in spans:
        if span.end > span.start and all(span.end <= k.start or span.start >= k.end for k in kept):
            kept.append(span)
    return sorted(kept)
