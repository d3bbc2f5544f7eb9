"""Preference pairs and unpaired judgements from the layouts people have, and what makes them useless."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from shared.runs import UserError

Message = dict[str, str]


@dataclass(frozen=True)
class Pair:
    """Two answers to one prompt, the first of which was preferred.

    Attributes:
        prompt: the chat that is answered, ending with the user.
        chosen: the preferred answer.
        rejected: the other one.
        split: "train" or "test" where the file says so, else "".
    """

    prompt: tuple[tuple[str, str], ...]
    chosen: str
    rejected: str
    split: str = ""

    @property
    def messages(self) -> list[Message]:
        """The prompt as chat messages."""
        return [{"role": role, "content": content} for role, content in self.prompt]


@dataclass(frozen=True)
class Judged:
    """One answer with a thumb up or down."""

    prompt: tuple[tuple[str, str], ...]
    answer: str
    liked: bool

    @property
    def messages(self) -> list[Message]:
        """The prompt as chat messages."""
        return [{"role": role, "content": content} for role, content in self.prompt]


def read_pairs(path: Path) -> list[Pair]:
    """Pairs of a JSONL file in a usual layout.

    Args:
        path: rows with `prompt`, `chosen`, `rejected` (texts or messages); with `chosen` and `rejected` as whole chats;
            or with `input`, `preferred_output`, `non_preferred_output`.

    Raises:
        UserError: a line is none of these.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    return [pair_of(_json(line, path, i), f"{path.name}, line {i}") for i, line in enumerate(lines, 1) if line.strip()]


