"""Typed parameters: what a notebook's parameters cell declares, and whether given values obey it."""

from shared.params._check import check_values, coerce, normalise
from shared.params._read import Parameter, read_parameters
from shared.params._user_error import UserError

__all__ = ["Parameter", "UserError", "check_values", "coerce", "normalise", "read_parameters"]
