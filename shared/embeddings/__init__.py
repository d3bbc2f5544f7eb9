"""Stage 150: one vector a turn, its neighbours, and what the corpus looks like conversation by conversation."""

from shared.embeddings._conversations import conversation_lines, outcome_statistics
from shared.embeddings._embed import Embedded, embed_texts, lowest_cosine
from shared.embeddings._neighbours import nearest_texts, neighbour_speaker_agreement
from shared.embeddings._store import vector_lines, write_vectors

__all__ = [
    "Embedded",
    "conversation_lines",
    "embed_texts",
    "lowest_cosine",
    "nearest_texts",
    "neighbour_speaker_agreement",
    "outcome_statistics",
    "vector_lines",
    "write_vectors",
]
