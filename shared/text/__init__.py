"""What is done to text before anything reads it: cleaning, splitting into utterances, merging turns."""

from shared.text._turns import Stretch, clean, merge_consecutive_turns, split_utterances

__all__ = ["Stretch", "clean", "merge_consecutive_turns", "split_utterances"]
