"""Stage 160: a codebook over turns (encoder, quantiser, decoder), its floors, and how far its codes can be trusted."""

from shared.vqvae._agreement import adjusted_mutual_information, grouped_jackknife, most_central, seed_agreement
from shared.vqvae._compare import fsq_levels, fsq_settings, kmeans_codes
from shared.vqvae._fit import Fitted, fit_codebook
from shared.vqvae._model import TurnCodebook
from shared.vqvae._saved import load_codebook, save_codebook
from shared.vqvae._settings import CodebookSettings
from shared.vqvae._usage import Usage, perplexity, usage
from shared.vqvae._windows import Windows, held_out_conversations, stack_vectors, windows

__all__ = [
    "CodebookSettings",
    "Fitted",
    "TurnCodebook",
    "Usage",
    "Windows",
    "adjusted_mutual_information",
    "fit_codebook",
    "fsq_levels",
    "fsq_settings",
    "grouped_jackknife",
    "held_out_conversations",
    "kmeans_codes",
    "load_codebook",
    "most_central",
    "perplexity",
    "save_codebook",
    "seed_agreement",
    "stack_vectors",
    "usage",
    "windows",
]
