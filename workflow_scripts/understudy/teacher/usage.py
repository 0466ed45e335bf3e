"""The tokens of a reply: what the server says, as far as it can be; otherwise the most that it can have been."""

import math
from typing import Any

from understudy.teacher.spending import BYTES_OF_A_TOKEN, NO_TOKENS, highest_usage

# No prompt has more tokens than bytes; a server may put a schema and words of its own before it.
TOKENS_OF_THE_SERVER_S_OWN = 20_000
# Some servers count reasoning beside the limit.
MOST_TIMES_THE_LIMIT = 16


def usage_of(options: dict) -> dict:
    """The most tokens that a request can take."""
    return highest_usage(options["messages"], options.get("max_tokens") or options["max_completion_tokens"])


def counted_usage(usage: Any, options: dict, text: str) -> tuple[dict, dict]:
    """Return the tokens as the reply is kept with them, and as they are paid for. They differ where the server counts none: then
    the reply has none, and the prompt and the text are paid for."""
    said = {name: getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens")}
    if not any(value is not None for value in said.values()):
        return dict(NO_TOKENS), {**usage_of(options), "completion_tokens": len(text.encode()) // BYTES_OF_A_TOKEN}
    details = getattr(usage, "prompt_tokens_details", None)
    highest = usage_of(options)
    size = sum(len(message["content"].encode()) for message in options["messages"])
    prompt = whole_number(said["prompt_tokens"], 1, size + TOKENS_OF_THE_SERVER_S_OWN)
    cached = whole_number(getattr(details, "cached_tokens", None) or 0, 0, prompt or 0)
    if prompt is None or cached is None:
        prompt, cached = max(prompt or 0, highest["prompt_tokens"]), 0
    completion = whole_number(
        said["completion_tokens"], int(bool(text)), max(MOST_TIMES_THE_LIMIT * highest["completion_tokens"], 1000)
    )
    if completion is None:
        completion = highest["completion_tokens"]
    # Gemini counts reasoning in the total alone.
    beside = whole_number(
        getattr(usage, "total_tokens", None),
        prompt + completion,
        MOST_TIMES_THE_LIMIT * highest["completion_tokens"] + prompt,
    )
    completion = max(completion, (beside or 0) - prompt)
    counted = {"prompt_tokens": prompt, "cached_tokens": cached, "completion_tokens": completion}
    return counted, counted


def whole_number(value: Any, least: int, most: int) -> int | None:
    """The value as an int, or None if it is no whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not (math.isfinite(value) and value.is_integer()):
        return None
    return int(value) if least <= value <= most else None
