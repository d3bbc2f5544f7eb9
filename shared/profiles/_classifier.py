"""The profile classifier: a sequence classifier and what to do with its answers."""

import numpy as np
import torch
from torch import nn

from shared.profiles._aggregate import Aggregation, _check_aggregation, aggregate, usual_cut
from shared.runs import UserError
from shared.sequence import SequenceClassifier


class ProfileClassifier(nn.Module):
    """Classifies authors from all of their conversations.

    Args:
        sequence_classifier: trained on conversations with the label of their author.
        threshold: probability in (0, 1) from which a conversation votes, and, for mean and median, an author counts
            as positive.
        aggregation: `mean`, `median`, `mean_vote` (share of votes) or `total_vote` (number of votes).
        cut: score from which an author is positive; None: `usual_cut`, that is the threshold for mean and median,
            half of the conversations for mean_vote, one vote for total_vote.

    Raises:
        UserError: the aggregation is unknown, or the threshold is outside (0, 1).

    Source: Kuncheva 2004, "Combining Pattern Classifiers" (mean, median and votes of several answers).
    """

    def __init__(
        self,
        sequence_classifier: SequenceClassifier,
        threshold: float = 0.5,
        aggregation: Aggregation = "mean",
        *,
        cut: float | None = None,
    ) -> None:
        super().__init__()
        _check_aggregation(aggregation)
        if not 0 < threshold < 1:
            raise UserError(f"threshold must be in (0, 1); found {threshold}.")
        self.sequence_classifier = sequence_classifier
        self.threshold, self.aggregation = threshold, aggregation
        self.cut = usual_cut(aggregation, threshold) if cut is None else cut

    @torch.no_grad()
    def forward(
        self, features: torch.Tensor, lengths: torch.Tensor | None = None, authors: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Scores of authors.

        Args:
            features: shape (conversations, turns, input_size), padded.
            lengths: shape (conversations,), turns of each; None: no padding.
            authors: shape (conversations,), int; None: all conversations are of one author.

        Returns:
            Shape (authors,), in ascending order of `authors`; see `Profiles.scores`.
        """
        # Evaluation mode at every call: dropout left on would give an author another score each time.
        probabilities = torch.sigmoid(self.sequence_classifier.eval()(features, lengths)).cpu().numpy()
        names = np.zeros(len(probabilities), int) if authors is None else authors.cpu().numpy()
        profiles = aggregate(probabilities.astype(float), names, self.aggregation, threshold=self.threshold)
        return torch.from_numpy(profiles.scores)

    def predict(
        self, features: torch.Tensor, lengths: torch.Tensor | None = None, authors: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Verdicts, shape (authors,), bool: whether the score reaches the cut; arguments as in `forward`."""
        return self(features, lengths, authors) >= self.cut
