"""Strict readings of an answer's text. What does not fit raises `Malformed`: the answer is unscored, never guessed."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

_FENCED = re.compile(r"^```(?:json)?\s*\n(.*)\n```$", re.DOTALL)


class Malformed(ValueError):
    """The answer is not what was asked for."""


def any_text(text: str) -> str:
    """The text without outer white space.

    Raises:
        Malformed: nothing is left.
    """
    if not text.strip():
        raise Malformed("the answer is empty")
    return text.strip()


def json_object(text: str) -> dict[str, Any]:
    """A JSON object that is the whole answer, bare or in one fenced block.

    Raises:
        Malformed: anything else, also JSON with words around it.
    """
    stripped = text.strip()
    fenced = _FENCED.match(stripped)
    try:
        value = json.loads(fenced[1] if fenced else stripped)
    except json.JSONDecodeError as error:
        raise Malformed(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise Malformed(f"JSON, but {type(value).__name__} instead of an object")
    return value


def one_of(choices: Sequence[str]) -> Callable[[str], str]:
    """A parser for answers that are exactly one of the choices; case and a closing full stop do not matter."""
    by_folded = {choice.casefold(): choice for choice in choices}

    def parse(text: str) -> str:
        folded = text.strip().removesuffix(".").strip("\"'").casefold()
        if folded not in by_folded:
            raise Malformed(f"'{text.strip()[:40]}' is none of {', '.join(choices)}")
        return by_folded[folded]

    return parse
