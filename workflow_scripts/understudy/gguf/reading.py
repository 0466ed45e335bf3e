"""A Llama model in a GGUF file, written as a folder in Hugging Face layout: float16 weights, config, tokenizer."""

import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader, dequantize
from safetensors.numpy import save_file

from understudy.gguf.rope import scaling_from_factors
from understudy.gguf.tokenizer import special_token_id, write_tokenizer
from understudy.shared.errors import InputFileError
from understudy.shared.files import write_json

SHARD_BYTES = 2 * 10**9
# gguf.TensorNameMap the other way round, for the tensors of LlamaForCausalLM.
HF_NAMES = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
HF_LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
LAYER_TENSOR = re.compile(r"blk\.(\d+)\.(\w+)\.weight")
ROPE_FACTORS = "rope_freqs.weight"


def checked_gguf(gguf_path: Path) -> dict[str, Any]:
    """The config.json that import_gguf would write; no weight is read. Raises InputFileError for a file that it doesn't take."""
    metadata, reader = _llama_in(gguf_path)
    config = _model_config(metadata, reader, gguf_path)
    with tempfile.TemporaryDirectory() as folder:
        write_tokenizer(metadata, Path(folder), str(gguf_path))
    for tensor in reader.tensors:
        if tensor.name != ROPE_FACTORS:
            _hf_name(tensor.name, gguf_path)
    return config


def import_gguf(gguf_path: Path, folder: Path) -> str | None:
    """Write the model in `gguf_path` into the existing `folder`, config.json last, and return the licence that it names.

    Quantized weights are dequantized and rounded to float16. Raises InputFileError, naming the file, if it isn't a
    whole GGUF file, not a Llama, or has a tensor or a tokenizer that is not understood."""
    metadata, reader = _llama_in(gguf_path)
    config = _model_config(metadata, reader, gguf_path)
    write_tokenizer(metadata, folder, str(gguf_path))
    _write_weights(reader, config, folder, gguf_path)
    write_json(folder / "generation_config.json", _generation_config(metadata))
    write_json(folder / "config.json", config)
    return metadata.get("general.license")


def undo_rotary_permutation(weights: np.ndarray, heads: int) -> np.ndarray:
    """Put the rows of attn_q or attn_k back into Hugging Face's order: the inverse of LlamaModel.permute in
    llama.cpp's convert_hf_to_gguf.py. `weights` has the shape (heads * head_dim, hidden size)."""
    rows, columns = weights.shape
    return weights.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _llama_in(gguf_path: Path) -> tuple[dict[str, Any], GGUFReader]:
    """The metadata of a Llama's file, and its reader."""
    reader = _open(gguf_path)
    metadata = {key: field.contents() for key, field in reader.fields.items()}
    architecture = metadata.get("general.architecture")
    if architecture != "llama":
        raise InputFileError(
            f"{gguf_path}: its architecture is {architecture!r}; only 'llama' can be a base model here."
        )
    return metadata, reader


def _open(gguf_path: Path) -> GGUFReader:
    if not gguf_path.is_file():
        raise InputFileError(f"{gguf_path} does not exist. Name another file as base_model.")
    try:
        return GGUFReader(gguf_path)
    except (ValueError, IndexError, KeyError, OverflowError, MemoryError) as error:
        message = f"{gguf_path} is not a whole GGUF file ({error}). Copy or download it again."
        raise InputFileError(message) from None


def _model_config(metadata: dict[str, Any], reader: GGUFReader, gguf_path: Path) -> dict[str, Any]:
    try:
        config = _keys_of_config(metadata)
    except KeyError as error:
        raise InputFileError(f"{gguf_path} has no {error.args[0]} in its metadata; it is not a whole model.") from None
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    config["tie_word_embeddings"] = "output.weight" not in tensors
    if ROPE_FACTORS in tensors:
        factors = np.array(tensors[ROPE_FACTORS].data, dtype=np.float32)
        config["rope_scaling"] = scaling_from_factors(factors, config["rope_theta"], config["head_dim"])
    has_other_scaling = metadata.get("llama.rope.scaling.type", "none") != "none"
    if has_other_scaling or (ROPE_FACTORS in tensors and config["rope_scaling"] is None):
        raise InputFileError(f"{gguf_path} scales its rotary positions in a way that is not understood here.")
    return config


