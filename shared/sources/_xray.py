"""Mask x-ray: which tokens would be trained, shown in colour, and a gate that stops before a wrong mask is trained on.

The gate does not use the code that made the mask. It renders the messages again, finds each message's words in the
text, and compares: so it also judges examples that another tool tokenised.
"""

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from shared.runs import UserError
from shared.sources._canonical import IGNORED, Example, LossOn, Template
from shared.sources._readers import Message

NOTHING_TRAINED = "nothing is trained"
EMPTIED = "truncation emptied the mask"
END_NOT_TRAINED = "the end-of-turn token is not trained"
NO_END = "the template writes no end-of-turn token"
OUTSIDE = "tokens outside the assistant's words are trained"
BLEED = "another assistant turn than the last is trained"
PARTLY = "the answer is only partly trained"
EMPTY_THINK = "an empty think block is trained"
NOT_ROUND_TRIP = "the tokens are not those of the rendered messages"
LOST = "a message's words are not in the rendered text"
SHIFTED = "labels are not the tokens they stand at"
PROMPT_LENGTH = "prompt_length does not end where the answer begins"

_REMEDIES = {
    NOTHING_TRAINED: "the template may lack {% generation %} markers: take the mask from rendered text",
    EMPTIED: "cut turns from the front, or raise max_length",
    END_NOT_TRAINED: "train the end-of-turn token, or the model never stops; a pad token equal to it hides it",
    NO_END: "set a chat template that closes the assistant's turn",
    OUTSIDE: "the mask begins or ends at the wrong token",
    BLEED: "mask adjacent assistant turns one by one",
    PARTLY: "the mask begins late or ends early",
    EMPTY_THINK: "set template_options: {enable_thinking: false}",
    NOT_ROUND_TRIP: "tokenise the rendered chat once, with add_special_tokens=False",
    LOST: "the template drops or rewrites messages: choose another template",
    SHIFTED: "labels equal input_ids where trained; the model shifts them itself",
    PROMPT_LENGTH: "count the tokens before the answer in the whole chat",
}
_THINK = re.compile(r"<think>\s*</think>")


class Problem(NamedTuple):
    """One way in which one example's mask is wrong."""

    kind: str
    detail: str


class Words(NamedTuple):
    """Where a message's words stand in the rendered chat, in characters."""

    role: str
    start: int
    end: int


def find_problems(example: Example, template: Template, *, loss_on: LossOn) -> list[Problem]:
    """Everything that is wrong with one example's tokens and mask; empty if nothing is.

    Args:
        example: tokens with labels, from here or from elsewhere.
        template: how the model's chats are written.
        loss_on: what the study means to train.
    """
    text = template.render(example.messages, prompt=not example.dialogue.has_answer)
    [ids], [offsets] = template.encode([text])
    trained = [label != IGNORED for label in example.labels]
    problems = _shift_problems(example)
    if ids != list(example.input_ids):
        problems.append(Problem(NOT_ROUND_TRIP, _first_difference(ids, example.input_ids, template)))
        emptied = example.dialogue.has_answer and not any(trained)
        return problems + ([Problem(EMPTIED, "the answer was cut off")] if emptied else [])
    words = locate(text, example.messages, template.end_of_turn())
    if words is None:
        return [*problems, Problem(LOST, "the template changed a message")]
    if not example.dialogue.has_answer:
        return problems + ([Problem(OUTSIDE, "there is no answer to train")] if any(trained) else [])
    return problems + _mask_problems(example, template, text, offsets, words, loss_on)


def _shift_problems(example: Example) -> list[Problem]:
    pairs = zip(example.input_ids, example.labels, strict=False)
    wrong = sum(label not in (IGNORED, token) for token, label in pairs)
    return [Problem(SHIFTED, f"{wrong} label(s) differ from their token")] if wrong else []


def _first_difference(ids: Sequence[int], given: Sequence[int], template: Template) -> str:
    place = next((i for i, (a, b) in enumerate(zip(ids, given, strict=False)) if a != b), min(len(ids), len(given)))
    meant, found = (template.tokenizer.decode(list(x[place : place + 3])) for x in (ids, given))
    return f"{len(given)} tokens instead of {len(ids)}; token {place} is {found!r} instead of {meant!r}"


def locate(text: str, messages: list[Message], end: str) -> list[Words] | None:
    """Each message's words in the rendered text, in order; None if some are not there.

    An answer as short as "i" also occurs inside the assistant's header, so answers are looked for with the
    end-of-turn mark behind them.
    """
    found, position = [], 0
    for message in messages:
        content = str(message["content"]).strip()
        behind = re.escape(end) if message["role"] == "assistant" else ""
        match = re.compile(re.escape(content) + r"\s*" + behind).search(text, position)
        start = match.start() if match else text.find(content, position)
        if start < 0:
            return None
        position = start + len(content)
        found.append(Words(message["role"], start, position))
    return found


def _mask_problems(
    example: Example,
    template: Template,
    text: str,
    offsets: list[tuple[int, int]],
    words: list[Words],
    loss_on: LossOn,
) -> list[Problem]:
    trained = [offset for offset, label in zip(offsets, example.labels, strict=True) if label != IGNORED]
    if not trained:
        return [Problem(NOTHING_TRAINED, "the loss of this example is empty")]
    end = template.end_of_turn()
    if not end:
        return [Problem(NO_END, "nothing follows the assistant's words")]
    targets = _targets(words, example.messages, loss_on)
    problems = [p for target in targets for p in _target_problems(target, trained, text, offsets, end)]
    problems += _outside_problems(trained, targets, words, text, end)
    problems += _think_problems(trained, text)
    return problems + _prompt_problems(example, offsets, words[-1], text)


