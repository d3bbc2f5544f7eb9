"""Did a label get into an input? Canaries, label names in brackets, a linear probe, and near-duplicates."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from shared.runs import UserError
from shared.sources._canonical import Template
from shared.sources._readers import Dialogue, Reader
from shared.stats import Estimate, paired_difference

# What a reader may copy into an input. Everything else in a row is metadata and gets a canary.
_TEXT_KEYS = {"text", "content", "chat_history", "sys_response"}
_STRUCTURE_KEYS = {"speaker", "role", "labels", "id", "V", "A", "D", "split"}
_SHINGLE = 5  # words
_COMMON = 50  # a shingle in more documents than this says nothing


def plant_canaries(row: Mapping[str, Any], number: int) -> tuple[dict[str, Any], list[str]]:
    """A copy of a parsed row with a unique string in every metadata field, and those strings."""
    planted: list[str] = []

    def walk(value: Any, key: str) -> Any:
        if isinstance(value, Mapping):
            return {k: walk(v, str(k)) for k, v in value.items()}
        if isinstance(value, list):
            return [walk(item, key) for item in value]
        if key in _TEXT_KEYS or key in _STRUCTURE_KEYS or not isinstance(value, str):
            return value
        planted.append(f"canary{number}x{len(planted)}q")
        return planted[-1]

    return walk(dict(row), ""), planted


class CanaryCheck(NamedTuple):
    """Canaries planted, and those found in decoded inputs."""

    planted: int
    found: list[str]


def check_canaries(rows: Sequence[Mapping[str, Any]], reader: Reader, template: Template) -> CanaryCheck:
    """Plant canaries in rows' metadata, read and tokenise them, and look for the canaries in the decoded inputs.

    Args:
        rows: parsed rows (a JSON text is parsed first), a sample is enough.
        reader: the corpus's reader.
        template: writes the input and holds the tokenizer.
    """
    planted = [plant_canaries(row, number) for number, row in enumerate(rows)]
    dialogues = [d for d in reader([row for row, _ in planted], "train") if isinstance(d, Dialogue)]
    texts = [template.render(template.with_system(d.messages)) for d in dialogues]
    decoded = [template.tokenizer.decode(ids) for ids in template.encode(texts)[0]] if texts else []
    everything = "\n".join(decoded)
    canaries = [c for _, planted_here in planted for c in planted_here]
    return CanaryCheck(len(canaries), [c for c in canaries if c in everything])


def bracketed_labels(dialogues: Sequence[Dialogue], names: Sequence[str]) -> dict[str, int]:
    """How many inputs hold a label's name in brackets, as ESConv's own TSV files do in the history."""
    pattern = {name: f"[{name}]".lower() for name in names}
    texts = ["\n".join(str(m["content"]) for m in d.messages).lower() for d in dialogues]
    counts = {name: sum(mark in text for text in texts) for name, mark in pattern.items()}
    return {name: count for name, count in counts.items() if count}


class Probe(NamedTuple):
    """A linear probe for one dropped label.

    Attributes:
        label: the field.
        from_inputs: accuracy of a linear model on what the model will read.
        from_text: accuracy of the same model on the turns' words alone.
        excess: the first minus the second, interval over conversations; NaN if there is too little to fit.
        n: examples scored.
    """

    label: str
    from_inputs: float
    from_text: float
    excess: Estimate
    n: int


def probe_dropped_label(
    label: str,
    train: Sequence[Dialogue],
    held_out: Sequence[Dialogue],
    template: Template,
    *,
    max_rows: int = 3000,
    seed: int = 0,
) -> Probe:
    """Can a linear model read a dropped label from the inputs better than the turns' words explain?

    Args:
        label: key of `Dialogue.dropped`, or "strategy" for the answer's strategy.
        train: dialogues to fit on.
        held_out: other conversations to score on.
        template: what the inputs are rendered with; the answer to be learned is left out.
        max_rows: examples used of each, drawn at random.
        seed: of the draw.
    """
    fit, score = (_labelled(d, label, max_rows, seed) for d in (train, held_out))
    names = {_label(d, label) for d in fit}
    score = [d for d in score if _label(d, label) in names]
    if len(names) < 2 or not score:
        return Probe(label, np.nan, np.nan, Estimate(np.nan, paired_difference([], []).estimate.interval, 0, 0), 0)
    right = [_probe_right(fit, score, label, view) for view in (lambda d: _input_text(d, template), _words)]
    clusters = [d.conversation_id for d in score]
    excess = paired_difference(right[0], right[1], clusters, seed=seed).estimate
    return Probe(label, float(right[0].mean()), float(right[1].mean()), excess, len(score))


def _label(dialogue: Dialogue, label: str) -> str:
    return dialogue.strategy if label == "strategy" else dialogue.dropped.get(label, "")


def _labelled(dialogues: Sequence[Dialogue], label: str, max_rows: int, seed: int) -> list[Dialogue]:
    rows = [d for d in dialogues if _label(d, label)]
    chosen = np.random.default_rng(seed).permutation(len(rows))[:max_rows]
    return [rows[i] for i in sorted(chosen)]


def _input_text(dialogue: Dialogue, template: Template) -> str:
    known = dialogue.messages[:-1] if dialogue.has_answer else dialogue.messages
    [ids], _ = template.encode([template.render(template.with_system(known), prompt=True)])
    return str(template.tokenizer.decode(ids))


def _words(dialogue: Dialogue) -> str:
    known = dialogue.messages[:-1] if dialogue.has_answer else dialogue.messages
    return "\n".join(str(m["content"]) for m in known)


def _probe_right(fit: list[Dialogue], score: list[Dialogue], label: str, view: Any) -> np.ndarray:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    probe = make_pipeline(TfidfVectorizer(min_df=2, sublinear_tf=True), LogisticRegression(max_iter=300, C=10))
    probe.fit([view(d) for d in fit], [_label(d, label) for d in fit])
    return np.asarray(probe.predict([view(d) for d in score]) == [_label(d, label) for d in score], dtype=float)


def require_no_leak(
    canaries: CanaryCheck, brackets: Mapping[str, int], probes: Sequence[Probe], *, tolerance: float
) -> None:
    """Refuse inputs that hold labels.

    Args:
        canaries: see `check_canaries`.
        brackets: see `bracketed_labels`.
        probes: see `probe_dropped_label`.
        tolerance: accuracy that inputs may have over words before it counts, if the interval is above it too.

    Raises:
        UserError: what leaked, and how that was seen.
    """
    leaks = []
    if canaries.found:
        leaks.append(f"{len(canaries.found)} of {canaries.planted} metadata canaries are in inputs")
    if brackets:
        leaks.append(f"label names stand in brackets in inputs: {dict(brackets)}")
    leaks += [
        f"'{p.label}' can be read from inputs with {p.from_inputs:.3f} accuracy, from the words alone with "
        f"{p.from_text:.3f} (excess {p.excess.value:+.3f}, from {p.excess.interval.low:+.3f})"
        for p in probes
        if p.excess.interval.low > tolerance
    ]
    if leaks:
        raise UserError(
            f"Leakage: {'; '.join(leaks)}. Inputs may hold turn texts and roles only: let the reader drop the field."
        )


def near_duplicates(train: Mapping[str, str], held_out: Mapping[str, str], *, threshold: float = 0.8) -> pd.DataFrame:
    """Held-out texts that are almost in the training split.

    Args:
        train: id to text.
        held_out: id to text.
        threshold: Jaccard similarity of word 5-grams in (0, 1] from which a pair counts. Texts shorter than five
            words are compared as a whole.

    Returns:
        Columns held_out_id, train_id, similarity; the closest training text of each duplicate, most similar first.
    """
    index: dict[int, list[str]] = defaultdict(list)
    shingles = {key: _shingles(text) for key, text in train.items()}
    for key, marks in shingles.items():
        for mark in marks:
            index[mark].append(key)
    pairs = [_closest(key, _shingles(text), shingles, index) for key, text in held_out.items()]
    rows = [pair for pair in pairs if pair is not None and pair[2] >= threshold]
    frame = pd.DataFrame(rows, columns=["held_out_id", "train_id", "similarity"])
    return frame.sort_values("similarity", ascending=False, kind="stable", ignore_index=True)


def _shingles(text: str) -> set[int]:
    words = re.findall(r"\w+", text.lower())
    if len(words) < _SHINGLE:
        return {hash(" ".join(words))} if words else set()
    return {hash(" ".join(words[i : i + _SHINGLE])) for i in range(len(words) - _SHINGLE + 1)}


def _closest(
    key: str, marks: set[int], train: Mapping[str, set[int]], index: Mapping[int, list[str]]
) -> tuple[str, str, float] | None:
    shared_marks: dict[str, int] = defaultdict(int)
    for mark in marks:
        for other in index.get(mark, ())[:_COMMON]:
            shared_marks[other] += 1
    if not shared_marks:
        return None
    scored = [(count / len(marks | train[other]), other) for other, count in shared_marks.items()]
    similarity, other = max(scored)
    return key, other, similarity
