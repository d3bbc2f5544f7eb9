"""Messages written by an LLM for each label, with passages of the knowledge base where the label asks about it."""

from shared.labels._asking import Asking, Generated, Wanted
from shared.labels._table import labelled_table
from shared.llm import Malformed, Request, json_object, request

MESSAGES_A_REQUEST = 10
INSTRUCTION = (
    "Write {n} different messages that a person might send to an assistant. Every message must belong to the category "
    "'{label}': {definition}\nVary length, tone, spelling and topic; never name the category. {about}"
    'Answer with JSON only: {{"messages": ["...", "..."]}}'
)


def generate_with_llm(asking: Asking, task: str, wanted: Wanted) -> Generated:
    """Synthetic messages, so many a label.

    Args:
        asking: the LLM and its terms.
        task: name of the task.
        wanted: labels, counts, and what the messages should be about.

    Returns:
        Generated; the group of a row is the request it came from, so that siblings stay on one side of a split.
    """
    planned = planned_requests(wanted)
    got = asking.all_of([asked for _, asked in planned], _messages, "synthetic messages")
    batches = list(zip((label for label, _ in planned), got.values, strict=True))
    rows = [
        {"task": task, "message": text, "label": label, "confidence": 1.0, "source": "synthetic",
         "detail": got.ledger.backend, "group": f"{label}-{number}"}
        for number, (label, texts) in enumerate(batches) for text in texts or []
    ]  # fmt: skip
    frame = labelled_table(rows)
    # The last batch of a label, and a talkative LLM, give more than was asked for.
    enough = frame["label"].map(dict(wanted.counts))
    return Generated(frame[frame.groupby("label").cumcount() < enough], got.ledger, got.n_unscored)


def planned_requests(wanted: Wanted) -> list[tuple[str, Request]]:
    """(label, request) of every batch of messages that is needed, in order."""
    return [
        (label, _batch_request(wanted, label, number))
        for label, count in wanted.counts.items() for number in range(-(-count // MESSAGES_A_REQUEST))
    ]  # fmt: skip


def _batch_request(wanted: Wanted, label: str, number: int) -> Request:
    known = wanted.passages.get(label, [])
    prompt = instruction(label, wanted.definitions[label], known[number % len(known)] if known else "")
    message = {"role": "user", "content": prompt}
    # Without a passage every batch of a label has the same prompt: `repeat` keeps the cache from answering the second
    # with the first.
    return request([message], temperature=0.9, max_tokens=800, seed=wanted.seed, repeat=number)


def instruction(label: str, definition: str, passage: str = "") -> str:
    """The prompt for one batch of messages of a label."""
    about = f"They ask about this text:\n{passage}\n" if passage else ""
    return INSTRUCTION.format(n=MESSAGES_A_REQUEST, label=label, definition=definition, about=about)


def _messages(text: str) -> list[str]:
    found = json_object(text).get("messages")
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise Malformed("'messages' is not a list of texts")
    return [item.strip() for item in found if item.strip()]
