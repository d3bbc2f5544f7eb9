"""One reader a source. Each gives a `Corpus`: canonical tables, and what was rejected with line and reason."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from shared.data._collect import Collector, Turn
from shared.data._files import Columns, Row, require_columns, rows_of
from shared.data._schema import AGENT, DONOR, ROLES, Corpus, Rejected
from shared.runs import UserError
from shared.text import clean, split_utterances

Kind = Literal["transcripts", "turns", "chats"]

DEFAULT_ROLES: Mapping[str, str] = {
    **dict.fromkeys(("agent", "assistant", "bot", "persuader", "operator", "representative"), AGENT),
    **dict.fromkeys(("donor", "user", "human", "customer", "client", "persuadee"), DONOR),
}
NOT_TURNS = ("system", "developer", "tool", "function")

_TRANSCRIPT_FIELDS = (
    "conversation_id", "conversation", "agent_channel", "donor_channel", "outcome", "split", "agent_id", "donor_id",
)  # fmt: skip
_TURN_FIELDS = (
    "conversation_id", "turn", "author_id", "speaker", "speaker_confidence", "text", "seconds", "outcome", "split",
)  # fmt: skip
_CHAT_FIELDS = ("conversation_id", "messages", "outcome", "split", "agent_id", "donor_id")


def read_corpus(
    path: Path,
    *,
    kind: Kind,
    columns: Columns | None = None,
    roles: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
) -> Corpus:
    """Read a corpus of the shape that `kind` names.

    Args:
        path: a file whose ending is `.csv`, `.jsonl`, `.json` or `.parquet`.
        kind: `transcripts` (a row a conversation), `turns` (a row a turn) or `chats` (`messages` lists).
        columns: canonical name to the name in the file, for names that differ.
        roles: word in the file to `agent` or `donor`, added to `DEFAULT_ROLES`; case does not matter.
        encoding: of text files; a byte order mark wins.

    Raises:
        UserError: a required column is missing, a renamed column is unknown, or the file cannot be read at all.
    """
    if kind == "transcripts":
        return read_transcripts(path, columns=columns, encoding=encoding)
    if kind == "turns":
        return read_turns(path, columns=columns, roles=roles, encoding=encoding)
    return read_chats(path, columns=columns, roles=roles, encoding=encoding)


def read_transcripts(path: Path, *, columns: Columns | None = None, encoding: str = "utf-8") -> Corpus:
    """Read one conversation a row: the whole mixed transcript, and each side's own where there is one.

    Args:
        path: columns `conversation_id`, `conversation`; optionally `agent_channel`, `donor_channel` (each side's own
            transcript), `outcome`, `split`, `agent_id`, `donor_id`.
        columns: canonical name to the name in the file.
        encoding: of text files.

    Returns:
        Corpus whose turns are the utterances of the mixed transcript, their speakers unknown. Rejected: an empty id
        or transcript, an id that was there before.
    """
    names = _names(path, columns, _TRANSCRIPT_FIELDS)
    found = Collector(path.name, path.stem)
    _read(path, encoding, names, ("conversation_id", "conversation"), found, _take_transcript)
    return found.corpus()


def read_turns(
    path: Path,
    *,
    columns: Columns | None = None,
    roles: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
) -> Corpus:
    """Read one turn a row, CSV, JSONL or Parquet.

    Args:
        path: columns `conversation_id`, `text`; optionally `turn` (whole number from 0; without it rows count up in
            their order), `speaker`, `speaker_confidence`, `author_id`, `seconds`, `outcome`, `split`.
        columns: canonical name to the name in the file.
        roles: word in `speaker` to `agent` or `donor`, beside `DEFAULT_ROLES`.
        encoding: of text files.

    Returns:
        Corpus. An empty `speaker` means unknown. Rejected: an empty id or text, an unknown speaker, a number that is
        none, a second turn of the same number, an outcome or split that contradicts an earlier row.
    """
    names = _names(path, columns, _TURN_FIELDS)
    known = _role_words(roles)
    found = Collector(path.name, path.stem)

    def take(row: Row, names: Columns, found: Collector) -> None:
        _take_turn(row, names, found, known)

    _read(path, encoding, names, ("conversation_id", "text"), found, take)
    return found.corpus()


def read_chats(
    path: Path,
    *,
    columns: Columns | None = None,
    roles: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
) -> Corpus:
    """Read chats: a JSON array or JSONL of `{"messages": [{"role": …, "content": …}, …]}`.

    Args:
        path: each item may also have `conversation_id` (or `id`; else numbered by its place), `outcome`, `split`,
            `agent_id`, `donor_id`; a message may have `author_id`.
        columns: canonical name to the name in the file.
        roles: word in `role` to `agent` or `donor`, beside `DEFAULT_ROLES`.
        encoding: of the file.

    Returns:
        Corpus. Messages of `NOT_TURNS` roles instruct a model; they are left out and counted in `left_out`. A row is
        a message. Rejected: a message without text or with an unknown role, an item without messages, a repeated id.
    """
    names = _names(path, columns, _CHAT_FIELDS)
    known = _role_words(roles)
    found = Collector(path.name, path.stem)

    def take(row: Row, names: Columns, found: Collector) -> None:
        _take_chat(row, names, found, known)

    _read(path, encoding, names, (), found, take)
    return found.corpus()


def check_rejected(corpus: Corpus, max_rejected_fraction: float) -> None:
    """Stop if more of a file was rejected than the user accepts.

    Args:
        corpus: as read.
        max_rejected_fraction: share of rows in [0, 1].

    Raises:
        UserError: the share is higher, or nothing at all could be read; the commonest reasons are named.
    """
    if len(corpus.turns) and corpus.rejected_fraction <= max_rejected_fraction:
        return
    lost = sum(row.rows for row in corpus.rejected)
    raise UserError(
        f"{lost} of {corpus.rows} rows were rejected, more than max_rejected_fraction = {max_rejected_fraction}. "
        f"Reasons: {_commonest_reasons(corpus.rejected)}. Mend the file or its column and role names, or raise the "
        "limit."
    )


def _commonest_reasons(rejected: Sequence[Rejected]) -> str:
    """The three commonest reasons, each with the first of its lines and how many rows it cost."""
    rows: Counter[str] = Counter()
    for row in rejected:
        rows[row.reason] += row.rows
    lines = {row.reason: row.line for row in reversed(rejected)}
    told = [
        f"line {lines[reason]}: {reason}" + (f" ({n:,} rows)" if n > 1 else "") for reason, n in rows.most_common(3)
    ]
    return "; ".join(told) or "the file holds no rows"


def _read(
    path: Path,
    encoding: str,
    names: Columns,
    required: tuple[str, ...],
    found: Collector,
    take: Callable[[Row, Columns, Collector], None],
) -> None:
    """Hand every readable row to `take`; the first one is checked for the columns that are required or renamed."""
    # An object of JSON lines may leave out what it does not know; a table has all of its columns in every row.
    renamed = [] if path.suffix.lower().startswith(".json") else [field for field, n in names.items() if n != field]
    wanted = dict.fromkeys([*required, *renamed])
    checked = False
    for row in rows_of(path, encoding=encoding):
        if isinstance(row, Rejected):
            found.rejected.append(row)
            found.rows += row.rows
            continue
        if not checked:
            require_columns(path, row.fields.keys(), names, wanted)
            checked = True
        take(row, names, found)


def _names(path: Path, columns: Columns | None, fields: tuple[str, ...]) -> dict[str, str]:
    unknown = sorted(set(columns or {}) - set(fields))
    if unknown:
        raise UserError(f"{path.name}: `columns` renames {', '.join(unknown)}, but known are only {', '.join(fields)}.")
    return {field: field for field in fields} | dict(columns or {})


def _role_words(roles: Mapping[str, str] | None) -> dict[str, str]:
    wrong = {word: role for word, role in (roles or {}).items() if role not in ROLES}
    if wrong:
        raise UserError(f"`roles` maps {wrong}; a word must mean one of {', '.join(ROLES)}.")
    return {**DEFAULT_ROLES, **{word.lower(): role for word, role in (roles or {}).items()}}


def text_of(value: Any) -> str | None:
    """A field as stripped text; None if it is missing, blank or NaN."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return str(value).strip() or None


