"""Sentence vectors of many texts: each distinct text once, batches of similar length, resumable shard by shard.

sentence-transformers computes them, so that every pooling of every published encoder is right; `shared.models.encode`
is the light path for callers that need a few vectors of the built-in encoder and not the six seconds of its import.
"""

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from shared.models import BUILTIN, autocast, device, resolve_model
from shared.runs import UserError, new_file, progress

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Precision = Literal["fast", "exact"]


class Embedded(NamedTuple):
    """Vectors of the distinct texts and where each text's vector is.

    Attributes:
        texts: the distinct texts, in order of first appearance.
        vectors: (distinct texts, dimensions), float32 or float16, length 1, no NaN.
        row: (texts,), the row of `texts` and `vectors` that belongs to each given text.
        cut: distinct texts longer than the encoder reads; what stands behind its limit has no part in the vector.
        computed: distinct texts computed now; the others were read from the shards of an earlier attempt.
    """

    texts: list[str]
    vectors: np.ndarray
    row: np.ndarray
    cut: int
    computed: int


def embed_texts(
    texts: Sequence[str],
    shards: Path,
    model: str = BUILTIN,
    *,
    batch_size: int = 64,
    shard_size: int = 4096,
    precision: Precision = "fast",
    stored: Literal["float16", "float32"] = "float32",
) -> Embedded:
    """One vector of length 1 for each text.

    Args:
        texts: any number, repeats welcome; an empty text has the vector of its special tokens.
        shards: an existing folder; finished shards are kept there and not computed again.
        model: "builtin", a local folder, or a hub id (see `shared.models.resolve_model`).
        batch_size: texts computed together.
        shard_size: distinct texts in a shard, the most that a kill can lose.
        precision: "fast" computes in bfloat16 where this machine is quick at it, pooled in float32; "exact" in float32.
        stored: number format of the vectors; float16 halves the space and keeps every cosine within 1e-3.

    Returns:
        Embedded.

    Raises:
        UserError: there is no text at all, or the model cannot be found.
    """
    if not len(texts):
        raise UserError("There are no turns to embed. Check that the stage before found any (`explore` counts them).")
    distinct = list(dict.fromkeys(texts))
    encoder = load_sentence_encoder(model)
    settings = f"{_fingerprint(resolve_model(model))} {precision} {stored}"
    # Sorted over the whole corpus, not within a shard: a shard then pads to about one length.
    order = np.argsort([-len(text) for text in distinct], kind="stable")
    vectors, computed = None, 0
    for start in progress(range(0, len(order), shard_size), "shards"):
        rows = order[start : start + shard_size]
        members = [distinct[i] for i in rows]
        path = shards / f"{_shard_name(members, settings)}.npy"
        if not path.exists():
            _save(path, encode_batch(encoder, members, batch_size, precision).astype(stored))
            computed += len(members)
        shard = np.load(path, allow_pickle=False)
        vectors = np.empty((len(distinct), shard.shape[1]), dtype=stored) if vectors is None else vectors
        vectors[rows] = shard
    assert vectors is not None  # there is at least one text, hence one shard
    place = {text: i for i, text in enumerate(distinct)}
    return Embedded(distinct, vectors, np.array([place[t] for t in texts]), _count_cut(encoder, distinct), computed)


def load_sentence_encoder(model: str) -> "SentenceTransformer":
    """The encoder with its own pooling, from safetensors, on this machine's device.

    Raises:
        UserError: the model cannot be found.
    """
    folder = resolve_model(model)  # first, so that a misspelt name is told before the slow import
    return _loaded(folder)


@lru_cache(maxsize=1)
def _loaded(folder: Path) -> "SentenceTransformer":
    from sentence_transformers import SentenceTransformer
    from transformers import logging

    logging.disable_progress_bar()
    return SentenceTransformer(str(folder), device=str(device()), model_kwargs={"use_safetensors": True})


def encode_batch(
    encoder: "SentenceTransformer", texts: Sequence[str], batch_size: int, precision: Precision
) -> np.ndarray:
    """Vectors of length 1, shape (texts, dimensions), float32; texts of similar length should stand together."""
    import torch

    with torch.inference_mode(), autocast(torch.float32 if precision == "exact" else None):
        vectors = encoder.encode(
            list(texts), batch_size=batch_size, show_progress_bar=False, convert_to_tensor=True
        ).float()
    return torch.nn.functional.normalize(vectors, dim=1).cpu().numpy()


def lowest_cosine(embedded: Embedded, model: str = BUILTIN, *, sample: int = 256, seed: int = 0) -> float:
    """How far speed and storage moved the vectors: the lowest cosine to exact float32 over a random sample of texts.

    Args:
        embedded: what `embed_texts` gave.
        model: the same model.
        sample: distinct texts computed again in float32.
        seed: which ones.

    Returns:
        A cosine in [-1, 1]; 1 = nothing lost.
    """
    rows = np.random.default_rng(seed).permutation(len(embedded.texts))[:sample]
    exact = encode_batch(load_sentence_encoder(model), [embedded.texts[i] for i in rows], 32, "exact")
    kept = embedded.vectors[rows].astype(np.float32)
    kept /= np.linalg.norm(kept, axis=1, keepdims=True)
    return float(np.einsum("nd,nd->n", exact, kept).min())


def _fingerprint(folder: Path) -> str:
    """A model by name, size and change time of its files: weights that were replaced make other shards."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return json.dumps([str(folder), facts])


def _shard_name(texts: list[str], settings: str) -> str:
    digest = hashlib.sha256(settings.encode())
    digest.update(json.dumps(texts).encode())
    return digest.hexdigest()[:24]


def _save(path: Path, vectors: np.ndarray) -> None:
    with new_file(path) as partial, partial.open("wb") as content:
        np.save(content, vectors, allow_pickle=False)


def _count_cut(encoder: "SentenceTransformer", texts: list[str]) -> int:
    limit = encoder.max_seq_length
    # A token is at least one character, so only long texts need to be counted in tokens.
    long = [text for text in texts if limit is not None and len(text) > limit - 2]
    return sum(len(ids) > limit for ids in encoder.tokenizer(long)["input_ids"]) if long and limit else 0