def _json(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        return dict(json.loads(line))
    except (json.JSONDecodeError, TypeError, ValueError) as error:
        raise UserError(f"{path.name}, line {number} is not a JSON object: {error}.") from None


def pairs_of_table(table: pd.DataFrame) -> list[Pair]:
    """Pairs of a table `preference_pairs`: prompt (messages as JSON), chosen, rejected.

    Raises:
        UserError: a column is missing or a row is not a pair.
    """
    missing = [name for name in ("prompt", "chosen", "rejected") if name not in table]
    if missing:
        raise UserError(f"The table preference_pairs lacks {', '.join(missing)}. Found: {', '.join(table.columns)}.")
    return [pair_of(row, f"preference_pairs, row {i}") for i, row in enumerate(table.to_dict("records"), start=1)]


def pairs_of_verdicts(table: pd.DataFrame) -> list[Pair]:
    """Pairs from a judge's verdicts: prompt, answer_a, answer_b and winner ("a", "b"; ties and unscored are left out).

    Raises:
        UserError: a column is missing.
    """
    missing = [name for name in ("prompt", "answer_a", "answer_b", "winner") if name not in table]
    if missing:
        raise UserError(f"Verdicts lack {', '.join(missing)}. Found: {', '.join(table.columns)}.")
    decided = table[table["winner"].isin(["a", "b"])]
    return [_pair_of_verdict(row, i) for i, row in enumerate(decided.to_dict("records"), start=1)]


def pairs_of_examples(table: pd.DataFrame, *, limit: int, seed: int) -> list[Pair]:
    """Pairs made from dialogues: the answer that was given, against one given in another conversation.

    The other answer has as nearly as possible the same number of words, longer as often as shorter, so length tells
    nothing: what is left is whether the answer belongs to this chat.

    Args:
        table: canonical examples with split, conversation_id and messages as JSON.
        limit: pairs of a split, training and test each; one a conversation where there are enough.
        seed: of the choice.

    Returns:
        Pairs with their split, "train" or "test". Conversations of both splits can begin with the same greeting; a
        test prompt that is also a training prompt makes no pair.

    Raises:
        UserError: fewer than two conversations of a split have an answer.
    """
    pairs: list[Pair] = []
    for split in ("train", "test"):
        rows = table[table["split"] == split].sample(frac=1, random_state=seed)
        chats = [(str(c), _messages(m)) for c, m in zip(rows["conversation_id"], rows["messages"], strict=True)]
        taught = {_number(pair.prompt, seed) for pair in pairs}
        answered = [
            (c, chat)
            for c, chat in chats
            if [role for role, _ in chat[-2:]] == ["user", "assistant"] and _number(chat[:-1], seed) not in taught
        ]
        if len({c for c, _ in answered}) < 2:
            raise UserError(f"The split '{split}' has no two conversations with an answer to make pairs of.")
        pairs += _against_others(_spread(answered, limit), split, seed)
    return pairs


Chat = tuple[str, tuple[tuple[str, str], ...]]


def _spread(chats: Sequence[Chat], limit: int) -> list[Chat]:
    """At most `limit` chats, each conversation's first before any conversation's second."""
    rank = pd.Series([conversation for conversation, _ in chats]).groupby([c for c, _ in chats]).cumcount()
    return [chats[i] for i in np.argsort(rank.to_numpy(), kind="stable")[:limit]]


def _against_others(chats: Sequence[Chat], split: str, seed: int) -> list[Pair]:
    generator = np.random.default_rng(seed)
    words = np.array([len(chat[-1][1].split()) for _, chat in chats])
    order = np.lexsort((generator.random(len(chats)), words))
    place = np.argsort(order)
    pairs = []
    for i, (conversation, chat) in enumerate(chats):
        # The nearest in length lie around it in the order; which side is tried first is drawn.
        side = 1 if generator.random() < 0.5 else -1
        steps = [sign * d for d in range(1, len(chats)) for sign in (side, -side)]
        near = (order[place[i] + s] for s in steps if 0 <= place[i] + s < len(chats))
        other = next((chats[j][1][-1][1] for j in near if _is_other(chats[j], conversation, chat)), None)
        if other is not None:
            pairs.append(Pair(chat[:-1], chat[-1][1], other, split))
    return pairs


def _is_other(candidate: Chat, conversation: str, chat: tuple[tuple[str, str], ...]) -> bool:
    return candidate[0] != conversation and candidate[1][-1][1] != chat[-1][1]


def _pair_of_verdict(row: Mapping[Any, Any], number: int) -> Pair:
    better, worse = ("answer_a", "answer_b") if row["winner"] == "a" else ("answer_b", "answer_a")
    return pair_of({"prompt": row["prompt"], "chosen": row[better], "rejected": row[worse]}, f"verdict {number}")


def pair_of(row: Mapping[Any, Any], where: str) -> Pair:
    """A pair from a row of any usual layout.

    Raises:
        UserError: the row is none of them; `where` is said.
    """
    if "preferred_output" in row and "input" in row:
        row = {
            "prompt": row["input"]["messages"],
            "chosen": row["preferred_output"],
            "rejected": row.get("non_preferred_output"),
            "split": row.get("split", ""),
        }
    if not row.get("chosen") or not row.get("rejected"):
        raise UserError(f"{where}: no pair. Expected prompt, chosen and rejected; found {', '.join(map(str, row))}.")
    prompt = _messages(row["prompt"]) if row.get("prompt") else _shared_start(row["chosen"], row["rejected"])
    if not prompt or prompt[-1][0] != "user":
        raise UserError(f"{where}: the prompt does not end with the user, so the answers answer nothing.")
    return Pair(prompt, _answer(row["chosen"]), _answer(row["rejected"]), str(row.get("split") or ""))


def _messages(value: Any) -> tuple[tuple[str, str], ...]:
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = json.loads(value)
    if isinstance(value, str):
        return (("user", value.strip()),)
    return tuple((str(m["role"]), str(m["content"]).strip()) for m in value)


def _answer(value: Any) -> str:
    return value.strip() if isinstance(value, str) else str(value[-1]["content"]).strip()


def _shared_start(chosen: Any, rejected: Any) -> tuple[tuple[str, str], ...]:
    """The prompt of two whole chats: the messages before their last, which must agree."""
    if isinstance(chosen, str) or isinstance(rejected, str):
        return ()
    first, second = _messages(chosen[:-1]), _messages(rejected[:-1])
    return first if first == second else ()


def read_judged(path: Path) -> list[Judged]:
    """Unpaired judgements of a JSONL file: `prompt`, `completion` and a boolean `label`.

    Raises:
        UserError: a line is not that.
    """
    rows = [_json(line, path, i) for i, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)]
    for number, row in enumerate(rows, start=1):
        if not isinstance(row.get("label"), bool) or not row.get("prompt") or not row.get("completion"):
            raise UserError(f"{path.name}, line {number}: expected prompt, completion and a label true or false.")
    return [Judged(_messages(r["prompt"]), _answer(r["completion"]), r["label"]) for r in rows]


