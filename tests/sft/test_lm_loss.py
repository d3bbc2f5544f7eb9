import torch
from torch.nn import functional

from shared.sft._lm_loss import supervised_loss


def inputs(rows: int = 2, tokens: int = 7, width: int = 8, vocabulary: int = 11) -> tuple:
    torch.manual_seed(0)
    hidden = torch.randn(rows, tokens, width, requires_grad=True)
    head = torch.nn.Linear(width, vocabulary, bias=False)
    labels = torch.randint(0, vocabulary, (rows, tokens))
    labels[:, :3] = -100
    return hidden, head, labels


def test_the_loss_is_that_of_full_logits_and_so_are_its_gradients() -> None:
    hidden, head, labels = inputs()
    ours = supervised_loss(hidden, head, labels, None)
    (ours_hidden, ours_head) = torch.autograd.grad(ours, [hidden, head.weight])
    logits = head(hidden)[:, :-1].reshape(-1, 11)  # the token at t predicts the label at t + 1
    full = functional.cross_entropy(logits, labels[:, 1:].reshape(-1), ignore_index=-100)
    (full_hidden, full_head) = torch.autograd.grad(full, [hidden, head.weight])
    torch.testing.assert_close(ours, full)
    torch.testing.assert_close(ours_hidden, full_hidden)
    torch.testing.assert_close(ours_head, full_head)


def test_a_batch_without_supervised_tokens_costs_nothing_and_is_not_nan() -> None:
    hidden, head, labels = inputs()
    loss = supervised_loss(hidden, head, torch.full_like(labels, -100), None)
    loss.backward()
    assert loss.item() == 0.0
    assert hidden.grad is not None and not hidden.grad.isnan().any()


def test_weights_are_a_weighted_mean() -> None:
    hidden, head, labels = inputs(rows=1)
    weights = torch.zeros_like(labels, dtype=torch.float32)
    weights[0, -1], weights[0, -2] = 1.0, 3.0
    losses = functional.cross_entropy(head(hidden)[0, :-1], labels[0, 1:], reduction="none", ignore_index=-100)
    # the last two labels weigh 1 and 3: (1 * l_last + 3 * l_before) / 4
    expected = (losses[-1] + 3 * losses[-2]) / 4
    torch.testing.assert_close(supervised_loss(hidden, head, labels, weights), expected)
