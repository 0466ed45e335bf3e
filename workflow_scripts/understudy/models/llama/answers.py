"""Answers of a GGUF file in llama.cpp's server, as many at once as it has slots: one that ends makes room for the next."""

import urllib.error
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from understudy.models.llama.server import EmbeddedModelError, ask_server
from understudy.models.requests import REPEAT_LAST_N, Answer, Request, Sampling

SLOTS = 16
LARGEST_SEED = 2**32 - 1


def llama_answers(
    server: str, requests: Sequence[Request], sampling: Sampling, slots: int = SLOTS
) -> Iterator[tuple[Request, Answer]]:
    """Yield each request with its answer as soon as it is whole; `server` is llama.cpp's address, without `/v1`.

    Raises EmbeddedModelError with what llama.cpp says where it can't answer."""
    pool = ThreadPoolExecutor(slots)
    asked = {pool.submit(llama_answer, server, request, sampling): request for request in requests}
    try:
        for future in as_completed(asked):
            yield asked[future], future.result()
    finally:
        # Not waited for: the server's end ends what is under way.
        pool.shutdown(wait=False, cancel_futures=True)


def llama_answer(server: str, request: Request, sampling: Sampling) -> Answer:
    try:
        reply = ask_server(f"{server}/completion", body_of(request, sampling))
    except urllib.error.HTTPError as error:
        raise EmbeddedModelError(f"llama.cpp can't answer: {error.read().decode(errors='replace')}") from None
    ended = reply["stop_type"] == "eos"
    return Answer(reply["content"], "stop" if ended else "length", reply["tokens_predicted"] - ended)


def body_of(request: Request, sampling: Sampling) -> dict[str, Any]:
    """Return what `/completion` takes: the tokens themselves, and nothing of llama.cpp's own sampling."""
    if sampling.temperature == 0:
        drawn = {"samplers": ["penalties", "top_k"], "top_k": 1}
    else:
        samplers = ["penalties", "top_p", "temperature"]
        drawn = {"samplers": samplers, "top_p": sampling.top_p, "temperature": sampling.temperature}
    return {
        "prompt": list(request.tokens),
        "n_predict": request.max_tokens,
        "seed": request.seed(sampling) % LARGEST_SEED,
        "cache_prompt": True,
        "repeat_penalty": request.repeat_penalty,
        "repeat_last_n": REPEAT_LAST_N,
        **drawn,
    }
