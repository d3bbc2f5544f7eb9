"""The shape of a codebook and how it is trained."""

from dataclasses import dataclass

from shared.runs import UserError


@dataclass(frozen=True)
class CodebookSettings:
    """Everything that decides a codebook besides the data and the seed.

    Attributes:
        codes: size of the codebook.
        code_dim: numbers in the encoder's summary of a turn, the space in which codes are compared.
        hidden: width of the hidden layer of encoder and decoder.
        context: previous turns that encoder and decoder see; 0 = a turn by itself.
        context_weight: weight of the previous turn against the turn itself; squared for the one before, and so on.
        fsq_levels: levels of a finite scalar quantiser; empty = a learned codebook of `codes` vectors.
        ema_decay: how slowly code vectors follow their members, in (0, 1).
        commitment: weight of the loss that keeps summaries near their code.
        dead_below: a code with fewer members a batch (moving average) is put on a random turn of the batch; 0 = never.
        epochs: passes over the train turns.
        batch_size: turns a step.
        learning_rate: peak of a cosine schedule.
    """

    codes: int = 64
    code_dim: int = 64
    hidden: int = 256
    context: int = 0
    context_weight: float = 0.5
    fsq_levels: tuple[int, ...] = ()
    ema_decay: float = 0.9
    commitment: float = 0.25
    dead_below: float = 1.0
    epochs: int = 20
    batch_size: int = 512
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        if self.codes < 2:
            raise UserError(f"codes must be at least 2, got {self.codes}. One code says nothing about a turn.")
        if not 0 < self.ema_decay < 1:
            raise UserError(f"ema_decay must be in (0, 1), got {self.ema_decay}. Usual values: 0.8 to 0.99.")
        if self.context < 0:
            raise UserError(f"context must be at least 0 (previous turns that are seen), got {self.context}.")
