"""Old turns are cut whole, from the front, and no more of them than the limit asks for."""

import numpy as np
import pytest

from shared.models import load_tokenizer
from shared.runs import project
from shared.sources import Dialogue, Example, Template, canonical_examples


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(load_tokenizer(str(project() / "data" / "models" / "chat")), system="Be kind.")


def chat(generator: np.random.Generator, turns: int) -> list[dict[str, str]]:
    """Turns of random length, some said twice by the same side, with words that occur more than once."""
    words = ["sad", "job", "why", "I", "feel", "user", "a"]
    roles = generator.choice(["user", "assistant"], turns)
    said = [" ".join(generator.choice(words, generator.integers(1, 12))) for _ in range(turns)]
    messages = [{"role": str(r), "content": t} for r, t in zip(roles, said, strict=True)]
    return [*messages, {"role": "user", "content": "so it is"}, {"role": "assistant", "content": "I see"}]


def longest_that_fits(template: Template, messages: list[dict[str, str]], limit: int) -> int:
    """Tried one by one: messages of the longest chat that begins with a user turn, or is whole, and fits."""
    begins = [0] + [i for i, m in enumerate(messages) if m["role"] == "user" and i > 0]
    for begin in begins:
        [tokens], _ = template.encode([template.render(template.with_system(messages[begin:]))])
        if len(tokens) <= limit:
            return len(messages) - begin
    return 0


@pytest.mark.parametrize("seed", range(12))
def test_the_longest_chat_that_fits_is_kept(template, seed):
    generator = np.random.default_rng(seed)
    messages = chat(generator, int(generator.integers(2, 16)))
    limit = int(generator.integers(40, 120))
    dialogue = Dialogue("toy", "train", "c", messages, has_answer=True)
    [made] = list(canonical_examples([dialogue], template, max_length=limit, loss_on="last_assistant_turn"))
    kept = longest_that_fits(template, messages, limit)
    assert isinstance(made, Example)
    assert len(made.messages) - 1 == kept
    assert made.cut_turns == len(messages) - kept
    assert len(made.input_ids) <= limit