def _take_transcript(row: Row, names: Columns, found: Collector) -> None:
    found.rows += 1
    fields = {name: text_of(row.fields.get(names[name])) for name in _TRANSCRIPT_FIELDS}
    conversation_id, text = fields.pop("conversation_id"), fields.pop("conversation")
    utterances = split_utterances(text or "")
    if conversation_id is None:
        found.reject(row.line, "conversation_id is empty", shown=text)
    elif not utterances:
        found.reject(row.line, "the conversation is empty", conversation_id)
    elif found.has(conversation_id):
        found.reject(row.line, f"conversation_id '{conversation_id}' was there before", conversation_id, text)
    else:
        found.add_facts(conversation_id, {**fields, "text": text})
        for utterance in utterances:
            found.add(Turn(conversation_id, utterance))


def _take_turn(row: Row, names: Columns, found: Collector, roles: Mapping[str, str]) -> None:
    found.rows += 1
    fields = {name: text_of(row.fields.get(names[name])) for name in _TURN_FIELDS}
    facts = {name: fields[name] for name in ("outcome", "split")}
    try:
        turn = _turn_of(fields, roles)
        problem = found.add_facts(turn.conversation_id, facts) or found.add(turn)
    except ValueError as error:
        problem = str(error)
    if problem:
        found.reject(row.line, problem, fields["conversation_id"], fields["text"] or "")


