"""From dialogues to canonical examples: rendered by the model's chat template, tokenised, masked.

The mask does not trust markers in the template, which most templates lack. The text of a chat up to an assistant turn,
with the generation prompt, is what the model sees before it answers; whatever the whole chat adds to it is the
answer with its end-of-turn token. That difference, in characters, decides which tokens are trained.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from shared.runs import UserError
from shared.sources._readers import Dialogue, Message, Rejected

LossOn = Literal["all_assistant_turns", "last_assistant_turn", "message_weight"]
IGNORED = -100
_BATCH = 512
_SLACK = 16  # tokens by which the length of a shortened chat may be off before it is tokenised
_REMEMBERED = 64  # rendered chats: masks, prompt lengths and the gate ask for the same ones


class Example(NamedTuple):
    """A dialogue as tokens.

    Attributes:
        messages: what is in the tokens, after cutting old turns.
        input_ids: (tokens,).
        labels: (tokens,), the token itself where it is trained, else -100.
        weights: (tokens,), weight of each token in the LM loss, 0 where it is not trained.
        prompt_length: number of tokens before the last answer; the heads read token `prompt_length - 1`.
        cut_turns: turns dropped from the front to meet the limit.
    """

    dialogue: Dialogue
    messages: list[Message]
    input_ids: list[int]
    labels: list[int]
    weights: list[float]
    prompt_length: int
    cut_turns: int


class Span(NamedTuple):
    """Characters of a rendered chat that are trained."""

    start: int
    end: int
    weight: float


class Template:
    """A tokenizer's chat template with the options a study gives it.

    Args:
        tokenizer: a fast tokenizer with a chat template.
        system: content of a system message put first; "" for none.
        options: further variables of the template, such as `enable_thinking`.

    Raises:
        UserError: the tokenizer has no chat template.
    """

    def __init__(self, tokenizer: Any, *, system: str = "", options: dict[str, Any] | None = None) -> None:
        if not tokenizer.chat_template:
            raise UserError(
                "The model's tokenizer has no chat template, so it is not an instruction model. Choose one that is, "
                "such as Qwen/Qwen2.5-3B-Instruct."
            )
        self.tokenizer = tokenizer
        self.options = options or {}
        self._written = lru_cache(_REMEMBERED)(self._write)
        self._system: list[Message] = [{"role": "system", "content": system}] if system else []

    def with_system(self, messages: list[Message]) -> list[Message]:
        """The messages with the template's system message first, unless they bring their own."""
        return messages if messages and messages[0]["role"] == "system" else [*self._system, *messages]

    def render(self, messages: list[Message], *, prompt: bool = False) -> str:
        """The chat as text; with `prompt`, ready for the assistant to answer."""
        return self._written(tuple((m["role"], m["content"]) for m in messages), prompt)

    def _write(self, messages: tuple[tuple[str, str], ...], prompt: bool) -> str:
        plain = [{"role": role, "content": content} for role, content in messages]
        return str(
            self.tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=prompt, **self.options)
        )

    def encode(self, texts: list[str]) -> tuple[list[list[int]], list[list[tuple[int, int]]]]:
        """Token ids and character offsets of rendered chats; the template already wrote every special token."""
        encoded = self.tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True)
        return encoded["input_ids"], encoded["offset_mapping"]

    def end_of_turn(self) -> str:
        """What the template writes behind an assistant's words, such as `<|im_end|>`; "" if it writes nothing."""
        mark = "xyzzy"
        asked = [{"role": "user", "content": "a"}, {"role": "assistant", "content": mark}]
        return self.render(self.with_system(asked)).rpartition(mark)[2].strip()


def canonical_examples(
    dialogues: Sequence[Dialogue], template: Template, *, max_length: int, loss_on: LossOn
) -> Iterator[Example | Rejected]:
    """Tokenise and mask dialogues.

    Args:
        dialogues: from the readers.
        template: of the model to be trained.
        max_length: tokens at most; whole turns are cut from the front until it fits.
        loss_on: which assistant turns are trained: all, the last, or each with its message's `weight`.

    Yields:
        One example a dialogue, in order; a Rejected where even the last turn and its answer are longer than the limit.

    Raises:
        UserError: the template writes a chat's beginning differently once it goes on, so no answer can be cut out.
    """
    for start in range(0, len(dialogues), _BATCH):
        yield from _batch(dialogues[start : start + _BATCH], template, max_length, loss_on, start)


