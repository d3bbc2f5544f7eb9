"""The classifier looked into: logits when tokens are hidden, attention maps, and gradients.

A hidden token is one that the encoder may not attend to and that the pooling leaves out; the others keep their
positions. So nothing is put in its place, and all variants of a conversation run in one batch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from shared.attention._tokens import SPECIAL, Tokens
from shared.models import TextClassifier, autocast, device


def masked_logits(
    classifier: TextClassifier,
    tokens: Tokens,
    seen: np.ndarray,
    *,
    pooled: np.ndarray | None = None,
    exact: bool = False,
    batch_size: int = 32,
) -> np.ndarray:
    """Logits of variants of one conversation that differ in the tokens that are hidden.

    Args:
        classifier: of kind "single".
        tokens: the conversation.
        seen: (variants, tokens) bool, what the encoder attends to.
        pooled: (variants, tokens) bool, what mean pooling reads; None: the same.
        exact: fp32; needed where differences are as small as one word makes them.
        batch_size: variants computed together.

    Returns:
        (variants, classes) float32.
    """
    pooled = seen if pooled is None else pooled
    ids = torch.tensor(tokens.ids, device=device())[None]
    parts = []
    with torch.inference_mode(), autocast(torch.float32 if exact else None):
        for start in range(0, len(seen), batch_size):
            part = slice(start, start + batch_size)
            rows = ids.expand(len(seen[part]), -1)
            logits = _logits(classifier, rows, *(_on_device(mask[part]) for mask in (seen, pooled)))
            parts.append(logits.cpu().numpy())
    return np.concatenate(parts)


def _on_device(mask: np.ndarray) -> torch.Tensor:
    return torch.tensor(mask, dtype=torch.long, device=device())


def _logits(classifier: TextClassifier, ids: torch.Tensor, seen: torch.Tensor, pooled: torch.Tensor) -> torch.Tensor:
    network = classifier.network
    states = network.encoder(input_ids=ids, attention_mask=seen).last_hidden_state.float()
    if network.pooling == "first":
        return network.head(states[:, 0]).float()
    weights = pooled.unsqueeze(-1).float()
    return network.head((states * weights).sum(1) / weights.sum(1)).float()


def log_odds(logits: np.ndarray, target: int) -> np.ndarray:
    """Logit of one class against all others together: log p / (1 - p).

    Args:
        logits: (variants, classes).
        target: column.

    Returns:
        (variants,) float64, any real number.
    """
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    others = np.delete(shifted, target, axis=1)
    return shifted[:, target] - np.log(np.exp(others).sum(1))


def sigmoid(values: np.ndarray) -> np.ndarray:
    """Log-odds as probabilities in (0, 1)."""
    return 1.0 / (1.0 + np.exp(-values))


def predicted_class(classifier: TextClassifier, tokens: Tokens) -> int:
    """Column of the likeliest class with nothing hidden."""
    return int(masked_logits(classifier, tokens, np.ones((1, len(tokens.ids)), bool))[0].argmax())


def attention_maps(classifier: TextClassifier, tokens: Tokens) -> np.ndarray:
    """What each token attends to, by layer and head.

    Returns:
        (layers, heads, tokens, tokens) float32; each row (a query) sums to 1.
    """
    ids = torch.tensor(tokens.ids, device=device())[None]
    encoder = classifier.network.encoder
    with torch.inference_mode(), _eager(encoder):
        found = encoder(input_ids=ids, attention_mask=torch.ones_like(ids), output_attentions=True).attentions
    return torch.cat(found).float().cpu().numpy()


@contextmanager
def _eager(encoder: Any) -> Iterator[None]:
    """Fused attention gives no weights (it returns an empty tuple), so switch to the plain one for a moment."""
    before = encoder.config._attn_implementation
    encoder.set_attn_implementation("eager")
    try:
        yield
    finally:
        encoder.set_attn_implementation(before)


def integrated_gradients(
    classifier: TextClassifier, tokens: Tokens, target: int, *, steps: int = 20, batch_size: int = 10
) -> tuple[np.ndarray, float]:
    """Integrated gradients of the class's log-odds along the way from padding to the words.

    Args:
        classifier: of kind "single".
        tokens: the conversation; the baseline keeps special tokens and has padding everywhere else.
        target: column of the class.
        steps: points on the way; more bring `gap` nearer to 0.
        batch_size: points computed together.

    Returns:
        (tokens,) attributions that add up to log-odds minus the baseline's, and the gap that is left of that sum.

    Source: Sundararajan et al. 2017, as in captum's `LayerIntegratedGradients` on the word embeddings.
    """
    from captum.attr import LayerIntegratedGradients

    method = LayerIntegratedGradients(_Target(classifier, target), _embeddings(classifier))
    ids = torch.tensor(tokens.ids, device=device())[None]
    padding = torch.full_like(ids, classifier.tokenizer.pad_token_id)
    baseline = torch.where(torch.tensor(tokens.kinds == SPECIAL, device=device())[None], ids, padding)
    found, gap = method.attribute(
        ids, baselines=baseline, n_steps=steps, internal_batch_size=batch_size, return_convergence_delta=True
    )
    return found.sum(-1)[0].detach().cpu().numpy(), float(gap[0])


def gradient_scores(
    classifier: TextClassifier, tokens: Tokens, target: int, seen: np.ndarray | None = None
) -> np.ndarray:
    """Gradient of the class's log-odds times the word embedding, (tokens,): first-order effect of a token.

    Args:
        classifier: of kind "single".
        tokens: the conversation.
        target: column of the class.
        seen: (tokens,) bool, tokens not hidden; None: all.
    """
    from captum.attr import LayerGradientXActivation

    method = LayerGradientXActivation(_Target(classifier, target), _embeddings(classifier))
    ids = torch.tensor(tokens.ids, device=device())[None]
    mask = _on_device(np.ones((1, len(tokens.ids)), bool) if seen is None else seen[None])
    found = method.attribute(ids, additional_forward_args=(mask,))
    return found.sum(-1)[0].detach().cpu().numpy()


def _embeddings(classifier: TextClassifier) -> torch.nn.Module:
    return classifier.network.encoder.get_input_embeddings()


class _Target(torch.nn.Module):
    """Log-odds of one class as a function of token ids, for captum."""

    def __init__(self, classifier: TextClassifier, target: int) -> None:
        super().__init__()
        self.network = classifier.network
        self.classifier = classifier
        self.target = target

    def forward(self, ids: torch.Tensor, seen: torch.Tensor | None = None) -> torch.Tensor:
        mask = torch.ones_like(ids) if seen is None else seen
        logits = _logits(self.classifier, ids, mask, mask)
        others = [i for i in range(logits.shape[1]) if i != self.target]
        return logits[:, self.target] - torch.logsumexp(logits[:, others], 1)
