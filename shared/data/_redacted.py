"""Outside text without personal data: what every stage that reads it does first, if its parameter `redact` is on.

Notable choice: everything is replaced before anything is computed, so what no table holds no figure can leak. Fields
that identify people become that person's placeholder; ids are replaced as a whole, so that two stay two; file names
become placeholders; excerpts of rejected rows are left out, because a cut text hides what it is about from any rule.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

import pandas as pd

from shared.runs import Run, hidden, local_texts, record, say
from shared.stats import Interval, wilson_interval
from shared.text import (
    Measured,
    Redactor,
    file_names,
    is_placeholder,
    keep_redactor,
    learn_parameters,
    looks_like_a_name,
    measure_redaction,
    redaction_sample,
    redaction_shield,
    stage_redactor,
)

_T = TypeVar("_T")
_PEOPLE = {
    "author_id", "agent_id", "donor_id", "user_id", "customer_id", "annotator", "annotator_id", "completed_by",
    "first_name", "last_name", "full_name", "given_name", "family_name", "surname", "username", "user_name",
}  # fmt: skip
_OFTEN_PEOPLE = {"name", "author", "customer", "caller", "agent_name", "client_name", "contact"}  # if it looks like one
_IDS = {"conversation_id", "conv_id", "chat_id", "message_id", "prompt_id", "id"}
_NAMED = _PEOPLE | _OFTEN_PEOPLE | _IDS
_FILES = {"source", "file"}
_LEFT_OUT = {"excerpt"}
_NOBODY = {"agent", "donor", "assistant", "bot", "user", "human", "system", "customer", "client", "operator"}
_MEASURED = 2_100  # labelled texts, 300 of each kind
_redactors: "WeakKeyDictionary[Run, Redactor]" = WeakKeyDictionary()


def redacted(value: _T, run: Run, *, on: bool) -> _T:
    """The same value without personal data if redaction is on, else the value itself.

    Args:
        value: texts in any nesting of lists, tuples, dictionaries, dataclasses and data frames. Hand over everything
            that belongs together at once: names that one text introduces are then found in all.
        run: the open stage; its results and manifest are shielded from now on.
        on: the stage's parameter `redact`.

    Returns:
        A copy in which `[PERSON_…]`, `[PHONE_…]`, `[CARD_…]`, `[EMAIL_…]`, `[ADDRESS_…]`, `[SPELLED_…]`, `[ID_…]`,
        `[FILE_…]` and `[LOCAL]` stand for the originals. Row order, columns and types are the same.
    """
    if not on:
        return value
    redactor = _redactor_of(run)
    texts = list(_texts(value))
    redactor.learn_people(name for field, name in texts if field in _NAMED and looks_like_a_name(name))
    redactor.learn(text for _, text in texts)
    result = _replaced(value, _Replacement(redactor, file_names(run.parameters, redactor)))
    keep_redactor(redactor, run.version, run.stage)
    return cast(_T, result)


def redaction_report(run: Run) -> pd.DataFrame | None:
    """Record and show how much was replaced, and recall and precision on a labelled set; None if `redact` is off.

    Returns:
        One row a kind: replaced in this stage, recall with its 95 % interval (Wilson) and n on the generated set.
    """
    if not run.parameters.get("redact"):
        print("redact is off: texts are as they were read.")
        return None
    counts = _redactor_of(run).counts
    measures = measure_redaction(Redactor(b"measured on its own"), redaction_sample(_MEASURED))
    rows = [_record_kind(row, counts[row.kind]) for row in measures.kinds]
    _record_share(
        "redaction_precision", sum(row.right for row in measures.kinds), sum(r.replaced for r in measures.kinds)
    )
    _record_share("redaction_harmless_untouched", measures.untouched, measures.harmless)
    say(
        "On a generated set with known personal data redaction finds {redaction_recall_person} of the names; "
        "{redaction_precision} of what it replaces is personal, and of the harmless texts it leaves "
        "{redaction_harmless_untouched} alone. Real speech is more varied than the set: a name that nothing introduces "
        "and no list holds can stay."
    )
    return pd.DataFrame(rows)


def _record_kind(row: Measured, replaced_here: int) -> dict[str, Any]:
    kind = row.kind.lower()
    record(f"redacted_{kind}", replaced_here, unit="replacements")
    interval = _record_share(f"redaction_recall_{kind}", row.found, row.n)
    return {
        "kind": kind, "replaced here": replaced_here, "recall on the set": round(row.found / row.n, 3),
        "from": round(interval.low, 3), "to": round(interval.high, 3), "n": row.n,
    }  # fmt: skip


def _record_share(name: str, hits: int, n: int) -> Interval:
    interval = wilson_interval(hits, n)
    record(name, hits / n, n=n, interval=interval)
    return interval


def _redactor_of(run: Run) -> Redactor:
    if run not in _redactors:
        redactor = stage_redactor(run.version, run.stage)
        learn_parameters(run.parameters, redactor)
        redactor.hide(local_texts(run.parameters))
        redactor.counts.clear()
        run.shield_with(lambda value: hidden(value, redaction_shield(run.parameters, redactor)))
        _redactors[run] = redactor
    return _redactors[run]


class _Replacement:
    """How each field is replaced, with one answer for each text that repeats."""

    def __init__(self, redactor: Redactor, files: dict[str, str]) -> None:
        self._redactor = redactor
        self._files = files | {name.rpartition(".")[0]: shown.partition(".")[0] for name, shown in files.items()}

    def __call__(self, field: str, text: str) -> str:
        """The text of a field without personal data."""
        if is_placeholder(text):  # of an earlier stage: a second one would make two people of one
            return text
        if field in _LEFT_OUT:
            return ""
        if field in _FILES and text in self._files:
            return self._files[text]
        if field in _PEOPLE or (field in _OFTEN_PEOPLE and looks_like_a_name(text)):
            return self._person(text)
        return self._id(text) if field in _IDS else self._redactor.redact(text)

    def _person(self, text: str) -> str:
        if text.lower() in _NOBODY:
            return text
        spans = self._redactor.find(text)
        kind = spans[0].kind if len(spans) == 1 and spans[0].end - spans[0].start == len(text) else "PERSON"
        return self._redactor.placeholder(kind, text)

    def _id(self, text: str) -> str:
        words = text.replace("_", " ").replace("-", " ")
        return (
            self._redactor.placeholder("ID", text) if self._redactor.find(words) or looks_like_a_name(words) else text
        )


def _texts(value: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a value, with the name of the field it stands in."""
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, pd.DataFrame):
        for column in value.columns:
            yield from _texts(value[column], str(column))
    elif isinstance(value, pd.Series):
        if not pd.api.types.is_numeric_dtype(value):
            for item in value.dropna():
                yield from _texts(item, field)
    else:
        for name, item in _parts(value):
            yield from _texts(item, name or field)


