"""Small models of every family that is written as GGUF, with random weights that come out the same, bit for bit, on every
machine. What the official tools make of them is recorded in tests/oracles/references.json."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from random_llama import random_weights, write_shards, write_small_tokenizer
from small_sentencepiece import write_small_sentencepiece
from understudy.gguf.tokenizer import GPT4O_REGEX, LLAMA3_REGEX, QWEN2_REGEX, TEKKEN_REGEX
from understudy.models.layout import ARCHITECTURES, expected_tensors

SENTENCEPIECE = "sentencepiece"
COMMON = {
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 2,
    "hidden_act": "silu",
    "hidden_size": 256,
    "intermediate_size": 512,
    "max_position_embeddings": 2048,
    "num_attention_heads": 8,
    "num_hidden_layers": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-6,
    "rope_theta": 100000.0,
    "tie_word_embeddings": False,
    "vocab_size": 512,
}
ODD = {"hidden_size": 80, "intermediate_size": 160, "num_attention_heads": 4, "num_hidden_layers": 3}
GRANITE = {
    "attention_multiplier": 0.0625,
    "embedding_multiplier": 12.0,
    "logits_scaling": 8.0,
    "residual_multiplier": 0.22,
}
GEMMA = {
    "head_dim": 32,
    "hidden_activation": "gelu_pytorch_tanh",
    "num_hidden_layers": 7,
    "query_pre_attn_scalar": 32,
    "rope_local_base_freq": 10000.0,
    "rope_theta": 1000000.0,
    "sliding_window": 16,
    "sliding_window_pattern": 6,
    "tie_word_embeddings": True,
}
LONG_ROPE = {
    "type": "longrope",
    "long_factor": [1.0 + 0.25 * step for step in range(16)],
    "short_factor": [1.0 + 0.01 * step for step in range(16)],
}
# What the references were recorded for: "config" beside COMMON, the stored dtype, the tokenizer.
FAMILY_MODELS: dict[str, dict[str, Any]] = {
    "llama-biased": {"family": "llama", "config": {"attention_bias": True, "mlp_bias": True}, "tokenizer": "dbrx"},
    "llama-spm": {"family": "llama", "config": ODD, "dtype": "BF16", "tokenizer": SENTENCEPIECE},
    "mistral": {"family": "mistral", "config": {"head_dim": 64}, "dtype": "BF16", "tokenizer": SENTENCEPIECE},
    "mistral-tekken": {"family": "mistral", "config": {**ODD, "tie_word_embeddings": True}, "tokenizer": "tekken"},
    "qwen2": {"family": "qwen2", "config": {"tie_word_embeddings": True}, "dtype": "BF16", "tokenizer": "qwen2"},
    "qwen2-odd": {"family": "qwen2", "config": ODD, "tokenizer": "qwen2", "shards": 2},
    "qwen2-deep": {
        "family": "qwen2",
        "config": {
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_attention_heads": 2,
            "num_hidden_layers": 80,
            "vocab_size": 320,
        },
        "tokenizer": "qwen2",
    },
    "qwen3": {"family": "qwen3", "config": {"head_dim": 64, "tie_word_embeddings": True}, "tokenizer": "qwen2"},
    "qwen3-odd": {
        "family": "qwen3",
        "config": {**ODD, "head_dim": 32, "attention_bias": False},
        "dtype": "F32",
        "tokenizer": "qwen2",
    },
    "granite": {
        "family": "granite",
        "config": {**GRANITE, "tie_word_embeddings": True},
        "dtype": "BF16",
        "tokenizer": "smollm",
        "pre": "refact",
    },
    "granite-biased": {
        "family": "granite",
        "config": {**GRANITE, **ODD, "attention_bias": True, "mlp_bias": True},
        "tokenizer": "smollm",
        "pre": "refact",
    },
    "smollm3": {
        "family": "smollm3",
        "config": {"num_hidden_layers": 9, "tie_word_embeddings": True, "no_rope_layers": [1, 1, 1, 0, 1, 1, 1, 0, 1]},
        "dtype": "BF16",
        "tokenizer": "smaug-bpe",
    },
    "smollm3-odd": {"family": "smollm3", "config": ODD, "tokenizer": "smaug-bpe"},
    "phi3": {
        "family": "phi3",
        "config": {"original_max_position_embeddings": 512, "rope_scaling": LONG_ROPE, "num_hidden_layers": 9},
        "dtype": "BF16",
        "tokenizer": SENTENCEPIECE,
    },
    "phi3-odd": {
        "family": "phi3",
        "config": {**ODD, "original_max_position_embeddings": 2048, "sliding_window": 64, "tie_word_embeddings": True},
        "tokenizer": "gpt-4o",
    },
    "gemma3": {"family": "gemma3_text", "config": GEMMA, "dtype": "BF16", "tokenizer": SENTENCEPIECE},
    "gemma3-odd": {
        "family": "gemma3_text",
        "config": {**GEMMA, **ODD, "rope_scaling": {"rope_type": "linear", "factor": 8.0}},
        "tokenizer": SENTENCEPIECE,
    },
}


def split_rule(expression: str) -> dict[str, Any]:
    """The step of a tokenizer.json that splits text by `expression`."""
    return {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False}


BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
DIGITS = {"type": "Digits", "individual_digits": True}
# The part pre_tokenizer of tokenizer.json by llama.cpp's name for it.
RULES: dict[str, list[dict[str, Any]]] = {
    "smollm": [DIGITS, {**BYTE_LEVEL, "use_regex": True}],
    "gpt-2": [{**BYTE_LEVEL, "use_regex": True}],
    "llama-bpe": [split_rule(LLAMA3_REGEX), {**BYTE_LEVEL, "use_regex": False}],
    "smaug-bpe": [split_rule(LLAMA3_REGEX), {**BYTE_LEVEL, "use_regex": False}],
    "dbrx": [split_rule(LLAMA3_REGEX), {**BYTE_LEVEL, "use_regex": False}],
    "qwen2": [split_rule(QWEN2_REGEX), {**BYTE_LEVEL, "use_regex": False}],
    "tekken": [split_rule(TEKKEN_REGEX), {**BYTE_LEVEL, "use_regex": False}],
    "gpt-4o": [split_rule(GPT4O_REGEX), {**BYTE_LEVEL, "use_regex": False}],
}
WITH_WHOLE_WORDS = ("llama-bpe", "smaug-bpe", "tekken")
WITH_A_BEGINNING = ("llama-bpe", "tekken")
BEGINNING = {
    "type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "<|im_start|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {"<|im_start|>": {"id": "<|im_start|>", "ids": [1], "tokens": ["<|im_start|>"]}},
}


def write_random_family(
    folder: Path,
    family: str,
    config: dict[str, Any],
    tokenizer: str,
    dtype: str = "F16",
    shards: int = 1,
    pre: str | None = None,
) -> Path:
    """Write a small model into the new `folder`, and return it; `pre` is only for the references."""
    folder.mkdir(parents=True)
    config = {**COMMON, "architectures": [ARCHITECTURES[family]], "model_type": family, **config}
    generator = np.random.default_rng(1)
    shapes = expected_tensors(config)
    write_shards(folder, {name: (dtype, random_weights(generator, shapes[name], dtype)) for name in shapes}, shards)
    write_family_tokenizer(folder, config["vocab_size"], tokenizer, family)
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    return folder


def write_family_tokenizer(folder: Path, vocab_size: int, tokenizer: str, family: str) -> None:
    """Write SentencePiece's tokenizer, or the byte-level one with the rules that llama.cpp calls `tokenizer`."""
    if tokenizer == SENTENCEPIECE:
        write_small_sentencepiece(folder, vocab_size, space_in_front=family != "gemma3_text")
        return
    write_small_tokenizer(folder, vocab_size)
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": RULES[tokenizer]}
    content["model"]["ignore_merges"] = tokenizer in WITH_WHOLE_WORDS
    content["post_processor"] = BEGINNING if tokenizer in WITH_A_BEGINNING else None
    content["normalizer"] = {"type": "NFC"} if tokenizer == "qwen2" else None
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    if family == "phi3":
        settings = folder / "tokenizer_config.json"
        settings.write_text(json.dumps({**json.loads(settings.read_text()), "tokenizer_class": "GPT2Tokenizer"}))
