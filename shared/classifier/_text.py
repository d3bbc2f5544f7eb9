"""The text of a conversation as an encoder reads it: a line a turn, who speaks first, cut in the middle if too long.

The opening and the end of a conversation say most about its outcome, so what does not fit is cut from the middle:
`head_share` of the tokens go to the opening, the rest to the end. Where each turn lies in the text is kept, so that a
later stage can trace a token back to its turn.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa

from shared.runs import UserError

UNKNOWN_SPEAKER = "unknown"  # written before a turn whose speaker no stage has named

TEXTS_SCHEMA = pa.schema(
    [
        pa.field("conversation_id", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("tokens", pa.int32(), nullable=False),
        pa.field("truncated", pa.bool_(), nullable=False),
    ]
)
SPANS_SCHEMA = pa.schema(
    [
        pa.field("conversation_id", pa.string(), nullable=False),
        pa.field("turn", pa.int32(), nullable=False),
        pa.field("speaker", pa.string(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("words_start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
    ]
)


class ConversationTexts(NamedTuple):
    """What the encoder reads, and where its turns are.

    Attributes:
        texts: conversation_id, text, tokens (before cutting, special tokens not counted), truncated.
        spans: conversation_id, turn, speaker, and character positions in `text`: `start` of the line, `words_start`
            behind the speaker's name, `end`. A turn that was cut away has no row.
    """

    texts: pd.DataFrame
    spans: pd.DataFrame


class Piece(NamedTuple):
    """The part of a line that is kept: its number, and its first and last-but-one body token."""

    line: int
    first: int
    stop: int


def conversation_texts(
    turns: pd.DataFrame, tokenizer: Any, *, max_tokens: int, head_share: float = 0.5
) -> ConversationTexts:
    """Write each conversation as one text that fits the encoder.

    Args:
        turns: conversation_id, turn, speaker (missing: "unknown"), text; in order of turns.
        tokenizer: the encoder's fast tokenizer.
        max_tokens: what the encoder reads, special tokens included.
        head_share: share of the tokens for the opening when a conversation is too long, in [0, 1].

    Returns:
        ConversationTexts, conversations in order of first appearance.

    Raises:
        UserError: `head_share` is not in [0, 1], or `max_tokens` leaves no room for words.
    """
    budget = max_tokens - tokenizer.num_special_tokens_to_add()
    if not 0 <= head_share <= 1 or budget < 8:
        raise UserError(
            f"head_share = {head_share} and max_tokens = {max_tokens} do not work. "
            "Give head_share in [0, 1] and at least 16 tokens."
        )
    lines = _lines(turns, tokenizer)
    texts, spans = [], []
    for conversation_id, own in lines.groupby("conversation_id", sort=False):
        rows: list[dict[str, Any]] = own.to_dict("records")  # type: ignore[assignment]
        text, found = _written(rows, fit_lines([r["prefix"] for r in rows], [len(r["offsets"]) for r in rows],
                                               budget, head_share))  # fmt: skip
        tokens = sum(r["prefix"] + len(r["offsets"]) for r in rows)
        texts.append((conversation_id, text, tokens, tokens > budget))
        spans += [(conversation_id, *span) for span in found]
    return ConversationTexts(
        pd.DataFrame(texts, columns=["conversation_id", "text", "tokens", "truncated"]),
        pd.DataFrame(spans, columns=SPANS_SCHEMA.names),
    )


def _lines(turns: pd.DataFrame, tokenizer: Any) -> pd.DataFrame:
    """Each turn with its speaker's name, the tokens that name costs, and where the tokens of its words are."""
    lines = turns[["conversation_id", "turn"]].copy()
    lines["speaker"] = turns["speaker"].fillna(UNKNOWN_SPEAKER).astype(str)
    lines["body"] = [" ".join(str(text).split()) for text in turns["text"]]
    costs = {name: len(_offsets(tokenizer, [f"\n{name}:"])[0]) for name in lines["speaker"].unique()}
    lines["prefix"] = [costs[name] for name in lines["speaker"]]
    lines["offsets"] = pd.Series(_offsets(tokenizer, [f" {body}" for body in lines["body"]]), index=lines.index)
    return lines


def _offsets(tokenizer: Any, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
    fields = tokenizer(list(texts), add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    return list(fields["offset_mapping"])


def fit_lines(prefixes: Sequence[int], bodies: Sequence[int], budget: int, head_share: float) -> list[Piece]:
    """Choose what to keep of lines that may be too long together.

    Args:
        prefixes: tokens of each line's speaker name.
        bodies: tokens of each line's words.
        budget: tokens that fit.
        head_share: share of the budget for the opening; the rest goes to the end.

    Returns:
        Pieces in order. All lines whole if they fit; else the opening and the end, whose inner lines are cut. A line
        of which only the speaker's name would fit is left out.
    """
    whole = [Piece(line, 0, size) for line, size in enumerate(bodies)]
    if sum(prefixes) + sum(bodies) <= budget:
        return whole
    head_budget = round(budget * head_share)
    head = [Piece(i, 0, kept) for i, kept in _greedy(whole, prefixes, head_budget)]
    taken = {piece.line: piece.stop for piece in head}
    rest = [Piece(p.line, taken.get(p.line, 0), p.stop) for p in whole if taken.get(p.line, 0) < p.stop]
    tail = [Piece(i, bodies[i] - kept, bodies[i]) for i, kept in _greedy(rest[::-1], prefixes, budget - head_budget)]
    return head + tail[::-1]


def _greedy(pieces: Sequence[Piece], prefixes: Sequence[int], budget: int) -> list[tuple[int, int]]:
    """Lines and how many of their tokens are kept, from the first on until the budget is used up."""
    kept = []
    for piece in pieces:
        room = budget - prefixes[piece.line]
        if room <= 0:
            break
        size = min(piece.stop - piece.first, room)
        kept.append((piece.line, size))
        budget = room - size
    return kept


def _written(
    rows: Sequence[dict[str, Any]], pieces: Sequence[Piece]
) -> tuple[str, list[tuple[int, str, int, int, int]]]:
    """The text of the pieces, a line each, and (turn, speaker, start, words_start, end) of every line."""
    lines: list[str] = []
    spans = []
    place = 0
    for piece in pieces:
        row = rows[piece.line]
        line = f"{row['speaker']}: {_body(row, piece)}"
        spans.append((row["turn"], row["speaker"], place, place + len(row["speaker"]) + 2, place + len(line)))
        lines.append(line)
        place += len(line) + 1
    return "\n".join(lines), spans


def _body(row: dict[str, Any], piece: Piece) -> str:
    """The kept words of a line; a word that was cut in two is left out."""
    offsets, text = row["offsets"], f" {row['body']}"
    if not offsets or piece.stop - piece.first == len(offsets):
        return str(row["body"])
    first, end = offsets[piece.first][0], offsets[piece.stop - 1][1]
    kept = text[first:end]
    if end < len(text) and not text[end].isspace():
        kept = kept.rpartition(" ")[0]
    if not text[first].isspace() and not text[first - 1].isspace():
        kept = kept.partition(" ")[2]
    return kept.strip()
