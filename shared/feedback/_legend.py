"""What the codes of a file mean: a legend is required and checked, because published code once was off by one."""

from collections.abc import Mapping
from typing import NamedTuple

from shared.runs import UserError

# Don-Yehiya et al. 2024, "Naturally Occurring Feedback is Common, Extractable and Useful", table 1.
MEANINGS = {
    "UR1": "repeat or rephrase",
    "UR2": "make aware with correction",
    "UR3": "make aware without correction",
    "UR4": "ask for clarification",
    "UR5": "positive",
}
NEGATIVE = ("UR2", "UR3")
POSITIVE = ("UR5",)


class Legend(NamedTuple):
    """From the codes of a file to ours.

    Attributes:
        codes: our code ("UR1" to "UR5") by the file's code.
        shifted: file codes whose meaning is not that of our code of the same name.
    """

    codes: dict[str, str]
    shifted: list[str]


def read_legend(stated: Mapping[str, str]) -> Legend:
    """Check a legend and turn it into a translation; a shifted file is translated by meaning, never by number.

    Args:
        stated: meaning by code, such as {"UR1": "repeat or rephrase", ...}; all five meanings, each once, in the words
            of `MEANINGS` (case does not matter). Codes may have any names.

    Raises:
        UserError: there is no legend, a meaning is unknown, missing or given twice.
    """
    wanted = "; ".join(f"{code}: {meaning}" for code, meaning in MEANINGS.items())
    if not stated:
        raise UserError(
            "The feedback categories have no legend. The same codes were off by one in published code until August "
            f"2024, so their meaning is never assumed. Add `legend` to the file or the study, such as {{{wanted}}}."
        )
    ours = {meaning: code for code, meaning in MEANINGS.items()}
    unknown = {code: meaning for code, meaning in stated.items() if meaning.strip().lower() not in ours}
    if unknown:
        raise UserError(f"The legend has meanings that the taxonomy does not know: {unknown}. Known: {wanted}.")
    # By meaning and never by number: in a shifted file UR3 is our UR2, and both files look equally plausible.
    codes = {code: ours[meaning.strip().lower()] for code, meaning in stated.items()}
    if sorted(codes.values()) != sorted(MEANINGS):
        missing = [MEANINGS[code] for code in MEANINGS if code not in codes.values()]
        raise UserError(f"The legend must give all five meanings. Found: {dict(stated)}. Missing: {missing}.")
    return Legend(codes, [code for code, own in codes.items() if code in MEANINGS and code != own])
