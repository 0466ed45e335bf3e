"""What a model is asked for and what it says, whichever program computes it."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

# How many tokens back a repeat penalty looks; llama.cpp's and Ollama's own number.
REPEAT_LAST_N = 64


class TalkingModel(NamedTuple):
    """`reply` gives the pieces of the reply to a conversation (OpenAI's messages), with `temperature` at another one than at the
    start; `count_tokens` how many tokens a text has."""

    reply: Callable[..., Iterator[str]]
    count_tokens: Callable[[str], int]


@dataclass(frozen=True)
class Sampling:
    """At temperature 0 the likeliest token is taken each time, and `top_p` and `seed` are of no meaning."""

    temperature: float
    top_p: float
    seed: int


@dataclass(frozen=True)
class Request:
    """A prompt as the tokens that the chat template writes, and how many tokens the answer may have.

    The logits of the last REPEAT_LAST_N tokens are divided by `repeat_penalty` where they are positive and multiplied by it where
    not (Keskar et al. 2019, https://arxiv.org/abs/1909.05858); 1 leaves them."""

    tokens: tuple[int, ...]
    max_tokens: int
    repeat_penalty: float = 1.0

    def key(self) -> str:
        """Names the request among those to one model under one sampling."""
        return hash_of("answer", self.tokens, self.max_tokens, self.repeat_penalty)

    def seed(self, sampling: Sampling) -> int:
        """A seed of its own, so that an answer doesn't depend on those that are computed beside it."""
        return int(hash_of(sampling.seed, self.tokens)[:8], 16)


@dataclass(frozen=True)
class Answer:
    """`finish_reason` is `stop` where the model ended it, `length` where it was cut off; `tokens` is without the end of turn."""

    text: str
    finish_reason: str
    tokens: int


def hash_of(*parts: Any) -> str:
    """Return 32 hex digits that name what JSON can say."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf-8")).hexdigest()[:32]
