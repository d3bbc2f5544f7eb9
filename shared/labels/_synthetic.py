"""Messages written by an LLM for each label, with passages of the knowledge base where the label asks about it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from shared.labels._table import labelled_table
from shared.llm import ChatBackend, Ledger, Malformed, Prices, Request, Sending, ask_all, json_object, request

MESSAGES_A_REQUEST = 10
INSTRUCTION = (
    "Write {n} different messages that a person might send to an assistant. Every message must belong to the category "
    "'{label}': {definition}\nVary length, tone, spelling and topic; never name the category. {about}"
    'Answer with JSON only: {{"messages": ["...", "..."]}}'
)


class Generated(NamedTuple):
    """Rows of the labelled table, what they cost, and how many requests gave nothing usable."""

    rows: pd.DataFrame
    ledger: Ledger
    n_unscored: int


def generate_with_llm(
    backend: ChatBackend,
    task: str,
    definitions: Mapping[str, str],
    counts: Mapping[str, int],
    *,
    passages: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
    sending: Sending | None = None,
    cache: Any = None,
    prices: Prices | None = None,
) -> Generated:
    """Synthetic messages, so many a label.

    Args:
        backend: any chat backend.
        task: name of the task.
        definitions: what each label means, by label.
        counts: how many messages to write, by label.
        passages: texts that messages of a label should ask about, by label (`rag_query`: the knowledge base).
        seed: of sampling; the same seed asks the same questions and finds them in the cache.
        sending: concurrency and retries.
        cache: folder of the reply cache.
        prices: US dollars for a million tokens.

    Returns:
        Generated; the group of a row is the request it came from, so that siblings stay on one side of a split.
    """
    planned = planned_requests(definitions, counts, passages or {}, seed)
    got = ask_all(
        backend, [asked for _, asked in planned], parse=_messages, cache=cache, sending=sending, prices=prices,
        what="synthetic messages",
    )  # fmt: skip
    batches = list(zip((label for label, _ in planned), got.values, strict=True))
    rows = [
        {"task": task, "message": text, "label": label, "confidence": 1.0, "source": "synthetic",
         "detail": got.ledger.backend, "group": f"{label}-{number}"}
        for number, (label, texts) in enumerate(batches) for text in texts or []
    ]  # fmt: skip
    frame = labelled_table(rows)
    wanted = frame["label"].map(dict(counts))
    return Generated(frame[frame.groupby("label").cumcount() < wanted], got.ledger, got.n_unscored)


def planned_requests(
    definitions: Mapping[str, str], counts: Mapping[str, int], passages: Mapping[str, Sequence[str]], seed: int
) -> list[tuple[str, Request]]:
    """(label, request) of every batch of messages that `counts` needs, in order."""
    planned = []
    for label, wanted in counts.items():
        known = passages.get(label, [])
        for number in range(-(-wanted // MESSAGES_A_REQUEST)):
            passage = known[number % len(known)] if known else ""
            prompt = instruction(label, definitions[label], passage)
            message = {"role": "user", "content": prompt}
            planned.append((label, request([message], temperature=0.9, max_tokens=800, seed=seed, repeat=number)))
    return planned


def instruction(label: str, definition: str, passage: str = "") -> str:
    """The prompt for one batch of messages of a label."""
    about = f"They ask about this text:\n{passage}\n" if passage else ""
    return INSTRUCTION.format(n=MESSAGES_A_REQUEST, label=label, definition=definition, about=about)


def _messages(text: str) -> list[str]:
    found = json_object(text).get("messages")
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise Malformed("'messages' is not a list of texts")
    return [item.strip() for item in found if item.strip()]
