"""Where personal data stands in a text: patterns for each kind, typed and spoken.

Notable choices: recall first (a word too many is cheaper than a name too few); no model and no download, so it runs
everywhere and always the same way. Which words are somebody's name is decided in `_redact`, from what was learned.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from shared.text._names import COMMON_GIVEN_NAMES, EVERYDAY_WORDS, PLACES_AND_BODIES, WORDS_AND_NAMES

_DIGITS = {
    "zero": "0", "oh": "0", "o": "0", "nought": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
    "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13",
    "fourteen": "14", "fifteen": "15", "sixteen": "16", "seventeen": "17", "eighteen": "18", "nineteen": "19",
    "twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80",
    "ninety": "90", "hundred": "00", "thousand": "000",
}  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_REPEATS = {"double": 2, "triple": 3}
_NUMBER_TOKEN = re.compile(
    rf"\+?\(?\d+\)?|\b(?:{'|'.join(_DIGITS)}|{'|'.join(_REPEATS)})\b", re.IGNORECASE
)  # fmt: skip
_BETWEEN_NUMBERS = re.compile(r"[\s,.\-–/()]*")
_BETWEEN_SPOKEN = re.compile(r"[\s,.]*(?:(?:and|then|plus|dash|area code|uh|um|er|okay)[\s,.]*)+", re.IGNORECASE)
_PHONE_DIGITS = range(7, 13)
_AMOUNT = re.compile(
    r"(?:(?:19|20)\d\d,? )?\d{1,3}(?:,\d{3})+(?:\.\d+)?|[1-9]\d{0,5}0{5,}|(?:19|20)\d\d,? \d{3}"
)  # a year may lead
_DATE = re.compile(r"(?:19|20)\d\d([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2(?:19|20)\d\d")

EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]+\s?(?:@|\(at\)|\[at\])\s?"
    r"[\w-]+(?:(?:\.|\s?(?:\(dot\)|\[dot\])\s?)[\w-]+)+\b",
    re.IGNORECASE,
)
_DOT = r"(?:\.|\s*\bdot\b\s*)"
_JOIN = r"(?:\.|\s*\b(?:dot|underscore|dash|hyphen|plus)\b\s*)"
_ENDING = r"(?:com|org|net|edu|gov|io|info|co|uk|de|fr|nl|ca|au|eu|ch|ie|nz)"
_END = rf"(?:{_DOT}{_ENDING}|\s*\bdot\s+(?:it|in|at|us|be|es|me))\b"  # words, unless somebody says "dot"
_PROVIDER = r"(?:gmail|g mail|gee mail|yahoo|hotmail|outlook|icloud|aol|proton|protonmail|live|msn|gmx)"
_LETTER_BY_LETTER = r"(?:\b\w\s+){0,20}"
_NUMERAL = rf"(?:\d+|(?:{'|'.join(_DIGITS)}))"
SPOKEN_EMAIL = re.compile(
    rf"{_LETTER_BY_LETTER}?\b\w+(?:{_JOIN}\w+|\s{_NUMERAL}\b)*\s+at\s+(?:the\s+)?"
    rf"(?:{_PROVIDER}\b(?:{_END})*|[\w-]+(?:{_DOT}[\w-]+)*?{_END})(?:{_END})*",
    re.IGNORECASE,
)
_SPOKEN_NUMERALS = re.compile(rf"\b(?:{'|'.join(w for w in _DIGITS if len(w) > 1)})\b(?:\s(?:{'|'.join(_DIGITS)})\b)*")
_SPOKEN_SIGNS = {"dot": ".", "underscore": "_", "dash": "-", "hyphen": "-", "plus": "+"}

_STREET = (
    r"(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|place|pl|square|sq|terrace|parkway|pkwy|"
    r"circle|highway|hwy|crescent|close|row|way|gardens|grove|mews|hill)"
)
_NUMERALS = "|".join(word for word in _DIGITS if word not in ("o", "oh"))
_HOUSE = rf"(?:\d{{1,5}}[a-z]?|(?:{_NUMERALS})(?:[\s-]+(?:{_NUMERALS}))*)"
# "two of them are on the way" is no address: a street has none of these in its name, unless they are capitalised.
_NO_STREET = (
    r"(?!(?-i:a|all|along|and|any|are|at|by|can|charity|for|from|go|goes|hits?|hours?|how|i|in|is|it|less|long|minutes?|miles?|"
    r"more|my|no|of|on|or|our|people|some|than|that|the|this|to|was|we|were|will|with|you|your)\b)"
)
_POSTCODE = r"(?:[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}|[A-Z]{2} \d{5}(?:-\d{4})?)"
_UNIT = r"(?:,?\s+(?:apartment|apt|unit|suite|floor|flat)\.?\s*#?\w+)?"
_ADDRESS = re.compile(
    rf"\b{_HOUSE},?\s+(?:{_NO_STREET}[a-z0-9'’.]+\s+){{1,3}}?{_STREET}\b\.?{_UNIT}"
    rf"(?:,\s*[A-Za-z .]+?,?\s+{_POSTCODE}\b)?|\bP\.?\s?O\.?\s+box\s+\w+"
    rf"|\b{_HOUSE}\s+(?:north|south|east|west)\s+(?!of\b|side\b|coast\b)[a-z]{{3,}}\b"
    r"|\b(?:county|state|rural)\s+(?:road|route|highway)\s+\d+(?:,?\s+box\s+\d+)?",
    re.IGNORECASE,
)
_WAY_FIRST = r"(?:rue|avenue|boulevard|place|chemin|calle|avenida|plaza|paseo|via|viale|piazza|corso|rua)"
_ADDRESS_ABROAD = re.compile(
    # `Hauptstraße 12, 10115 Berlin`, `12 rue de la Paix, 75002 Paris`, `Calle Mayor 5, 28013 Madrid`
    r"\b[^\W\d_]+(?:straße|strasse|str\.|weg|platz|gasse|allee|damm|ufer|laan|straat|gade|gatan|vej)\s+\d+\s?[a-z]?\b"
    r"(?:[-–]\d+)?(?:,?\s+\d{4,5}\s+[^\W\d_]+)?"
    r"|\b[^\W\d_]+ (?:Ring|Weg|Platz|Allee|Straße|Strasse|Gasse) \d+\s?[a-z]?\b"
    r"(?:[-–]\d+)?(?:,?\s+\d{4,5}\s+[^\W\d_]+)?"
    rf"|\b\d+,?\s+(?:bis\s+)?{_WAY_FIRST}\s+(?:[^\W\d_'’]+['’\s]\s?){{0,3}}[^\W\d_]+"
    rf"(?:,?\s+\d{{4,5}}\s+[^\W\d_]+)?|\b{_WAY_FIRST}\s+(?:[^\W\d_'’]+['’\s]\s?){{0,3}}[^\W\d_]+,?\s+\d+\b(?:,?\s+\d{{4,5}}\s+[^\W\d_]+)?",
    re.IGNORECASE,
)
_TOWN = re.compile(rf"\b[A-Z][a-z]+(?: [A-Z][a-z]+)?,? {_POSTCODE}\b")
_PATH = re.compile(r"(?:(?<!\w)(?:/home/|/Users/|/root/|~/)[^\s'\"<>:;,)]+|\b[A-Za-z]:\\+Users\\+[^\s'\"<>:;,)]+)")
_SPELLED = re.compile(r"\b(?:[A-Za-z][\s.-]+){3,}[A-Za-z]\b")

NAME = r"(?:[^\W\d_]['’])?[^\W\d_]{2,}(?:['’-][^\W\d_]+)*"
# Capital letters of Latin, Greek and Cyrillic names: `re` knows no class for them.
_CAPITALS = "A-ZÀ-ÖØ-ÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮİĴĶĹĻĽĿŁŃŅŇŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽΑ-ΩЀ-Я"
_CAPITALISED = rf"(?:[A-Z]['’])?[{_CAPITALS}][^\W\d_]+(?:['’-][^\W\d_]+)*"
_TITLED = re.compile(
    rf"\b(?:mr|mrs|ms|miss|mister|missus|dr|doctor|professor|prof)\b\.?\s+({NAME}(?:\s+{NAME})?)", re.I
)
_INTRODUCED = re.compile(
    r"\b(?:(?:full |first |last |given |family |sur)?name(?: is|['’]s)|(?<!the )names|call me|under the name(?: of)?"
    r"|you(?:['’]re| are) speaking (?:to|with))"
    rf"\s+({NAME}(?:\s+{NAME}){{0,3}})",
    re.IGNORECASE,
)
_KIN = "(?:husband|wife|son|daughter|brother|sister|mother|father|mum|mom|dad|friend|boss|partner|colleague)"
_ASKED_FOR = re.compile(
    r"\b(?i:speak(?:ing)? (?:to|with)|ask(?:ed)? for|registered to|belongs to"
    rf"|told|tell|asked|met|is that|was that|signed|(?:my|his|her|our) {_KIN},?"
    r"|(?:regards|sincerely|cheers|yours|love|best),|captain|colonel|sergeant|officer|judge|reverend|sir|lady)\s+"
    rf"({_CAPITALISED}(?:\s+{_CAPITALISED}){{0,2}})"
)
_GREETED = re.compile(
    r"(?:\b(?:[Tt]his is|[Ii] am|[Ii]['’]m|[Hh]i|[Hh]ello|[Hh]ey|[Tt]hanks|[Tt]hank you|[Dd]ear|[Oo]kay|[Bb]ye)"
    r"(?:,| there,)?)\s+"
    rf"({_CAPITALISED}(?:\s+{_CAPITALISED})?)"
)
_SAID_AT_ONCE = re.compile(
    rf"\b(?:it['’]?s ({NAME}(?: {NAME})?)(?= (?:calling|speaking)\b)"
    rf"|this is ({NAME}(?: {NAME})?)(?= (?:calling|from|speaking)\b))",
    re.IGNORECASE,
)
_SET_OFF = re.compile(  # `my husband, dwayne, he passed`: between commas a name needs no capital letter
    rf"\bmy (?:husband|wife|son|daughter|brother|sister|mother|father|friend|boss|partner|colleague), ({NAME})(?=,)",
    re.I,
)
_WITH_INITIAL = re.compile(rf"\b({_CAPITALISED} [A-Z])\.")
_HERE = re.compile(rf"(?:^|[,.!?] )({_CAPITALISED}(?: {_CAPITALISED})?) here\b")
_CAPITALISED_WORDS = re.compile(rf"\b({_CAPITALISED})(?:\s+({_CAPITALISED}))?")
_PROPER = rf"(?:[A-Z]['’])?[{_CAPITALS}][^\W\dA-Z_]+(?:['’-][{_CAPITALS}][^\W\d_]+)*"
_TWO_CAPITALISED = re.compile(rf"(?<=[a-z,;] )({_PROPER}(?: {_PROPER})+)")  # in mid-sentence
_PARTICLES = frozenset(["al", "bin", "da", "de", "del", "della", "den", "der", "di", "dos", "la", "le", "van", "von"])
_NUMBER_WORD = re.compile(rf"\d|\b(?:{_NUMERALS})\b", re.IGNORECASE)
_GENITIVE = re.compile(r"['’]s?$", re.IGNORECASE)


class Span(NamedTuple):
    """A piece of personal data: `text[start:end]` and what kind it is."""

    start: int
    end: int
    kind: str


def paths(text: str) -> Iterable[Span]:
    """Local paths that name a user."""
    return _matches(_PATH, "LOCAL", text) if "/" in text or "\\" in text else ()


def patterned(text: str) -> Iterable[Span]:
    """E-mails, postal addresses and numbers, the surest first."""
    lower = text.lower()
    if "@" in text or "at)" in lower or "at]" in lower:
        yield from _matches(EMAIL, "EMAIL", text)
    if " at " in lower:
        yield from _matches(SPOKEN_EMAIL, "EMAIL", text)
    if _NUMBER_WORD.search(text) or " box " in lower:
        for pattern in (_ADDRESS, _ADDRESS_ABROAD, _TOWN):
            yield from _matches(pattern, "ADDRESS", text)
        yield from _numbers(text)


def spelled(text: str) -> Iterable[Span]:
    """Words that are spelled letter by letter."""
    return _matches(_SPELLED, "SPELLED", text)


def introduced(text: str) -> Iterable[Span]:
    """Names that are introduced: "my name is ...", "Mrs ...", "Hi, ..."."""
    for pattern in (_TITLED, _INTRODUCED, _ASKED_FOR, _GREETED, _SAID_AT_ONCE, _HERE, _SET_OFF, _WITH_INITIAL):
        for match in pattern.finditer(text):
            group = match.lastindex or 1
            end = _end_of_name(match[group])
            if end:
                yield Span(match.start(group), match.start(group) + end, "PERSON")


def listed(text: str) -> Iterable[Span]:
    """Common given names with a capital letter, and the capitalised word behind them."""
    place = 0
    while match := _CAPITALISED_WORDS.search(text, place):
        place = match.end(1)
        if without_genitive(match[1]).lower() in COMMON_GIVEN_NAMES:
            surname = match[2] and without_genitive(match[2]).lower() not in EVERYDAY_WORDS
            place = match.end() if surname else match.end(1)
            yield Span(match.start(), match.start() + len(without_genitive(text[match.start() : place])), "PERSON")


def without_genitive(name: str) -> str:
    """`Maria` for `Maria's`."""
    return _GENITIVE.sub("", name)


def full_names(text: str) -> Iterable[Span]:
    """Two and more capitalised words in mid-sentence, if none of them is an everyday word, a place or a body."""
    for match in _TWO_CAPITALISED.finditer(text):
        words = {without_genitive(word).lower() for word in match[1].split()}
        if not words & (EVERYDAY_WORDS | PLACES_AND_BODIES):
            yield Span(match.start(), match.start() + len(without_genitive(match[1])), "PERSON")


def without_overlaps(spans: Iterable[Span]) -> list[Span]:
    """Spans in order of the text; of two that overlap the one that came first stays."""
    kept: list[Span] = []
    for span in spans:
        if span.end > span.start and all(span.end <= k.start or span.start >= k.end for k in kept):
            kept.append(span)
    return sorted(kept)


def digits_in(text: str) -> str:
    """The digits of a number as typed, whether it is typed or spoken: `double five` is 55."""
    return _digits_of([token[0].lower() for token in _NUMBER_TOKEN.finditer(text)])


def email_in(text: str) -> str:
    """An e-mail address as typed, whether it is typed or spoken."""
    written = re.sub(r"\s+at\s+|\s?[(\[]at[)\]]\s?", "@", text.lower(), count=1)
    written = _SPOKEN_NUMERALS.sub(lambda match: digits_in(match[0]), written)
    for word, sign in _SPOKEN_SIGNS.items():
        written = re.sub(rf"\s*\b{word}\b\s*", sign, written)
    return re.sub(r"\s+", "", written)


def _matches(pattern: re.Pattern[str], kind: str, text: str) -> Iterable[Span]:
    return (Span(match.start(), match.end(), kind) for match in pattern.finditer(text))


def _end_of_name(words: str) -> int:
    """Length of the leading part that can be a name: up to the first word that cannot; 0 if there is none."""
    end = 0
    for match in re.finditer(NAME, words):
        name = without_genitive(match[0])
        if _is_word(name) or _is_word(match[0]) or (end and words[0].isupper() and not _continues(name)):
            break
        end = match.start() + len(name)
        if name != match[0]:
            break
    return end


def _is_word(name: str) -> bool:
    lower = name.lower()
    return lower in EVERYDAY_WORDS and (lower not in WORDS_AND_NAMES or name.islower())


def _continues(name: str) -> bool:
    """Whether a word can belong to a name that began with a capital letter."""
    return name[0].isupper() or name in _PARTICLES


def _numbers(text: str) -> Iterable[Span]:
    """Phone and card numbers: neighbouring digits and number words that together have as many digits as one."""
    for run in _number_runs(text):
        digits = _digits_of([token[0].lower() for token in run])
        kind = "PHONE" if len(digits) in _PHONE_DIGITS else "CARD"
        if len(digits) >= _PHONE_DIGITS.start and not _is_amount_or_date(text, run):
            yield Span(run[0].start(), run[-1].end(), kind)


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


def _digits_of(tokens: list[str]) -> str:
    """Digits that tokens stand for together: `double five` is 55, `forty two` is 42, `forty` alone 40."""
    digits = ""
    for before, word, after in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
        if word in _REPEATS:
            continue
        written = _DIGITS.get(word) or re.sub(r"\D", "", word)
        is_ten_of_two = word in _TENS and _DIGITS.get(after, "00") in "123456789"
        digits += (written[0] if is_ten_of_two else written) * _REPEATS.get(before, 1)
    return digits


def _is_amount_or_date(text: str, run: list[re.Match[str]]) -> bool:
    """Money, round numbers and dates are no phone numbers: `$1,000,000`, `2,500,000 children`, `2019-12-31`."""
    written = text[run[0].start() : run[-1].end()]
    money = text[: run[0].start()].rstrip().endswith(("$", "€", "£"))
    return money or bool(_AMOUNT.fullmatch(written) or _DATE.fullmatch(written))
