"""JSON from outside, from clients and engines: what is read can be written again, as JSON and as UTF-8."""

import json
import math
import re
from typing import Any

# Lists and objects within each other.
DEEPEST = 100
HALVES = re.compile("[\ud800-\udfff]")
REPLACEMENT = "\ufffd"


def read_foreign(text: str | bytes) -> Any:
    """Read a JSON document. Half a character becomes U+FFFD, a number that is none or has no end null.

    Raises ValueError for what is not JSON, or lies too deep."""
    try:
        value = json.loads(text, parse_float=finite, parse_constant=lambda _: None)
    except RecursionError:
        raise ValueError("it lies too deep") from None
    return whole(value)


def finite(number: str) -> float | None:
    value = float(number)
    return value if math.isfinite(value) else None


def whole(value: Any, deepest: int = DEEPEST) -> Any:
    """The value with whole characters. Raises ValueError if more lists and objects lie within each other."""
    if isinstance(value, str):
        return whole_text(value)
    if isinstance(value, list | dict):
        if not deepest:
            raise ValueError("it lies too deep")
        if isinstance(value, list):
            return [whole(one, deepest - 1) for one in value]
        return {whole_text(name): whole(one, deepest - 1) for name, one in value.items()}
    return value


def whole_text(text: str) -> str:
    """The text with U+FFFD in the place of each half of a character, which UTF-8 can't write."""
    return HALVES.sub(REPLACEMENT, text)