def _parts(value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, dict):
        return [*((str(key), item) for key, item in value.items()), *(("", key) for key in value)]
    if dataclasses.is_dataclass(value):
        return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return list(zip(value._fields, value, strict=True))
    return [("", item) for item in value] if isinstance(value, (list, tuple, set, frozenset)) else []


def _replaced(value: Any, replace: Callable[[str, str], str], field: str = "") -> Any:
    if isinstance(value, str):
        return replace(field, value)
    if isinstance(value, pd.DataFrame):
        return value.assign(**{str(c): _replaced(value[c], replace, str(c)) for c in value.columns})
    if isinstance(value, pd.Series):
        return _replaced_series(value, replace, field)
    if isinstance(value, dict):
        return {replace("", k) if isinstance(k, str) else k: _replaced(v, replace, str(k)) for k, v in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(value, **{n: _replaced(v, replace, n) for n, v in _parts(value)})
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_replaced(item, replace, name or field) for name, item in _parts(value)))
    if isinstance(value, (list, tuple, set, frozenset)):
        return type(value)(_replaced(item, replace, field) for item in value)
    return value


def _replaced_series(values: pd.Series, replace: Callable[[str, str], str], field: str) -> pd.Series:
    if pd.api.types.is_numeric_dtype(values):
        return values
    return values.map(lambda item: _replaced(item, replace, field), na_action="ignore").astype(values.dtype)
