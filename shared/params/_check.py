"""Checking given values against declared parameters: every problem at once, each with its remedy."""

import difflib
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from shared.params._read import Parameter

# A comment such as `# share of conversations, in (0, 1]` is the law, not only a hint.
_RANGE = re.compile(r"\bin ([\[(])\s*([-+\d.e]+|-inf)\s*,\s*([-+\d.e]+|inf)\s*([\])])")


def check_values(parameters: Mapping[str, Parameter], values: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong with `values`, a sentence each; an empty list if nothing is.

    Args:
        parameters: what the notebook declares, from `read_parameters`.
        values: given values by name; parameters that are not given keep their default.

    Returns:
        Problems in the order of `values`: unknown name (with a suggestion), wrong type, value outside
        the legal values or outside the range that the parameter's comment gives as `in [a, b]`.
    """
    problems: list[str] = []
    for name, value in values.items():
        if name not in parameters:
            problems.append(_unknown(name, parameters))
        else:
            problems += _type_problems(parameters[name], value) or _range_problems(parameters[name], value)
    return problems


def normalise(parameter: Parameter, value: Any) -> Any:
    """A value as YAML gives it, turned into what the annotation asks for where nothing is lost.

    YAML 1.1 reads `1e-4` as a string; a parameter annotated `float` means the number.
    """
    if isinstance(value, str) and not _accepts(parameter, value):
        return _number(value)
    return value


def coerce(parameter: Parameter, text: str) -> Any:
    """The value that a command-line `--set stage.name=text` means for this parameter.

    Args:
        parameter: its annotation decides between readings of the text.
        text: as typed; lists and mappings in YAML or JSON notation.

    Returns:
        The first reading that the annotation accepts (YAML, JSON, number, the text itself); if none does,
        the YAML reading, so that `check_values` can say what is wrong with it.
    """
    readings = [*_parsed(text), _number(text), text]
    return next((value for value in readings if _accepts(parameter, value)), readings[0])


def _parsed(text: str) -> Iterable[Any]:
    for load, error in ((yaml.safe_load, yaml.YAMLError), (json.loads, json.JSONDecodeError)):
        try:
            yield load(text)
        except error:
            continue


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _accepts(parameter: Parameter, value: Any) -> bool:
    return not _type_problems(parameter, value)


def _unknown(name: str, parameters: Mapping[str, Parameter]) -> str:
    close = difflib.get_close_matches(name, parameters, n=1)
    hint = f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(parameters)}."
    return f"'{name}' is not a parameter. {hint}"


def _type_problems(parameter: Parameter, value: Any) -> list[str]:
    try:
        TypeAdapter(parameter.type).validate_python(value, strict=True)
    except ValidationError:
        wanted = f"{parameter.annotation}" + (f" ({parameter.comment})" if parameter.comment else "")
        return [f"'{parameter.name}' is {value!r} ({type(value).__name__}), expected {wanted}."]
    return []


def _range_problems(parameter: Parameter, value: Any) -> list[str]:
    declared = _RANGE.search(parameter.comment)
    if declared is None:
        return []
    outside = [x for x in _numbers_in(value) if not _in_range(x, declared)]
    return [f"'{parameter.name}' holds {x!r}, expected a value {declared[0]} ({parameter.comment})." for x in outside]


def _numbers_in(value: Any) -> list[float]:
    items = value if isinstance(value, list) else [value]
    return [x for x in items if isinstance(x, (int, float)) and not isinstance(x, bool)]


def _in_range(x: float, declared: re.Match[str]) -> bool:
    low, high = float(declared[2]), float(declared[3])
    above = x >= low if declared[1] == "[" else x > low
    below = x <= high if declared[4] == "]" else x < high
    return above and below and not math.isnan(x)
