"""Numbers as arguments of a command: argparse shows what is wrong with them."""

import math
from argparse import ArgumentTypeError
from collections.abc import Callable

LARGEST = 1_000_000_000


def whole_number(text: str, largest: int = LARGEST) -> int:
    """A number from 1 to `largest`."""
    if not text.isdecimal() or len(text) > 10 or not 1 <= int(text) <= largest:
        raise ArgumentTypeError(f"{text!r} is no whole number from 1 to {largest}")
    return int(text)


def number_from(smallest: float) -> Callable[[str], float]:
    """What reads a number that is not smaller, and finite."""

    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= smallest):
            raise ArgumentTypeError(f"{text!r} is no number from {smallest:g}")
        return value

    return number
