"""Rows of CSV, JSONL, JSON and Parquet files, one at a time; what cannot be read comes as `Rejected`, in its place.

Nothing here knows what the columns mean. Files are streamed, so memory does not grow with them (a JSON array is
the exception: it is held as text and decoded item by item).
"""

import codecs
import csv
import difflib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from shared.data._schema import Rejected
from shared.runs import UserError, missing_hint

Columns = Mapping[str, str]  # canonical name -> name in the file

# What others call our columns, the likeliest first.
_OTHER_NAMES = {
    "conversation_id": (
        "conversation",
        "conv",
        "call",
        "dialogue",
        "dialog",
        "chat",
        "session",
        "thread",
        "ticket",
        "id",
    ),
    "text": ("text", "utterance", "message", "said", "content", "body", "unit"),
    "conversation": ("transcript", "conversation", "dialogue", "dialog", "text", "call", "chat"),
}
_OTHER_LAYOUTS = {
    "text": " If a row is a whole conversation, set `kind: transcripts`.",
    "conversation": " If a row is one turn of a conversation, set `kind: turns`.",
}
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_LONGEST_FIELD = 2**26  # characters; a whole transcript is one CSV field, csv's own limit is 131,072
_BATCH = 20_000  # Parquet rows held as Python objects at a time
_EXCERPT = 80  # characters shown of what was rejected


class Row(NamedTuple):
    """One row of a file: where it starts (line from 1, or item from 1) and its fields by the file's own names."""

    line: int
    fields: Mapping[str, Any]


def rows_of(path: Path, *, encoding: str = "utf-8") -> Iterator[Row | Rejected]:
    """Rows of a `.csv`, `.jsonl`, `.json` or `.parquet` file in order, unreadable ones as `Rejected`.

    Args:
        path: the ending decides how it is read.
        encoding: of text files; a byte order mark in the file wins.

    Raises:
        UserError: unknown ending, unknown encoding, no such file, an empty one, or a Parquet file that does not open.
    """
    readers = {".csv": _csv_rows, ".tsv": _csv_rows, ".jsonl": _jsonl_rows, ".json": _json_rows}
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _parquet_rows(path)
    if suffix not in readers:
        raise UserError(
            f"{path.name}: '{suffix}' is not a known kind of file. Known: {', '.join(readers)}, .parquet. "
            "Save a sheet as CSV (UTF-8); give a text file its true ending."
        )
    if not path.exists():
        raise UserError(f"There is no file {path.name}. {missing_hint(path)}")
    if path.stat().st_size == 0:
        raise UserError(f"{path.name} is empty. Check that it was written to the end.")
    return readers[suffix](path, encoding)


def excerpt(value: Any) -> str:
    """The first characters of whatever was rejected, printable."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text[:_EXCERPT].encode("utf-8", "backslashreplace").decode("utf-8")


def require_columns(path: Path, found: Collection[str], wanted: Columns, required: Collection[str]) -> None:
    """Refuse a file that lacks required columns: all of them at once, with the likeliest candidates.

    Args:
        path: for the message.
        found: names in the file.
        wanted: canonical name to name in the file.
        required: canonical names that must be there.
    """
    missing = [name for name in required if wanted[name] not in found]
    if not missing:
        return
    guesses = {name: _likeliest(wanted[name], found) for name in missing}
    likely = [f"'{guess}' for {name}" for name, guess in guesses.items() if guess]
    named = ", ".join(f"{name}: {guess or '<name in the file>'}" for name, guess in guesses.items())
    plural = len(missing) > 1
    quoted = ", ".join(f"'{wanted[name]}'" for name in missing)
    hint = f"Did you mean {', '.join(likely)}? " if likely else ""
    raise UserError(
        f"{path.name}: {'columns' if plural else 'column'} {quoted} {'are' if plural else 'is'} missing. "
        f"Found: {', '.join(map(str, found))}. {hint}"
        f"Say what is what with `columns: {{{named}}}` under the stage's params, or pass "
        f"{' '.join(f'--set explore.columns.{name}=…' for name in missing)}.{_OTHER_LAYOUTS.get(missing[-1], '')}"
    )


def _likeliest(name: str, found: Collection[str]) -> str | None:
    """The column that people probably mean: one that nearly has the name, else one with a customary other name."""
    close = difflib.get_close_matches(name.lower(), [column.lower() for column in found], n=1, cutoff=0.7)
    by_words = (c for other in _OTHER_NAMES.get(name, ()) for c in found if other in re.findall(r"[a-z]+", c.lower()))
    exact = next((column for column in found if close and column.lower() == close[0]), None)
    return exact or next(by_words, None)


def _open(path: Path, encoding: str, newline: str) -> IO[str]:
    """Text whose undecodable bytes come as lone surrogates (or U+FFFD in UTF-16/32), to be rejected row by row."""
    with path.open("rb") as content:
        start = content.read(4)
    marked = next((name for mark, name in _BYTE_ORDER_MARKS.items() if start.startswith(mark)), encoding)
    try:
        codecs.lookup(marked)
    except LookupError as error:
        raise UserError(f"'{encoding}' is not a known encoding. Usual ones: utf-8, cp1252, latin-1, utf-16.") from error
    errors = "replace" if marked.startswith(("utf-16", "utf-32")) else "surrogateescape"
    return path.open(encoding=marked, errors=errors, newline=newline)


def _undecodable(text: str) -> bool:
    return not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text)


def _bad_bytes(path: Path, line: int, text: str) -> Rejected:
    reason = "bytes that are not in the file's encoding; set `encoding`, for instance cp1252"
    return Rejected(path.name, line, reason, excerpt=excerpt(text))


def _csv_rows(path: Path, encoding: str) -> Iterator[Row | Rejected]:
    csv.field_size_limit(_LONGEST_FIELD)
    with _open(path, encoding, newline="") as content:
        reader = csv.reader(content, strict=True, delimiter=_delimiter(path, encoding))
        header: list[str] | None = None
        while True:
            line = reader.line_num + 1
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield _bad_quotes(path, line, reader.line_num, str(error))
                continue
            if not fields:
                continue
            if header is None:
                header = _header(path, fields)
            else:
                yield _csv_row(path, line, header, fields)


def _delimiter(path: Path, encoding: str) -> str:
    """What separates the first line's columns: a comma, or where it has none the semicolon or tab that Excel writes."""
    with _open(path, encoding, newline="") as content:
        header = content.readline(_LONGEST_FIELD)
    return max(",;\t", key=header.count) if "," not in header else ","


