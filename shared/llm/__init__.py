"""Chat models behind one small interface, with a cache on disk, retries, a bill before and a ledger after.

    backend = open_chat("together:meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo")   # or "openai:...", "template",
    backend = open_chat("my-model", base_url="http://localhost:8000/v1")          # any compatible server, a folder
    asked = [request([{"role": "user", "content": text}], max_tokens=200) for text in texts]
    print(estimate_bill(backend, asked, prices=Prices(0.18, 0.18), cache=default_cache()).in_words())   # dry run
    got = ask_all(backend, asked, parse=json_object, cache=default_cache(), sending=Sending(concurrency=8))
    got.values        # in the order asked; None = unscored (malformed, refused or failed), counted in got.n_unscored
    got.answers[0]    # value, raw text, problem, truncated, cached
    got.ledger        # requests, cached, failed, malformed, tokens, dollars; .in_words()

- A backend has a `name` and `complete(request) -> Reply`; `FunctionChat(function, name)` makes one of a function.
- It raises `Transient` (tried again, Retry-After honoured), `Refused` (unscored) or `UserError` (the batch stops).
- A reply is cached as soon as it comes, atomically and by content of backend name and request: a killed batch goes on
  where it was, and nothing is paid twice. Equal requests are sent once; `repeat=1, 2, ...` asks again on purpose.
- A parser raises `Malformed`; the raw text is kept. `json_object`, `one_of(choices)` and `any_text` are ready-made.
- Keys are read from the environment variable named by `api_key_env` and never written.
"""

from shared.llm._ask import Answer, Answers, Sending, ask_all
from shared.llm._cache import ReplyCache, default_cache
from shared.llm._chat import ChatBackend, FunctionChat, Message, Refused, Reply, Request, Transient, request
from shared.llm._keys import key_from
from shared.llm._ledger import Bill, Ledger, Prices, estimate_bill
from shared.llm._local import LocalChat
from shared.llm._open import open_chat
from shared.llm._openai import OpenAIChat
from shared.llm._parse import Malformed, any_text, json_object, one_of
from shared.llm._template import TemplateChat

__all__ = [
    "Answer",
    "Answers",
    "Bill",
    "ChatBackend",
    "FunctionChat",
    "Ledger",
    "LocalChat",
    "Malformed",
    "Message",
    "OpenAIChat",
    "Prices",
    "Refused",
    "Reply",
    "ReplyCache",
    "Request",
    "Sending",
    "TemplateChat",
    "Transient",
    "any_text",
    "ask_all",
    "default_cache",
    "estimate_bill",
    "json_object",
    "key_from",
    "one_of",
    "open_chat",
    "request",
]
