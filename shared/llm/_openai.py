"""Any server that speaks OpenAI's chat completions: OpenAI, Together, vLLM, `transformers serve`, and others."""

import json
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from shared.llm._chat import Refused, Reply, Request, Transient
from shared.llm._keys import key_from
from shared.runs import UserError

if TYPE_CHECKING:
    from openai import APIStatusError


class OpenAIChat:
    """A chat model behind an OpenAI-compatible server.

    Args:
        model: the server's name of the model.
        base_url: the server with its path, such as `http://localhost:8000/v1`.
        api_key_env: name of the environment variable that holds the key; "" for servers without one. The key is
            read here, used in the request header, and written nowhere.
        timeout: seconds until a request counts as failed and is tried again.

    Raises:
        UserError: the variable is not set, or what was given looks like a key itself.
    """

    def __init__(self, model: str, base_url: str, *, api_key_env: str = "", timeout: float = 120.0) -> None:
        from openai import OpenAI

        self.name = f"{model} at {base_url}"
        self._model = model
        self._limit = "max_completion_tokens" if "api.openai.com" in base_url else "max_tokens"
        # The retries are ours (`ask_all`), for the SDK's know neither the batch nor its ledger.
        self._client = OpenAI(
            api_key=key_from(api_key_env) or "none", base_url=base_url, timeout=timeout, max_retries=0
        )

    def complete(self, asked: Request) -> Reply:
        """One POST to /chat/completions."""
        import openai

        try:
            answer = self._client.chat.completions.create(**self._body(asked))
        except openai.APIStatusError as error:
            raise _meaning_of(error, self.name) from error
        except (openai.APIConnectionError, openai.APIResponseValidationError, json.JSONDecodeError) as error:
            raise Transient(f"{type(error).__name__}: {error}") from error
        return _reply(answer)

    def _body(self, asked: Request) -> dict[str, Any]:
        return {
            "model": self._model,
            "messages": asked.as_messages(),
            "temperature": asked.temperature,
            "seed": asked.seed,
            self._limit: asked.max_tokens,
        }


def _meaning_of(error: "APIStatusError", name: str) -> Exception:
    """A status as `Transient`, `Refused` or `UserError`."""
    status = error.status_code
    if status in (401, 403, 404) or error.code == "insufficient_quota":
        return UserError(
            f"{name} answered {status}: {error.message}. "
            "Check the model's name, `base_url`, the variable named by `api_key_env`, and the account's credit."
        )
    if status in (408, 409, 429) or status >= 500:
        return Transient(f"HTTP {status}", _retry_after(error))
    return Refused(f"HTTP {status}: {error.message}")


def _retry_after(error: "APIStatusError") -> float | None:
    """Seconds that the server asked to wait, from any of the three usual forms."""
    headers = error.response.headers
    milliseconds, after = headers.get("retry-after-ms"), headers.get("retry-after")
    try:
        if milliseconds is not None:
            return float(milliseconds) / 1000
        return None if after is None else float(after)
    except ValueError:
        return _seconds_until(str(after))


def _seconds_until(date: str) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except ValueError:
        return None


def _reply(answer: Any) -> Reply:
    """The first choice. A body that is JSON but no chat completion is a broken answer, which may pass."""
    try:
        choice = answer.choices[0]
        text = choice.message.content
    except (AttributeError, IndexError, TypeError) as error:
        raise Transient(f"the server's answer is not a chat completion: {error}") from error
    usage = answer.usage
    return Reply(
        text or "",
        choice.finish_reason or "stop",
        usage.prompt_tokens if usage else 0,
        usage.completion_tokens if usage else 0,
        answer.model or "",
    )
