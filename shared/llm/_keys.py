"""Keys come from the environment by name, and go nowhere but into a request's header."""

import os
import re

from shared.runs import UserError

_VARIABLE = re.compile(r"^[A-Z_][A-Z0-9_]*$")


def key_from(variable: str) -> str:
    """The key held by an environment variable; "" if no variable is named.

    Raises:
        UserError: the text is not the name of a variable (a key pasted by mistake is not echoed), or it is not set.
    """
    if not variable:
        return ""
    if not _VARIABLE.match(variable):
        raise UserError(
            "`api_key_env` must be the name of an environment variable such as OPENAI_API_KEY (capitals, digits, "
            "underscores). What was given is not; if it is the key itself, take it out of the study at once."
        )
    if not os.environ.get(variable):
        raise UserError(f"The environment variable {variable} is not set. `export {variable}=...` and start again.")
    return os.environ[variable]
