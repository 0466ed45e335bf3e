"""A GGUF file from a folder in Hugging Face layout, in one pass, with little more than a tensor's piece in memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter

from lib.errors import InputFileError
from lib.gguf_metadata import add_metadata, head_dimension, key_value_heads, rope_parameters
from lib.gguf_quantization import QUANTIZATIONS, ModelShape, check_quantization, encode, encoded_bytes, tensor_type
from lib.llama3_rope import rope_factors
from lib.llama_folder import read_llama_config
from lib.safetensors_folder import StoredTensor, stored_tensors

VALUES_AT_ONCE = 2**23
IGNORED = (".attention.masked_bias", ".attention.bias", ".rotary_emb.inv_freq")
TENSORS_OF_A_MODEL = ("token_embd", "output_norm")
TENSORS_OF_A_LAYER = (
    "attn_norm",
    "attn_q",
    "attn_k",
    "attn_v",
    "attn_output",
    "ffn_norm",
    "ffn_gate",
    "ffn_up",
    "ffn_down",
)


@dataclass(frozen=True)
class PlannedTensor:
    """One tensor of the file to come; `heads` is set where the rows need llama.cpp's rotary order."""

    name: str
    stored: StoredTensor
    kind: Type
    heads: int | None

    @property
    def rounds_to_float16(self) -> bool:
        """llama_model_quantize starts from an F16 file, so the quantized types do here."""
        return self.kind not in (Type.F32, Type.BF16)

    def pieces(self) -> Iterator[np.ndarray]:
        """The rows, in order, float16 or float32, some at a time.

        Raises InputFileError if a value is not finite, or not in float16 where that is asked for."""
        rows = self.stored.shape[0]
        step = rows if self.heads else max(1, VALUES_AT_ONCE // max(1, int(np.prod(self.stored.shape[1:]))))
        for first in range(0, rows, step):
            piece = self.stored.read(first, first + step)
            if self.rounds_to_float16:
                with np.errstate(over="ignore"):
                    piece = piece.astype(np.float16)
            if not np.isfinite(piece).all():
                raise InputFileError(f"{self.stored.path}: {self.stored.name} has values that are not finite numbers.")
            yield rotary_permutation(piece, self.heads) if self.heads else piece


def rotary_permutation(weights: np.ndarray, heads: int) -> np.ndarray:
    """The rows of q_proj or k_proj in the order of llama.cpp's rotary kernel: LlamaModel.permute in
    convert_hf_to_gguf.py. `weights` has the shape (heads * head_dim, hidden size), or (heads * head_dim,) for a bias."""
    split = weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:])
    return split.swapaxes(1, 2).reshape(weights.shape)


def write_gguf_file(folder: Path, quant: str, path: Path, name: str, threads: int) -> int:
    """Write the Llama in `folder` to `path` as a GGUF file of type `quant`; return the number of tensors.

    `name` is the model's name in the metadata. Raises ConfigurationError for an unknown `quant`, and InputFileError,
    naming the file, for a folder that is not whole, not a Llama, or has values that are not finite."""
    check_quantization(quant)
    config = read_llama_config(folder)
    plan = _plan(folder, config, quant)
    factors = _rope_factors(folder, config)
    writer = GGUFWriter(None, "llama")
    if factors is not None:
        writer.add_tensor_info("rope_freqs.weight", factors.shape, factors.dtype, factors.nbytes)
    for tensor in plan:
        size = encoded_bytes(tensor.stored.shape, tensor.kind)
        writer.add_tensor_info(tensor.name, tensor.stored.shape, np.dtype(np.float32), size, tensor.kind)
    add_metadata(writer, folder, config, QUANTIZATIONS[quant][0], name)
    try:
        _write(writer, path, factors, plan, threads)
    finally:
        writer.close()
    return len(plan) + (factors is not None)


def _plan(folder: Path, config: dict[str, Any], quant: str) -> list[PlannedTensor]:
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    stored = {}
    for tensor in stored_tensors(folder).values():
        if tensor.name.endswith(IGNORED):
            continue
        gguf_name = names.get_name(tensor.name, try_suffixes=(".weight", ".bias"))
        if gguf_name is None:
            raise InputFileError(f"{tensor.path}: the tensor {tensor.name} is not part of a Llama.")
        stored[gguf_name] = tensor
    _check_complete(folder, config, set(stored))
    model = ModelShape(
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        key_value_heads=key_value_heads(config),
        tied="output.weight" not in stored,
    )
    return [
        PlannedTensor(name, tensor, tensor_type(name, tensor.shape, quant, model), _heads_to_permute(name, model))
        for name, tensor in stored.items()
    ]


def _check_complete(folder: Path, config: dict[str, Any], found: set[str]) -> None:
    layers = range(config["num_hidden_layers"])
    needed = [f"{name}.weight" for name in TENSORS_OF_A_MODEL]
    needed += [f"blk.{layer}.{name}.weight" for layer in layers for name in TENSORS_OF_A_LAYER]
    if not config.get("tie_word_embeddings", False):
        needed.append("output.weight")
    missing = [name for name in needed if name not in found]
    if missing:
        raise InputFileError(
            f"{folder} lacks {len(missing)} of the tensors that its config.json asks for, {missing[0]} (by its GGUF name) "
            "among them. Run the stage that writes it again."
        )


def _heads_to_permute(name: str, model: ModelShape) -> int | None:
    if ".attn_q." in name:
        return model.heads
    return model.key_value_heads if ".attn_k." in name else None


def _rope_factors(folder: Path, config: dict[str, Any]) -> np.ndarray | None:
    rope = rope_parameters(folder, config)
    if rope["rope_type"] != "llama3":
        return None
    return rope_factors(rope, rope["rope_theta"], head_dimension(config))


def _write(writer: GGUFWriter, path: Path, factors: np.ndarray | None, plan: list[PlannedTensor], threads: int) -> None:
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    file = writer.fout[0]
    writer.write_padding(file, file.tell())
    if factors is not None:
        file.write(factors.tobytes())
        writer.write_padding(file, factors.nbytes)
    for tensor in plan:
        written = 0
        for piece in tensor.pieces():
            written += file.write(encode(piece, tensor.kind, threads).tobytes())
        writer.write_padding(file, written)
