"""Requests, replies and what every backend promises."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Protocol

Message = dict[str, str]


@dataclass(frozen=True)
class Request:
    """One question to a chat model. Everything in it counts for the cache key.

    Attributes:
        messages: (role, content) pairs in order; roles are system, user, assistant.
        temperature: 0 = most probable answer.
        max_tokens: limit of the answer.
        seed: seed of sampling, where the backend honours one.
        repeat: number that tells intended repeats of the same question apart (0, 1, ...).
    """

    messages: tuple[tuple[str, str], ...]
    temperature: float = 0.0
    max_tokens: int = 512
    seed: int = 0
    repeat: int = 0

    def as_messages(self) -> list[Message]:
        """The messages in the layout of chat APIs."""
        return [{"role": role, "content": content} for role, content in self.messages]


def request(
    messages: Sequence[Mapping[str, str]],
    *,
    temperature: float = 0.0,
    max_tokens: int = 512,
    seed: int = 0,
    repeat: int = 0,
) -> Request:
    """A `Request` from messages in the usual layout `{"role": ..., "content": ...}`."""
    pairs = tuple((message["role"], message["content"]) for message in messages)
    return Request(pairs, temperature, max_tokens, seed, repeat)


class Reply(NamedTuple):
    """What a backend answered.

    Attributes:
        text: the answer as it came.
        finish: "stop", or "length" if it was cut at `max_tokens`; other reasons as the server names them.
        prompt_tokens: tokens read, as counted by the server.
        completion_tokens: tokens written, as counted by the server.
        model: the model's name as the server gives it.
    """

    text: str
    finish: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    model: str = ""


class Transient(Exception):
    """A failure that may pass (429, 5xx, time-out, broken answer).

    Attributes:
        retry_after: seconds that the server asked to wait; None if it did not say.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(Exception):
    """The server will not answer this request, however often it is asked (prompt too long, content filter)."""


class ChatBackend(Protocol):
    """Anything that answers requests: `name` says which model where, `complete` may be called from several threads.

    `complete` raises `Transient` (asked again), `Refused` (this request is unscored) or `UserError` (nothing works:
    wrong key, unknown model; the whole batch stops).
    """

    @property
    def name(self) -> str:
        """Model and place; part of the cache key and of every report. It never holds a key."""

    def complete(self, asked: Request) -> Reply:
        """Answer one request."""


class FunctionChat:
    """A backend that is a Python function of the messages: rules, recorded answers, tests.

    Args:
        function: takes the messages, gives the answer's text.
        name: how reports call it; change it when the function changes, for cached answers go by name.
    """

    def __init__(self, function: Callable[[list[Message]], str], name: str) -> None:
        self._function = function
        self.name = name

    def complete(self, asked: Request) -> Reply:
        """The function's answer; tokens are estimated at four characters each."""
        text = self._function(asked.as_messages())
        return Reply(text, "stop", estimated_tokens(asked), -(-len(text) // 4), self.name)


def estimated_tokens(asked: Request) -> int:
    """Tokens of a prompt by rule of thumb: four characters each and four more a message."""
    return sum(-(-len(content) // 4) + 4 for _, content in asked.messages)


def cache_key(backend: str, asked: Request) -> str:
    """Digest of everything that an answer depends on."""
    content: dict[str, Any] = {"backend": backend, **asdict(asked)}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
