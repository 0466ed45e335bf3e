"""Requests to the embedded server's own endpoints, which an OpenAI client doesn't have."""

import json
import unicodedata
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

import mlx.core as mx
from tokenizers import Tokenizer

from understudy.models.llama.server import embedded_server
from understudy.models.mlx.load import load_base

# What pre-tokenizers split in different ways.
TEXTS = [
    "",
    " ",
    "   ",
    "Hello",
    "Hello world",
    " leading",
    "trailing ",
    "a  b   c",
    "\n\n\nx\n",
    "tab\there",
    "\r\nwindows\r\n",
    "1234567890",
    "3.14159 and 2,000",
    "x1y22z333",
    "²³½ Ⅷ ٣٤٥ 一二三",
    "Ünïcödé ñandú",
    "e\u0301 combining",
    "日本語のテキスト",
    "Привет мир",
    "العربية עברית",
    "😀👨‍👩‍👧‍👦🏳️‍🌈",
    "it's we're I'll they'd",
    "IT'S WE'RE",
    "'s",
    "def f(x):\n    return x ** 2  # ok\n",
    "<html>&amp;</html>",
    "$x^2$ \\frac{a}{b}",
    "https://example.org/a?b=1&c=%20",
    "\u00a0nbsp\u3000ideographic",
    "\u200bzero\ufeff",
    "\x01\x7f",
    "A" * 100,
    "don't <|im_sta",
    "a<|im_end|>b",
    "<|endoftext|>",
    "<repo_name>x<file_sep>",
    "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n",
]


def post(base_url: str, endpoint: str, body: dict) -> Any:
    url = base_url.removesuffix("/v1") + endpoint
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def assert_same_tokens(folder: Path, gguf_path: Path) -> None:
    """Assert that llama.cpp splits TEXTS with the GGUF file as the tokenizer.json of `folder` does."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    with embedded_server(gguf_path, 512) as base_url:
        # llama.cpp composes no characters, as Qwen's tokenizer does first.
        for text in TEXTS if tokenizer.normalizer is None else map(partial(unicodedata.normalize, "NFC"), TEXTS):
            request = {"content": text, "add_special": True, "parse_special": True}
            assert tokenizer.encode(text).ids == post(base_url, "/tokenize", request)["tokens"], repr(text)


def next_token_logprobs(base_url: str, tokens: list[int], count: int) -> dict[int, float]:
    """Return the log probability of each of the `count` likeliest tokens after `tokens`.

    The server tells it only with a whole character, so the answer is made to be one; what it tells is from before that."""
    letter = post(base_url, "/tokenize", {"content": "H", "add_special": False})["tokens"][0]
    body = {"prompt": tokens, "n_predict": 1, "n_probs": count, "temperature": 0, "logit_bias": [[letter, 1000]]}
    shown = post(base_url, "/completion", body)["completion_probabilities"][0]["top_logprobs"]
    return {token["id"]: token["logprob"] for token in shown}


def far_from_mlx(gguf_path: Path, folder: Path) -> float:
    """How far the next token's log probabilities in llama.cpp, which keeps keys and values in float16, are at most from those
    that MLX computes of `folder`, in the standard deviations of MLX's."""
    tokens = [(7 * position) % 500 + 3 for position in range(40)]
    with embedded_server(gguf_path, 512, threads=2) as base_url:
        found = next_token_logprobs(base_url, tokens, 100)
    model, _ = load_base(folder)
    model.eval()
    of_mlx = model(mx.array([tokens]))[0, -1].astype(mx.float32)
    of_mlx = of_mlx - mx.logsumexp(of_mlx)
    expected = mx.array([of_mlx[token].item() for token in found])
    return (mx.abs(mx.array(list(found.values())) - expected).max() / mx.std(of_mlx)).item()
