"""A stand-in for a chat model: fixed sentences around words of the conversation. Offline, instant, deterministic.

It exists so that every stage that talks to a model runs anywhere in seconds. It understands nothing: reports name it
"template chat (no model, ...)", and no figure got with it says anything about models.
"""

import hashlib
import re

from shared.llm._chat import Message, Reply, Request, estimated_tokens

TEMPLATE = "template"
_PATTERNS = 2  # goes up when answers change: cached ones go by name
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]{3,}")
_MARKUP = re.compile(r"<[^<>]*>|\[\w+\]")  # tags and speakers that prompts put around a conversation
_COMMON_WORDS = (
    "about after again also answer been before being better could does doing each from have help here into just know "
    "like made make more most much need only other please really should some such tell than that their them then there "
    "these they this those very want was what when where which while will with would your you're"
)
_COMMON = frozenset(_COMMON_WORDS.split())
_OPENINGS = ("To answer your question about {topic}:", "On {topic}:", "Here is what matters for {topic}:")
_BODIES = (
    "start with {first}, then look at {second}.",
    "{first} comes first; {second} follows from it.",
    "the short answer depends on {first} and on {second}.",
)
_CLOSINGS = ("Tell me if a detail is missing.", "I can go into more detail.", "That should settle it.")


class TemplateChat:
    """Answers with a sentence pattern filled with the longest words of the last user messages.

    Args:
        seed: another seed chooses other patterns.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self.name = f"template chat (no model, patterns {_PATTERNS}), seed {seed}"
        self._seed = seed

    def complete(self, asked: Request) -> Reply:
        """The pattern is chosen by the digest of the messages, so equal questions get equal answers."""
        messages = asked.as_messages()
        text = _filled(_choice(messages, self._seed + asked.repeat), _topics(messages))
        return Reply(text, "stop", estimated_tokens(asked), -(-len(text) // 4), self.name)


def _choice(messages: list[Message], seed: int) -> int:
    content = f"{seed}|" + "|".join(f"{m['role']}:{m['content']}" for m in messages)
    return int.from_bytes(hashlib.sha256(content.encode()).digest()[:4], "big")


def _topics(messages: list[Message]) -> list[str]:
    """Three words: the longest of the user's messages, the newest message first."""
    newest_first = [_MARKUP.sub(" ", m["content"]) for m in reversed(messages) if m["role"] == "user"]
    words = [w.lower() for text in newest_first for w in sorted(_WORD.findall(text), key=len, reverse=True)]
    chosen = list(dict.fromkeys(word for word in words if word not in _COMMON))[:3]
    return chosen + ["the question", "the context", "the details"][len(chosen) :]


def _filled(choice: int, topics: list[str]) -> str:
    patterns = [_OPENINGS[choice % 3], _BODIES[choice // 3 % 3], _CLOSINGS[choice // 9 % 3]]
    return " ".join(patterns).format(topic=topics[0], first=topics[1], second=topics[2])