def _keys_of_config(metadata: dict[str, Any]) -> dict[str, Any]:
    heads = metadata["llama.attention.head_count"]
    hidden_size = metadata["llama.embedding_length"]
    config = {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "bos_token_id": special_token_id(metadata, "bos"),
        "eos_token_id": special_token_id(metadata, "eos"),
        "head_dim": metadata.get("llama.attention.key_length", hidden_size // heads),
        "hidden_act": "silu",
        "hidden_size": hidden_size,
        "intermediate_size": metadata["llama.feed_forward_length"],
        "max_position_embeddings": metadata["llama.context_length"],
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": heads,
        "num_hidden_layers": metadata["llama.block_count"],
        "num_key_value_heads": metadata.get("llama.attention.head_count_kv", heads),
        "pad_token_id": special_token_id(metadata, "padding"),
        "rms_norm_eps": _shortest(metadata["llama.attention.layer_norm_rms_epsilon"]),
        "rope_scaling": None,
        "rope_theta": _shortest(metadata.get("llama.rope.freq_base", 10000.0)),
        "torch_dtype": "float16",
        "vocab_size": len(metadata["tokenizer.ggml.tokens"]),
    }
    return config


def _shortest(number: float) -> float:
    """The shortest decimal that is the same float32: 1e-05, where a GGUF file gives 9.999999747378752e-06."""
    return float(str(np.float32(number)))


def _generation_config(metadata: dict[str, Any]) -> dict[str, Any]:
    ends = [special_token_id(metadata, name) for name in ("eos", "eot", "eom")]
    ends = list(dict.fromkeys(end for end in ends if end is not None))
    config = {
        "bos_token_id": special_token_id(metadata, "bos"),
        "eos_token_id": ends if len(ends) > 1 else ends[0],
        "pad_token_id": special_token_id(metadata, "padding"),
    }
    return {key: value for key, value in config.items() if value is not None}


def _write_weights(reader: GGUFReader, config: dict[str, Any], folder: Path, gguf_path: Path) -> None:
    shards = _shards([tensor for tensor in reader.tensors if tensor.name != ROPE_FACTORS])
    weight_map = {}
    for number, tensors in enumerate(shards, 1):
        name = f"model-{number:05}-of-{len(shards):05}.safetensors" if len(shards) > 1 else "model.safetensors"
        weights = dict(_hf_weight(tensor, config, gguf_path) for tensor in tensors)
        save_file(weights, folder / name, metadata={"format": "pt"})
        (folder / name).chmod(0o644)
        weight_map.update(dict.fromkeys(weights, name))
    if len(shards) > 1:
        total = sum(int(tensor.n_elements) * 2 for shard in shards for tensor in shard)
        index = {"metadata": {"total_size": total}, "weight_map": weight_map}
        write_json(folder / "model.safetensors.index.json", index)


def _shards(tensors: list) -> list[list]:
    shards, size = [[]], 0
    for tensor in tensors:
        tensor_bytes = int(tensor.n_elements) * 2
        if shards[-1] and size + tensor_bytes > SHARD_BYTES:
            shards.append([])
            size = 0
        shards[-1].append(tensor)
        size += tensor_bytes
    return shards


def _hf_weight(tensor, config: dict[str, Any], gguf_path: Path) -> tuple[str, np.ndarray]:
    name = _hf_name(tensor.name, gguf_path)
    weights = dequantize(tensor.data, tensor.tensor_type)
    if name.endswith("q_proj.weight"):
        weights = undo_rotary_permutation(weights, config["num_attention_heads"])
    if name.endswith("k_proj.weight"):
        weights = undo_rotary_permutation(weights, config["num_key_value_heads"])
    with np.errstate(over="ignore"):
        rounded = np.ascontiguousarray(weights, dtype=np.float16)
    if not np.isfinite(rounded).all():
        raise InputFileError(f"{gguf_path}: {tensor.name} has values that are not finite in float16. Use another file.")
    return name, rounded


def _hf_name(gguf_name: str, gguf_path: Path) -> str:
    layer = LAYER_TENSOR.fullmatch(gguf_name)
    if layer and layer[2] in HF_LAYER_NAMES:
        return f"model.layers.{layer[1]}.{HF_LAYER_NAMES[layer[2]]}.weight"
    if gguf_name in HF_NAMES:
        return HF_NAMES[gguf_name]
    raise InputFileError(f"{gguf_path}: the tensor {gguf_name} is not part of a plain Llama.")
