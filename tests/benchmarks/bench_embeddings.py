"""Turn vectors beside a plain `SentenceTransformer.encode` call over the same turns, in one run.

Run: `python tests/benchmarks/bench_embeddings.py [turns]` (all turns of the sample by default). The peer is given its
strongest plain form: one call over the whole list, which sorts by length itself. Both encoders are loaded and warm.
Prints a line for people and one of JSON, `{name, ratio, target, ours, peer, unit}`.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from shared.data import read_corpus
from shared.embeddings import embed_texts
from shared.models import resolve_model
from shared.runs import project

_TARGET, _COSINE = 2.0, 0.999
_ROUNDS = 2  # the better of two each, taken in turn, so that a busy moment does not decide


def peer_vectors(texts: list[str]) -> tuple[np.ndarray, float]:
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(resolve_model("builtin")), device="cpu")
    encoder.encode(texts[:64])
    started = time.perf_counter()
    vectors = encoder.encode(texts, show_progress_bar=False, normalize_embeddings=True)
    return vectors, time.perf_counter() - started


def our_vectors(texts: list[str]) -> tuple[np.ndarray, float]:
    with tempfile.TemporaryDirectory() as folder:
        embed_texts(texts[:64], Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        embedded = embed_texts(texts, Path(folder))
        vectors = embedded.vectors[embedded.row]
        return vectors, time.perf_counter() - started


def main(turns: int = 0) -> None:
    corpus = read_corpus(project() / "data/sample/transcripts.csv", kind="transcripts")
    texts = corpus.turns["text"].astype(object).to_list()[: turns or None]
    ours, peer = [], []
    for _ in range(_ROUNDS):
        reference, seconds = peer_vectors(texts)
        peer.append(seconds)
        vectors, seconds = our_vectors(texts)
        ours.append(seconds)
    lowest = float((vectors * reference).sum(axis=1).min())
    assert lowest >= _COSINE, f"the lowest cosine to the peer's vectors is {lowest:.5f}, below {_COSINE}"
    line = {
        "name": "embeddings: turns a second beside SentenceTransformer.encode",
        "ratio": round(min(peer) / min(ours), 2),
        "target": _TARGET,
        "ours": round(len(texts) / min(ours)),
        "peer": round(len(texts) / min(peer)),
        "unit": "turns/s",
    }
    print(f"{len(texts):,} turns, {len(set(texts)):,} distinct; lowest cosine {lowest:.5f}")
    print(json.dumps(line))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
