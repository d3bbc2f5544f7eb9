"""From the words of a study to a backend."""

from shared.llm._chat import ChatBackend
from shared.llm._local import LocalChat
from shared.llm._openai import OpenAIChat
from shared.llm._template import TEMPLATE, TemplateChat

PROVIDERS = {"openai": "https://api.openai.com/v1", "together": "https://api.together.ai/v1"}
_KEYS = {"openai": "OPENAI_API_KEY", "together": "TOGETHER_API_KEY"}


def open_chat(
    model: str, *, base_url: str = "", api_key_env: str = "", timeout: float = 120.0, seed: int = 0
) -> ChatBackend:
    """The backend that a study names.

    Args:
        model: "template" (no model, fixed sentences), "openai:<model>", "together:<model>", a server's model name
            together with `base_url`, or else a folder or hub id to load in this process.
        base_url: an OpenAI-compatible server with its path, such as `http://localhost:8000/v1`.
        api_key_env: name of the environment variable with the key; by default OPENAI_API_KEY or TOGETHER_API_KEY for
            those two, none for other servers.
        timeout: seconds a request.
        seed: seed of the template backend.

    Raises:
        UserError: the key's variable is not set.
    """
    provider, _, rest = model.partition(":")
    if model == TEMPLATE:
        return TemplateChat(seed=seed)
    if provider in PROVIDERS and rest:
        key = api_key_env or _KEYS[provider]
        return OpenAIChat(rest, base_url or PROVIDERS[provider], api_key_env=key, timeout=timeout)
    if base_url:
        return OpenAIChat(model, base_url, api_key_env=api_key_env, timeout=timeout)
    return LocalChat(model)
