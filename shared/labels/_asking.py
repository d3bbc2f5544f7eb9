"""How an LLM is asked, and what is wanted of it: said once, used by every way of labelling that asks one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from shared.llm import Answers, ChatBackend, Ledger, Prices, Request, Sending, ask_all
from shared.runs import UserError


@dataclass(frozen=True)
class Asking:
    """A chat backend and the terms on which it is asked.

    Attributes:
        backend: any chat backend.
        sending: concurrency and retries; None: the defaults.
        cache: folder of the reply cache; None keeps nothing, and a killed run pays again.
        prices: US dollars for a million tokens; None: it costs nothing.
    """

    backend: ChatBackend
    sending: Sending | None = None
    cache: Path | None = None
    prices: Prices | None = None

    def all_of(self, requests: Sequence[Request], parse: Callable[[str], Any], what: str) -> Answers[Any]:
        """Every request answered and parsed, in order; `what` names them on the progress bar."""
        return ask_all(
            self.backend, requests, parse=parse, cache=self.cache, sending=self.sending, prices=self.prices, what=what
        )


@dataclass(frozen=True)
class Wanted:
    """Which messages are to be written.

    Attributes:
        definitions: what each label means, by label.
        counts: how many messages to write, by label.
        passages: texts that messages of a label should ask about, by label (`rag_query`: the knowledge base).
        seed: of sampling; the same seed asks the same questions and finds them in the cache.
    """

    definitions: Mapping[str, str]
    counts: Mapping[str, int]
    passages: Mapping[str, Sequence[str]] = field(default_factory=dict)
    seed: int = 0


class Generated(NamedTuple):
    """Rows of the labelled table, what they cost, and how many requests gave nothing usable."""

    rows: pd.DataFrame
    ledger: Ledger
    n_unscored: int


def check_ways(ways: Sequence[str], *, llm: str, messages: str, annotations: str) -> None:
    """Refuse a way of labelling that has nothing to work on, before anything is asked or computed.

    Args:
        ways: "synthetic", "llm", "human".
        llm: the chat model; "" = none.
        messages: where messages to label come from; "" = nowhere.
        annotations: the export with people's labels; "" = none.

    Raises:
        UserError: names the way and the parameter that it lacks.
    """
    needs = {
        "llm": {"llm": llm, "messages_csv or messages_query": messages},
        "human": {"label_studio_export or prodigy_export": annotations},
    }
    lacking = [(way, name) for way in ways for name, value in needs.get(way, {}).items() if not value]
    if not ways:
        raise UserError("`ways` is empty: nothing would be labelled. Choose from synthetic, llm, human.")
    if lacking:
        said = "; ".join(f"'{way}' needs {name}" for way, name in lacking)
        raise UserError(f"Labelling cannot start: {said}. Set the parameter, or take the way out of `ways`.")
