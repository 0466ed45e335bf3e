"""What a model is asked for and what it says, whichever program computes it."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sampling:
    """At temperature 0 the likeliest token is taken each time, and `top_p` and `seed` are of no meaning."""

    temperature: float
    top_p: float
    seed: int


@dataclass(frozen=True)
class Request:
    """A prompt as the tokens that the chat template writes, and how many tokens the answer may have."""

    tokens: tuple[int, ...]
    max_tokens: int

    def key(self) -> str:
        """Names the request among those to one model under one sampling."""
        return hash_of("answer", self.tokens, self.max_tokens)

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