def _targets(words: list[Words], messages: list[Message], loss_on: LossOn) -> list[Words]:
    answers = [(w, m) for w, m in zip(words, messages, strict=True) if w.role == "assistant"]
    if loss_on == "last_assistant_turn":
        return [answers[-1][0]]
    if loss_on == "message_weight":
        return [w for w, m in answers if float(m.get("weight", 1.0)) > 0]
    return [w for w, _ in answers]


def _target_problems(
    target: Words, trained: list[tuple[int, int]], text: str, offsets: list[tuple[int, int]], end: str
) -> list[Problem]:
    inside = [(a, b) for a, b in offsets if a < target.end and b > target.start]
    missing = [span for span in inside if span not in trained]
    problems = []
    if missing:
        problems.append(Problem(PARTLY, f"not trained: {text[missing[0][0] : missing[-1][1]]!r}"))
    stop = text.find(end, target.end)
    if not any(a <= stop < b for a, b in trained):
        problems.append(Problem(END_NOT_TRAINED, f"{end!r} behind {text[target.start : target.end][-20:]!r}"))
    return problems


def _outside_problems(
    trained: list[tuple[int, int]], targets: list[Words], words: list[Words], text: str, end: str
) -> list[Problem]:
    allowed = [(t.start, text.find(end, t.end) + len(end)) for t in targets]
    # Space around the words belongs to no one: some tokenizers glue it to the first or the last token.
    outside = [(a, b) for a, b in trained if text[a:b].strip() and not any(s <= b - 1 and a < e for s, e in allowed)]
    if not outside:
        return []
    others = [w for w in words if w.role == "assistant" and w not in targets]
    kind = BLEED if any(w.start <= a < w.end for a, _ in outside for w in others) else OUTSIDE
    return [Problem(kind, f"{len(outside)} token(s), first {text[outside[0][0] : outside[0][1]]!r}")]


def _think_problems(trained: list[tuple[int, int]], text: str) -> list[Problem]:
    starts = {a for a, _ in trained}
    found = [m for m in _THINK.finditer(text) if any(m.start() <= a < m.end() for a in starts)]
    return [Problem(EMPTY_THINK, repr(found[0][0]))] if found else []


def _prompt_problems(example: Example, offsets: list[tuple[int, int]], answer: Words, text: str) -> list[Problem]:
    last = offsets[example.prompt_length - 1][1] if 0 < example.prompt_length <= len(offsets) else -1
    if 0 <= last <= answer.start and not text[last : answer.start].strip():
        return []
    return [Problem(PROMPT_LENGTH, f"prompt_length is {example.prompt_length} of {len(offsets)} tokens")]


class Verdict(NamedTuple):
    """What the gate saw: examples judged, examples with an answer, and how often each problem occurred."""

    n: int
    n_answers: int
    counts: dict[str, int]


def require_sound_masks(examples: Iterable[Example], template: Template, *, loss_on: LossOn) -> Verdict:
    """The gate: judge every example and refuse all of them if one is wrong.

    Raises:
        UserError: at least one problem, with counts, the first example of each kind and its remedy.
    """
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    judged = answers = 0
    for example in examples:
        judged += 1
        answers += example.dialogue.has_answer
        for problem in find_problems(example, template, loss_on=loss_on):
            counts[problem.kind] += 1
            first.setdefault(problem.kind, f"{example.dialogue.conversation_id}: {problem.detail}")
    if counts:
        lines = [f"- {k} ({n:,} example(s)); {first[k]}. Remedy: {_REMEDIES[k]}." for k, n in counts.most_common()]
        raise UserError("\n".join([f"Mask x-ray: {judged:,} examples judged, training is refused.", *lines]))
    return Verdict(judged, answers, dict(counts))


def xray_page(examples: Sequence[Example], template: Template) -> str:
    """A self-contained HTML page: each example's text, trained tokens coloured by weight, special marks visible."""
    rows = "".join(f"<h3>{_heading(e)}</h3><p>{''.join(_tokens(e, template))}</p>" for e in examples)
    style = (
        "body{font:14px/1.7 system-ui,sans-serif;margin:1em}p{white-space:pre-wrap;border-left:3px solid #ccc;"
        "padding-left:1em}mark{background:#bfe3c0;border-radius:2px}b{background:#ffd58a;font-weight:600}"
        "h3{font-size:13px;color:#555;margin-bottom:0}"
    )
    legend = "<p><mark>trained</mark> <b>last prompt token, read by the heads</b> everything else is only read</p>"
    return f"<!doctype html><meta charset='utf-8'><style>{style}</style>{legend}{rows}"


def _heading(example: Example) -> str:
    trained = sum(label != IGNORED for label in example.labels)
    cut = f", {example.cut_turns} old turns cut" if example.cut_turns else ""
    return html.escape(f"{example.dialogue.conversation_id}: {trained} of {len(example.labels)} tokens trained{cut}")


def _tokens(example: Example, template: Template) -> Iterator[str]:
    for i, (token, label) in enumerate(zip(example.input_ids, example.labels, strict=True)):
        text = html.escape(template.tokenizer.decode([token]))
        if label != IGNORED:
            yield f'<mark title="weight {example.weights[i]:g}">{text}</mark>'
        elif i == example.prompt_length - 1:
            yield f"<b>{text.replace(chr(10), '⏎') or '·'}</b>"
        else:
            yield text
