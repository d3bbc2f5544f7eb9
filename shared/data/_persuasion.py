"""PersuasionForGood (Wang et al., ACL 2019): chats in which a persuader asks a persuadee to give to a charity."""

from pathlib import Path
from typing import Literal, NamedTuple

from shared.data._collect import Collector, Turn
from shared.data._files import require_columns, rows_of
from shared.data._readers import text_of
from shared.data._schema import AGENT, DONOR, Corpus, Rejected
from shared.text import clean

_ROLES = {"0": AGENT, "1": DONOR}
_DIALOG_COLUMNS = {"dialogue": "B2", "role": "B4", "text": "Unit"}
_INFO_COLUMNS = {"dialogue": "B2", "user": "B3", "role": "B4", "dollars": "B6"}
_DOLLAR = 1.0  # US dollars; the commonest gift, and about the median of those who gave


class _Person(NamedTuple):
    user: str | None
    dollars: float | None


def read_persuasion_for_good(dialog: Path, info: Path, *, outcome: Literal["donated", "amount"] = "donated") -> Corpus:
    """Read `full_dialog.csv` and `full_info.csv` of the corpus.

    Args:
        dialog: one turn a row, in order: `Unit` text, `B2` dialogue, `B4` role (0 persuader, 1 persuadee).
        info: one participant a row: `B2` dialogue, `B3` user, `B4` role, `B6` US dollars given.
        outcome: `donated`: donated or not_donated. `amount`: none, under_a_dollar, a_dollar_or_more.

    Returns:
        Corpus: the persuader is the agent, the persuadee the donor; `author_id` is the user. A dialogue without a
        readable row in `info` keeps its turns and has no outcome. Rejected rows name the file that they are of.
    """
    found = Collector(dialog.name, "persuasion_for_good")
    people = _read_people(info, found)
    for conversation_id in _read_dialogue(dialog, people, found):
        donor = people.get((conversation_id, DONOR))
        if donor is not None and donor.dollars is not None:
            found.add_facts(conversation_id, {"outcome": _outcome(donor.dollars, outcome)})
    return found.corpus()


def _read_people(info: Path, found: Collector) -> dict[tuple[str, str], _Person]:
    people: dict[tuple[str, str], _Person] = {}
    for row in rows_of(info):
        if isinstance(row, Rejected):
            found.rejected.append(row)
            found.rows += row.rows
            continue
        require_columns(info, row.fields.keys(), _INFO_COLUMNS, _INFO_COLUMNS)
        found.rows += 1
        dialogue, user, role, dollars = (text_of(row.fields[name]) for name in _INFO_COLUMNS.values())
        key = (dialogue, _ROLES.get(role or ""))
        if dialogue is None or key[1] is None or key in people or not _is_amount(dollars):
            found.rejected.append(Rejected(info.name, row.line, _person_problem(dialogue, role, dollars), dialogue))
            continue
        people[dialogue, _ROLES[role or ""]] = _Person(user, float(dollars) if dollars else None)
    return people


def _is_amount(dollars: str | None) -> bool:
    return dollars is None or dollars.replace(".", "", 1).isdigit()


def _person_problem(dialogue: str | None, role: str | None, dollars: str | None) -> str:
    if dialogue is None or role not in _ROLES:
        return f"dialogue {dialogue!r} with role {role!r}; expected an id and 0 or 1"
    return f"amount {dollars!r} is not a number" if not _is_amount(dollars) else "this participant was there before"


def _read_dialogue(dialog: Path, people: dict[tuple[str, str], _Person], found: Collector) -> list[str]:
    """Take every turn and return the ids of the dialogues, each once."""
    ids: dict[str, None] = {}
    for row in rows_of(dialog):
        if isinstance(row, Rejected):
            found.rejected.append(row)
            found.rows += row.rows
            continue
        require_columns(dialog, row.fields.keys(), _DIALOG_COLUMNS, _DIALOG_COLUMNS)
        found.rows += 1
        dialogue, role, text = (text_of(row.fields[name]) for name in _DIALOG_COLUMNS.values())
        said, speaker = clean(text or ""), _ROLES.get(role or "")
        if dialogue is None or speaker is None:
            found.reject(row.line, f"dialogue {dialogue!r} with role {role!r}; expected an id and 0 or 1", dialogue)
        elif not said:
            found.reject(row.line, "the text is empty", dialogue)
        else:
            person = people.get((dialogue, speaker))
            found.add(Turn(dialogue, said, author_id=person.user if person else None, speaker=speaker))
            ids[dialogue] = None
    return list(ids)


def _outcome(dollars: float, kind: Literal["donated", "amount"]) -> str:
    if kind == "donated":
        return "donated" if dollars > 0 else "not_donated"
    if dollars == 0:
        return "none"
    return "under_a_dollar" if dollars < _DOLLAR else "a_dollar_or_more"
