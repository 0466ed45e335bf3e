"""What a server says of a request that doesn't fit into the model's context, and which is too long: prompt or reply."""

import re
from typing import NamedTuple

# With less room than this left for the reply, it is the prompt that is too long.
LEAST_REPLY = 256

TOO_LONG = re.compile(
    r"context.?length|context.?size|context.?window|maximum context|context limit|context_exceeded|model context"
    r"|maximum (?:model|prompt|input) length|max_model_len|n_ctx\b|maximum number of tokens|too many (?:input )?tokens"
    r"|(?:prompt|input|messages?|request)\b[^.]{0,40}\b(?:is|are) too long|input tokens exceed|must have less than \d+ tokens"
    r"|tokens. \+ .max_new_tokens|string too long|max_seq_len|(?:maximum )?sequence length|range of input length"
    r"|exceeds? (?:the )?model(?:['’]s)?(?: token)? limit|(?:length|tokens) of (?:the )?input and output",
    re.I,
)
REPLY_TOO_LONG = re.compile(
    r"max_(?:completion_|output_|new_)?tokens\b[^.]{0,60}"
    r"(?:too large|exceed|must be|at most|less than|greater than|valid range|maximum)"
    r"|max_(?:completion_|output_|new_)?tokens: \d+ >",
    re.I,
)
# How servers write the three numbers; those of the request first, because they are the more special.
PROMPT = (
    r"(\d+) (?:tokens )?in the (?:messages|prompt|input)",
    r"(?:resulted in|has|contains(?: at least)?|at least) (\d+) (?:input )?tokens",
    r"(\d+) (?:of text input|input tokens|tokens from the input|prompt tokens)",
    r"n_prompt_tokens\D{0,4}(\d+)",
    r"n_keep: (\d+)",
    r"(?:request|prompt|input|requested tokens|prompt tokens|token count) \((?:length )?(\d+)(?: tokens)?\)",
    r"keep the first (\d+) tokens",
    r"given: (\d+)",
    r"too long: (\d+) tokens",
    r"prompt is (\d+) tokens",
    r"input tokens (\d{3,})",
    r"max_seq_len \d+: (\d{3,})",
    r"exceed context limit: (\d+) \+",
)
LIMIT = (
    r"n_ctx\D{0,6}(\d{3,})",
    r"exceed context limit: \d+ \+ \d+ > (\d{3,})",
    r"(\d{3,}) maximum context length",
    r"(?:context (?:length|size|window|limit)|model length|prompt length)\D{0,40}(\d{3,})",
    r"(?:max_model_len|max_seq_len|model(?:['’]s)?(?: token)? limit)\D{0,4}(\d{3,})",
    r"input length should be \[\d+, (\d{3,})",
    r"number of tokens allowed \(?(\d{3,})",
    r"(?:must be <=|less than|limit of|> ?) ?(\d{3,})",
)
ALL_TOGETHER = (
    r"requested (?:a total of |about )?(\d+)",
    r"total of (?:at least )?(\d+)",
    r"request\w* \D{0,20}(\d{3,})",
)


class Overlong(NamedTuple):
    """Which of the two is too long; `prompt` and `limit` are tokens, where they are said."""

    is_the_reply: bool
    prompt: int | None
    limit: int | None


def overlong(said: str, max_tokens: int) -> Overlong | None:
    """What is too long by a server's words, where `max_tokens` was asked for; None if they are about something else."""
    reply_is_named = bool(REPLY_TOO_LONG.search(said))
    if not reply_is_named and not TOO_LONG.search(said):
        return None
    said = re.sub(r"(?<=\d),(?=\d{3}\b)", "", said)
    limit, prompt = first_number(LIMIT, said), first_number(PROMPT, said)
    if prompt is None and (together := first_number(ALL_TOGETHER, said)) is not None:
        prompt = max(0, together - max_tokens)
    if limit is None or prompt is None:
        is_the_reply = reply_is_named and (prompt is None or not TOO_LONG.search(said))
        return Overlong(is_the_reply, prompt, limit)
    return Overlong(limit - prompt >= min(LEAST_REPLY, max_tokens), prompt, limit)


def first_number(patterns: tuple[str, ...], said: str) -> int | None:
    """The number of the first pattern that is there."""
    for pattern in patterns:
        if found := re.search(pattern, said, re.IGNORECASE):
            return int(found[1][:12])
    return None