def unpaired(pairs: Sequence[Pair]) -> list[Judged]:
    """Both answers of each pair as judgements, liked and disliked in turn."""
    return [Judged(p.prompt, a, liked) for p in pairs for a, liked in ((p.chosen, True), (p.rejected, False))]


def split_pairs(pairs: Sequence[Pair], *, test_share: float, seed: int) -> tuple[list[Pair], list[Pair]]:
    """Train and test pairs: as the file says, else by prompt, so that no prompt is in both.

    Args:
        pairs: all pairs.
        test_share: share of prompts in (0, 1).
        seed: changes which prompts are held out.
    """
    if any(pair.split for pair in pairs):
        return [p for p in pairs if p.split != "test"], [p for p in pairs if p.split == "test"]
    cut = int(test_share * 2**32)
    held_out = [_number(pair.prompt, seed) < cut for pair in pairs]
    return (
        [p for p, out in zip(pairs, held_out, strict=True) if not out],
        [p for p, out in zip(pairs, held_out, strict=True) if out],
    )


def _number(prompt: tuple[tuple[str, str], ...], seed: int) -> int:
    text = "\n".join(" ".join(content.lower().split()) for _, content in prompt)
    return int.from_bytes(hashlib.sha256(f"{seed}\n{text}".encode()).digest()[:4], "big")


@dataclass(frozen=True)
class PairReport:
    """What the pairs look like before anything is trained on them.

    Attributes:
        n: pairs.
        identical: pairs whose answers are the same; they teach nothing.
        longer_chosen: share of the others in which the chosen answer has more words; 0.5 is no lean.
        mean_chosen_words: of chosen answers.
        mean_rejected_words: of rejected answers.
        shared_prompts: test prompts that are also training prompts.
    """

    n: int
    identical: int
    longer_chosen: float
    mean_chosen_words: float
    mean_rejected_words: float
    shared_prompts: int


def check_pairs(train: Sequence[Pair], test: Sequence[Pair], *, max_length_lean: float) -> PairReport:
    """Refuse pairs that would teach something else than the preference.

    Args:
        train: training pairs.
        test: held-out pairs.
        max_length_lean: share in [0.5, 1]; if more than this of the chosen answers are the longer ones (or the
            shorter ones), length alone explains the preference.

    Returns:
        The figures, where nothing is wrong.

    Raises:
        UserError: too few pairs, only identical answers, a lean in length, or prompts in both splits.
    """
    report = _report(train, test)
    problems = []
    if not train or not test:
        problems.append(f"{len(train)} training and {len(test)} test pairs: both need some")
    if report.identical:
        problems.append(f"{report.identical} pair(s) have the same answer twice; remove them")
    lean = max(report.longer_chosen, 1 - report.longer_chosen)
    if lean > max_length_lean:
        side = "longer" if report.longer_chosen > 0.5 else "shorter"
        problems.append(
            f"the chosen answer is the {side} one in {lean:.0%} of the pairs (at most {max_length_lean:.0%} may be): "
            "the model would learn length. Add pairs of the other kind, or raise max_length_lean"
        )
    if report.shared_prompts:
        problems.append(f"{report.shared_prompts} test prompt(s) are also training prompts; split by prompt")
    if problems:
        raise UserError("Preference pairs: " + "; ".join(problems) + ".")
    return report


def _report(train: Sequence[Pair], test: Sequence[Pair]) -> PairReport:
    pairs = [*train, *test]
    words = np.array([[len(p.chosen.split()), len(p.rejected.split())] for p in pairs]).reshape(-1, 2)
    different = words[:, 0] != words[:, 1]
    longer = float((words[different, 0] > words[different, 1]).mean()) if different.any() else 0.5
    seen = {_number(p.prompt, 0) for p in train}
    chosen, rejected = words.mean(axis=0) if len(words) else (float("nan"), float("nan"))
    return PairReport(
        len(pairs),
        sum(p.chosen == p.rejected for p in pairs),
        longer,
        float(chosen),
        float(rejected),
        len({_number(p.prompt, 0) for p in test} & seen),
    )