def _turn_of(fields: Mapping[str, str | None], roles: Mapping[str, str]) -> Turn:
    """The turn that a row describes; ValueError says what is wrong with it."""
    conversation_id, text = fields["conversation_id"], clean(fields["text"] or "")
    if conversation_id is None:
        raise ValueError("conversation_id is empty")
    if not text:
        raise ValueError("the text is empty")
    return Turn(
        conversation_id,
        text,
        number=_whole_number(fields["turn"]),
        author_id=fields["author_id"],
        speaker=_role(fields["speaker"], roles),
        confidence=_number("speaker_confidence", fields["speaker_confidence"], most=1.0),
        seconds=_number("seconds", fields["seconds"]),
    )


def _role(word: str | None, roles: Mapping[str, str]) -> str | None:
    if word is None:
        return None
    if word.lower() not in roles:
        known = ", ".join(sorted(roles))
        raise ValueError(
            f"role '{word}' is unknown; known: {known}. Name it in `roles`, for instance {{{word}: donor}}"
        )
    return roles[word.lower()]


def _whole_number(value: str | None) -> int | None:
    number = _number("turn", value, most=2**31 - 1)
    if number is not None and not number.is_integer():
        raise ValueError(f"turn '{value}' is not a whole number")
    return None if number is None else int(number)


def _number(name: str, value: str | None, *, most: float = math.inf) -> float | None:
    try:
        number = float(value) if value is not None else None
    except ValueError:
        raise ValueError(f"{name} '{value}' is not a number") from None
    if number is not None and not 0 <= number <= most:
        raise ValueError(f"{name} {value} is not between 0 and {most}")
    return number


def _take_chat(row: Row, names: Columns, found: Collector, roles: Mapping[str, str]) -> None:
    fields = {name: text_of(row.fields.get(names[name])) for name in _CHAT_FIELDS if name != "messages"}
    conversation_id = fields.pop("conversation_id") or text_of(row.fields.get("id")) or f"{row.line:06d}"
    messages = row.fields.get(names["messages"])
    if not isinstance(messages, list) or not messages:
        found.rows += 1
        found.reject(row.line, f"no list '{names['messages']}' of messages", conversation_id, dict(row.fields))
    elif found.has(conversation_id):
        found.rows += len(messages)
        reason = f"conversation_id '{conversation_id}' was there before"
        lost = Rejected(found.file, row.line, reason, conversation_id, rows=len(messages))
        found.rejected.append(lost)
    else:
        found.add_facts(conversation_id, fields)
        for place, message in enumerate(messages):
            _take_message(row.line, place, message, conversation_id, found, roles)


def _take_message(
    line: int, place: int, message: Any, conversation_id: str, found: Collector, roles: Mapping[str, str]
) -> None:
    found.rows += 1
    if not isinstance(message, dict):
        found.reject(line, f"message {place} is not an object", conversation_id, message)
        return
    role, content = text_of(message.get("role")), message.get("content")
    if role in NOT_TURNS:
        found.left_out += 1
        return
    try:
        speaker = _role(role, roles)
        text = clean(_content(content))
    except ValueError as error:
        found.reject(line, f"message {place}: {error}", conversation_id, message)
        return
    found.add(Turn(conversation_id, text, author_id=text_of(message.get("author_id")), speaker=speaker))


def _content(content: Any) -> str:
    """The text of a message; a list of parts is joined, as chat services write it. ValueError if there is none."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = " ".join(part for part in parts if isinstance(part, str))
    if not isinstance(content, str) or not clean(content):
        raise ValueError("no text")
    return content