def _header(path: Path, fields: list[str]) -> list[str]:
    names = [name.strip() for name in fields]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"{path.name}: the header names {', '.join(twice)} twice. Rename one of them in the file.")
    return names


def _csv_row(path: Path, line: int, header: list[str], fields: list[str]) -> Row | Rejected:
    if len(fields) != len(header):
        reason = f"{len(fields)} fields, the header has {len(header)}: cut off, or a comma or quote that is not escaped"
        return Rejected(path.name, line, reason, excerpt=excerpt(",".join(fields)))
    if any(_undecodable(field) for field in fields):
        return _bad_bytes(path, line, ",".join(fields))
    return Row(line, dict(zip(header, fields, strict=True)))


def _bad_quotes(path: Path, first: int, last: int, error: str) -> Rejected:
    """A quote that never closes swallows the lines behind it: they count as lost."""
    cut = "a quote is opened and never closed, up to the end of the file" if "end of data" in error else error
    return Rejected(path.name, first, f"lines {first} to {last} are not valid CSV: {cut}", rows=last - first + 1)


def _jsonl_rows(path: Path, encoding: str) -> Iterator[Row | Rejected]:
    with _open(path, encoding, newline="\n") as content:
        for line, text in enumerate(content, start=1):
            if text.strip():
                yield _jsonl_row(path, line, text)


def _jsonl_row(path: Path, line: int, text: str) -> Row | Rejected:
    if _undecodable(text):
        return _bad_bytes(path, line, text)
    try:
        value = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        cut = ", and the line is cut off" if not text.endswith("\n") else ""
        return Rejected(path.name, line, f"not JSON: {error}{cut}", excerpt=excerpt(text))
    return _object_row(path, line, value)


def _object_row(path: Path, line: int, value: Any) -> Row | Rejected:
    if not isinstance(value, dict):
        reason = f"a JSON {type(value).__name__} where an object was expected"
        return Rejected(path.name, line, reason, excerpt=excerpt(value))
    return Row(line, value)


def _json_rows(path: Path, encoding: str) -> Iterator[Row | Rejected]:
    """Objects of a JSON array, or the one object of the file; a cut-off file gives its complete items."""
    with _open(path, encoding, newline="\n") as content:
        text = content.read()
    start = _skip_space(text, 0)
    whole = text[start : start + 1] != "["
    place, item = (start, 1) if whole else (_skip_space(text, start + 1), 1)
    decoder = json.JSONDecoder()
    while place < len(text) and text[place] != "]":
        try:
            value, place = decoder.raw_decode(text, place)
        except (json.JSONDecodeError, RecursionError) as error:
            rest = text[place:]
            yield Rejected(path.name, item, f"not JSON from here to the end: {error}", excerpt=excerpt(rest))
            return
        yield _checked_item(path, item, value)
        place, item = _skip_space(text, place, comma=True), item + 1


def _checked_item(path: Path, item: int, value: Any) -> Row | Rejected:
    shown = json.dumps(value, ensure_ascii=False)
    return _bad_bytes(path, item, shown) if _undecodable(shown) else _object_row(path, item, value)


def _skip_space(text: str, place: int, *, comma: bool = False) -> int:
    skipped = " \t\r\n," if comma else " \t\r\n"
    while place < len(text) and text[place] in skipped:
        place += 1
    return place


def _parquet_rows(path: Path) -> Iterator[Row | Rejected]:
    try:
        content = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path.name} is not a readable Parquet file: {error}. Was it written to the end?") from error
    with content:
        batches = content.iter_batches(batch_size=_BATCH)
        yield from (Row(i, row) for i, row in enumerate((r for b in batches for r in b.to_pylist()), start=1))