def _batch(
    dialogues: Sequence[Dialogue], template: Template, max_length: int, loss_on: LossOn, start: int
) -> Iterator[Example | Rejected]:
    chats = [template.with_system(d.messages) for d in dialogues]
    texts = [template.render(chat, prompt=not d.has_answer) for chat, d in zip(chats, dialogues, strict=True)]
    ids, offsets = template.encode(texts)
    for number, dialogue in enumerate(dialogues):
        chat, tokens, spans = chats[number], ids[number], offsets[number]
        if len(tokens) > max_length:
            chat, tokens, spans = _cut(chat, template, texts[number], spans, dialogue.has_answer, max_length)
        if len(tokens) > max_length:
            taken = f"the last turn and its answer take {len(tokens)} tokens, max_length is {max_length}"
            reason = f"{taken} (raise it, or shorten the turn)"
            yield Rejected(dialogue.source, dialogue.split, start + number + 1, reason)
        else:
            yield _example(dialogue, chat, template, tokens, spans, loss_on, len(chats[number]) - len(chat))


def _cut(
    chat: list[Message],
    template: Template,
    text: str,
    offsets: list[tuple[int, int]],
    has_answer: bool,
    max_length: int,
) -> tuple[list[Message], list[int], list[tuple[int, int]]]:
    """The chat from its first user turn on with which it fits; from its last one if none does."""
    first = 1 if chat[0]["role"] == "system" else 0
    *earlier, last = [i for i, m in enumerate(chat) if m["role"] == "user" and i >= first]
    left = _tokens_left(chat, text, offsets, first)
    # Tokenising every candidate is slow; the whole chat's own tokens rule most of them out.
    for position in [i for i in earlier if i > first and left[i] <= max_length + _SLACK]:
        shorter = [*chat[:first], *chat[position:]]
        [tokens], [spans] = template.encode([template.render(shorter, prompt=not has_answer)])
        if len(tokens) <= max_length:
            return shorter, tokens, spans
    shortest = [*chat[:first], *chat[last:]]
    [tokens], [spans] = template.encode([template.render(shortest, prompt=not has_answer)])
    return shortest, tokens, spans


def _tokens_left(chat: list[Message], text: str, offsets: list[tuple[int, int]], first: int) -> list[int]:
    """About how many tokens are left if the chat begins at each message; 0 from where a message is not found."""
    starts = [start for start, _ in offsets]
    left: list[int] = []
    place = begin = 0
    for i, message in enumerate(chat):
        found = text.find(str(message["content"]).strip(), place)
        if found < 0:
            return left + [0] * (len(chat) - i)
        begin = bisect_left(starts, found) if i == first else begin
        left.append(len(starts) - bisect_left(starts, found) + begin)
        place = found + len(str(message["content"]).strip())
    return left


def _example(
    dialogue: Dialogue,
    chat: list[Message],
    template: Template,
    tokens: list[int],
    offsets: list[tuple[int, int]],
    loss_on: LossOn,
    cut: int,
) -> Example:
    spans = trained_spans(chat, template, loss_on) if dialogue.has_answer else []
    weights = token_weights(offsets, spans)
    labels = [token if weight > 0 else IGNORED for token, weight in zip(tokens, weights, strict=True)]
    answer_starts = len(template.render(chat[:-1], prompt=True)) if dialogue.has_answer else None
    prompt = len(tokens) if answer_starts is None else sum(end <= answer_starts for _, end in offsets)
    return Example(dialogue, chat, tokens, labels, weights, prompt, cut)


def trained_spans(chat: list[Message], template: Template, loss_on: LossOn) -> list[Span]:
    """Characters of the rendered chat that count in the loss, one span an assistant turn.

    Raises:
        UserError: the rendered beginning of the chat changes once an answer follows.
    """
    whole = template.render(chat)
    turns = [i for i, m in enumerate(chat) if m["role"] == "assistant"]
    chosen = turns[-1:] if loss_on == "last_assistant_turn" else turns
    spans = []
    for i in chosen:
        weight = float(chat[i].get("weight", 1.0)) if loss_on == "message_weight" else 1.0
        before, through = template.render(chat[:i], prompt=True), template.render(chat[: i + 1])
        if not (through.startswith(before) and whole.startswith(through.rstrip())):
            raise UserError(_not_prefix_preserving(i))
        if weight > 0:
            spans.append(Span(len(before), len(through.rstrip()), weight))
    return spans


def _not_prefix_preserving(turn: int) -> str:
    return (
        f"The chat template rewrites message {turn} once the chat goes on (templates for thinking models drop earlier "
        "thoughts), so its answer cannot be trained where it stands. Use loss_on='last_assistant_turn', or set "
        "template_options such as {enable_thinking: false}."
    )


def token_weights(offsets: list[tuple[int, int]], spans: list[Span]) -> list[float]:
    """Weight of each token: that of the span which holds all its characters, else 0.

    Args:
        offsets: (tokens,) character ranges.
        spans: disjoint and ascending.
    """
    weights = [0.0] * len(offsets)
    for span in spans:
        for i, (start, end) in enumerate(offsets):
            if span.start <= start and end <= span.end and end > start:
                weights[i] = span.weight
    return weights
