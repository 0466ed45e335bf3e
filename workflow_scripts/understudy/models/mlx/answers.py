"""Answers of a model that MLX computes, in batches: an answer that ends makes room for the next one."""

from collections.abc import Callable, Iterator, Sequence

import mlx.core as mx
from mlx import nn
from mlx_lm.generate import BatchGenerator
from mlx_lm.sample_utils import apply_top_p, make_logits_processors
from mlx_lm.tokenizer_utils import TokenizerWrapper

from understudy.models.requests import REPEAT_LAST_N, Answer, Request, Sampling

BATCH = 16


def mlx_answers(
    model: nn.Module, tokenizer: TokenizerWrapper, requests: Sequence[Request], sampling: Sampling, batch: int = BATCH
) -> Iterator[tuple[Request, Answer]]:
    """Yield each request with its answer as soon as it is whole; up to `batch` are computed at once."""
    ends = [[token] for token in tokenizer.eos_token_ids]
    generator = BatchGenerator(model, stop_tokens=ends, completion_batch_size=batch, prefill_batch_size=min(8, batch))
    numbers = generator.insert(
        [list(request.tokens) for request in requests],
        [request.max_tokens for request in requests],
        samplers=[sampler_of(sampling, request) for request in requests],
        logits_processors=[logits_processors(request.repeat_penalty) for request in requests],
    )
    asked = dict(zip(numbers, requests, strict=True))
    written: dict[int, list[int]] = {number: [] for number in numbers}
    try:
        while responses := generator.next_generated():
            for response in responses:
                if response.finish_reason != "stop":
                    written[response.uid].append(response.token)
                if response.finish_reason:
                    tokens = written.pop(response.uid)
                    text = tokenizer.decode(tokens, skip_special_tokens=True)
                    yield asked[response.uid], Answer(text, response.finish_reason, len(tokens))
    finally:
        generator.close()


def logits_processors(repeat_penalty: float) -> list[Callable[[mx.array, mx.array], mx.array]]:
    """Return what changes the logits (1, vocabulary) after the tokens so far; nothing where no repetition is penalised."""
    if repeat_penalty == 1:
        return []
    return make_logits_processors(repetition_penalty=repeat_penalty, repetition_context_size=REPEAT_LAST_N)


def sampler_of(sampling: Sampling, request: Request) -> Callable[[mx.array], mx.array] | None:
    """Return what draws the next token from log probabilities (1, vocabulary) with random numbers of its own; None takes the
    likeliest one."""
    if sampling.temperature == 0:
        return None
    key = mx.random.key(request.seed(sampling))

    def draw(logprobs: mx.array) -> mx.array:
        nonlocal key
        key, now = mx.random.split(key)
        kept = apply_top_p(logprobs, sampling.top_p) if sampling.top_p < 1 else logprobs
        return mx.random.categorical(kept / sampling.temperature, key=now)

    return draw
