"""Llamas of real sizes with random bfloat16 weights, as folders in Hugging Face layout.

python benchmarks/large_random_llama.py 3B FOLDER"""

import json
import math
import random
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

import numpy as np

from understudy.gguf.tokenizer import CONTROL, write_tokenizer
from understudy.models.layout import expected_tensors
from understudy.shared.files import write_json

# As the models' config.json have them: SmolLM2-135M and -360M, Llama-3.2-1B and -3B. All are tied.
SHAPES = {
    "135M": {"layers": 30, "hidden": 576, "intermediate": 1536, "heads": 9, "keys": 3, "vocabulary": 49_152},
    "360M": {"layers": 32, "hidden": 960, "intermediate": 2560, "heads": 15, "keys": 5, "vocabulary": 49_152},
    "1B": {"layers": 16, "hidden": 2048, "intermediate": 8192, "heads": 32, "keys": 8, "vocabulary": 128_256},
    "3B": {"layers": 28, "hidden": 3072, "intermediate": 8192, "heads": 24, "keys": 8, "vocabulary": 128_256},
}
ROPE_SCALING = {
    "rope_type": "llama3",
    "factor": 32.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
SPECIAL_TOKENS = 256
NORMAL_TOKEN = 1
SHARD_BYTES = 5 * 10**9
DRAWN = 2**24


def parameters(size: str) -> int:
    """The number of weights of a model of SHAPES."""
    return sum(math.prod(shape) for shape in shapes(SHAPES[size]).values())


def write_large_random_llama(folder: Path, size: str) -> None:
    """Write a model of SHAPES into the new `folder`, in shards of 5 GB."""
    folder.mkdir(parents=True)
    write_weights(folder, shapes(SHAPES[size]))
    write_tokenizer(random_vocabulary(SHAPES[size]["vocabulary"]), folder, "random")
    write_json(folder / "config.json", config(SHAPES[size]))


def config(shape: dict[str, int]) -> dict:
    return {
        "architectures": ["LlamaForCausalLM"],
        "bos_token_id": shape["vocabulary"] - SPECIAL_TOKENS,
        "eos_token_id": shape["vocabulary"] - SPECIAL_TOKENS + 1,
        "head_dim": shape["hidden"] // shape["heads"],
        "hidden_act": "silu",
        "hidden_size": shape["hidden"],
        "intermediate_size": shape["intermediate"],
        "max_position_embeddings": 131_072,
        "model_type": "llama",
        "num_attention_heads": shape["heads"],
        "num_hidden_layers": shape["layers"],
        "num_key_value_heads": shape["keys"],
        "rms_norm_eps": 1e-5,
        "rope_scaling": ROPE_SCALING,
        "rope_theta": 500_000.0,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "vocab_size": shape["vocabulary"],
    }


def shapes(shape: dict[str, int]) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor by its name."""
    return expected_tensors(config(shape))


def write_weights(folder: Path, tensors: dict[str, tuple[int, ...]]) -> None:
    shards: list[dict[str, tuple[int, ...]]] = [{}]
    for name, shape in tensors.items():
        if bytes_of(shards[-1]) + 2 * math.prod(shape) > SHARD_BYTES:
            shards.append({})
        shards[-1][name] = shape
    generator = np.random.default_rng(1)
    drawn = bfloat16(generator.standard_normal(DRAWN, dtype=np.float32) * np.float32(0.02))
    weight_map = {}
    for number, shard in enumerate(shards, 1):
        file_name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        write_shard(folder / file_name, shard, drawn, generator)
        weight_map |= dict.fromkeys(shard, file_name)
    index = {"metadata": {"total_size": bytes_of(tensors)}, "weight_map": weight_map}
    write_json(folder / "model.safetensors.index.json", index)


def write_shard(path: Path, tensors: dict[str, tuple[int, ...]], drawn: np.ndarray, generator) -> None:
    """Each tensor is made of runs of `drawn` that begin anywhere: as good as drawn anew, and in seconds."""
    header, end = {}, 0
    for name, shape in tensors.items():
        begin, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
    encoded = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(encoded)) + encoded)
        for shape in tensors.values():
            left = math.prod(shape)
            while left:
                start = int(generator.integers(DRAWN - 1))
                run = drawn[start : start + left]
                file.write(run)
                left -= len(run)


def bytes_of(tensors: dict[str, tuple[int, ...]]) -> int:
    return sum(2 * math.prod(shape) for shape in tensors.values())


def bfloat16(values: np.ndarray) -> np.ndarray:
    return (values.view(np.uint32) >> 16).astype(np.uint16)


def random_vocabulary(size: int) -> dict:
    """The metadata of a tokenizer of `size` tokens: the 256 bytes, random merges of what there is, special tokens."""
    chance = random.Random(1)
    tokens = dict.fromkeys(byte_letters())
    merges = []
    listed = list(tokens)
    while len(listed) < size - SPECIAL_TOKENS:
        left, right = chance.choice(listed), chance.choice(listed)
        if len(left + right) <= 12 and left + right not in tokens:
            tokens[left + right] = None
            listed.append(left + right)
            merges.append(f"{left} {right}")
    special = [f"<|special_{number}|>" for number in range(SPECIAL_TOKENS)]
    return {
        "llama.context_length": 131_072,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "llama-bpe",
        "tokenizer.ggml.tokens": [*listed, *special],
        "tokenizer.ggml.token_type": [NORMAL_TOKEN] * len(listed) + [CONTROL] * SPECIAL_TOKENS,
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.bos_token_id": len(listed),
        "tokenizer.ggml.eos_token_id": len(listed) + 1,
    }


def byte_letters() -> list[str]:
    """The 256 letters that GPT-2's byte-level tokenizers write bytes as."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + number) for number in range(len(others))]


if __name__ == "__main__":
    write_large_random_llama(Path(sys.argv[2]), sys.argv[1])
