"""A GGUF file from a folder in Hugging Face layout, in one pass, with little more than a tensor's piece in memory.

Keys and values of its metadata are as llama.cpp's convert_hf_to_gguf.py writes them (conversion/ there); the comparison, key by
key, is in tests/oracles/. The classes of the gguf package that the converter uses are used here."""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter, LlamaFileType, Metadata

from understudy.gguf.families import Family, family_of
from understudy.gguf.quantization import (
    QUANTIZATIONS,
    ModelShape,
    check_quantization,
    encode,
    encoded_bytes,
    tensor_type,
)
from understudy.gguf.rope import rope_parameters
from understudy.models.layout import Config, expected_tensors, is_needless, key_value_heads
from understudy.models.safetensors import StoredTensor, stored_tensors
from understudy.shared.errors import InputFileError

VALUES_AT_ONCE = 2**20
# A megabyte or two each: the first ones are encoded while the metadata is made, which takes seconds for 128,256 words.
PIECES_WAITING = 32


@dataclass(frozen=True)
class PlannedTensor:
    """One tensor of the file to come; `heads` is set where the rows need llama.cpp's rotary order, `shift` is added."""

    name: str
    stored: StoredTensor
    kind: Type
    heads: int | None
    shift: float

    @property
    def rounds_to_float16(self) -> bool:
        """llama_model_quantize starts from an F16 file, so the quantized types do here."""
        return self.kind not in (Type.F32, Type.BF16)

    def pieces(self) -> Iterator[tuple[int, int]]:
        """The first row and the end of each piece that is encoded at once, in order; whole heads where rows change places."""
        rows = self.stored.shape[0]
        unit = rows // self.heads if self.heads else 1
        values = unit * math.prod(self.stored.shape[1:])
        step = unit * max(1, VALUES_AT_ONCE // max(1, values))
        return ((first, min(first + step, rows)) for first in range(0, rows, step))

    def encoded(self, first: int, end: int) -> np.ndarray:
        """The rows from `first` to before `end` as they are in the file.

        Raises InputFileError if a value is not finite, or not in float16 where that is asked for."""
        piece = self.rounded(first, end)
        if not all_finite(piece):
            raise InputFileError(f"{self.stored.path}: {self.stored.name} has values that are not finite numbers.")
        if self.heads:
            piece = rotary_permutation(piece, self.heads * (end - first) // self.stored.shape[0])
        return encode(piece, self.kind)

    def rounded(self, first: int, end: int) -> np.ndarray:
        """The rows with `shift` added, and as float16 has them where that is asked for; float16 or float32."""
        if self.stored.dtype == "BF16" and self.rounds_to_float16 and not self.shift:
            float16, float32 = bfloat16_in_float16()
            return (float16 if self.kind == Type.F16 else float32).take(self.stored.read_as_stored(first, end))
        rows = self.stored.read(first, end)
        if self.shift:
            rows = rows + rows.dtype.type(self.shift)
        if not self.rounds_to_float16:
            return rows
        with np.errstate(over="ignore"):
            return rows.astype(np.float16)


@cache
def bfloat16_in_float16() -> tuple[np.ndarray, np.ndarray]:
    """What rounding to float16 makes of each of the 65,536 bfloat16 values, in the order of their bits: float16, and float32.

    Looking up takes a sixth of the time of rounding."""
    bits = np.arange(2**16, dtype=np.uint32) << 16
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = bits.view(np.float32).astype(np.float16)
        return rounded, rounded.astype(np.float32)


def all_finite(values: np.ndarray) -> bool:
    """Whether none of `values` (float16 or float32) is infinite or no number: has all bits of its exponent set. numpy's isfinite
    takes 15 times as long for float16."""
    bits, exponent = (np.uint16, 0x7C00) if values.dtype == np.float16 else (np.uint32, 0x7F800000)
    return values.size == 0 or int((values.view(bits) & bits(exponent)).max()) < exponent


def rotary_permutation(weights: np.ndarray, heads: int) -> np.ndarray:
    """The rows of q_proj or k_proj in the order of llama.cpp's rotary kernel: LlamaModel.permute in
    convert_hf_to_gguf.py. `weights` has the shape (heads * head_dim, hidden size), or (heads * head_dim,) for a bias."""
    split = weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:])
    return split.swapaxes(1, 2).reshape(weights.shape)


def write_gguf_file(folder: Path, quant: str, path: Path, name: str, threads: int) -> int:
    """Write the model in `folder` to `path` as a GGUF file of type `quant`; return the number of tensors.

    `name` is the model's name in the metadata. Raises ConfigurationError for an unknown `quant`, UnsupportedArchitecture
    and UnsupportedTokenizer for what is not known here, and InputFileError, naming the file, for a folder that is not
    whole or has values that are not finite."""
    check_quantization(quant)
    family, config = family_of(folder)
    rope = rope_parameters(folder, config, family.rope_types)
    plan = _plan(folder, family, config, quant)
    writer = GGUFWriter(None, gguf.MODEL_ARCH_NAMES[family.arch])
    extra = family.extra_tensors(writer, config, rope)
    for tensor_name, values in extra.items():
        writer.add_tensor_info(tensor_name, values.shape, values.dtype, values.nbytes)
    for tensor in plan:
        size = encoded_bytes(tensor.stored.shape, tensor.kind)
        writer.add_tensor_info(tensor.name, tensor.stored.shape, np.dtype(np.float32), size, tensor.kind)
    with closing(encoded_pieces(plan, threads)) as pieces:
        first_piece = next(pieces)
        add_metadata(writer, folder, family, config, rope, QUANTIZATIONS[quant][0], name)
        try:
            write_file(writer, path, list(extra.values()), chain([first_piece], pieces))
        finally:
            writer.close()
    return len(plan) + len(extra)


def _plan(folder: Path, family: Family, config: Config, quant: str) -> list[PlannedTensor]:
    stored = {name: tensor for name, tensor in stored_tensors(folder).items() if not is_needless(name)}
    _check_tensors(folder, config, stored)
    names = gguf.get_tensor_name_map(family.arch, config["num_hidden_layers"])
    layers, heads, keys = config["num_hidden_layers"], config["num_attention_heads"], key_value_heads(config)
    model = ModelShape(layers, heads, keys, "lm_head.weight" not in stored, family.is_70b(layers, heads, keys))
    return [
        _planned(names.get_name(tensor.name, try_suffixes=(".weight", ".bias")), tensor, quant, model, family)
        for tensor in stored.values()
    ]


def _planned(name: str, stored: StoredTensor, quant: str, model: ModelShape, family: Family) -> PlannedTensor:
    heads = _heads_to_permute(name, model) if family.rotary_order else None
    shift = family.norm_shift if stored.name.endswith("norm.weight") else 0.0
    return PlannedTensor(name, stored, tensor_type(name, stored.shape, quant, model), heads, shift)


def _check_tensors(folder: Path, config: Config, stored: dict[str, StoredTensor]) -> None:
    expected = expected_tensors(config)
    missing = [name for name in expected if name not in stored]
    if missing:
        raise InputFileError(
            f"{folder} lacks {len(missing)} of the tensors that its config.json asks for, {missing[0]} among them. "
            "Run the stage that writes it again."
        )
    # A head of its own, though config.json says that the embedding is the head: llama.cpp takes it.
    expected.setdefault("lm_head.weight", expected["model.embed_tokens.weight"])
    for name, tensor in stored.items():
        if name not in expected:
            raise InputFileError(f"{tensor.path}: the tensor {name} is not part of a {config['model_type']} model.")
        if tensor.shape != expected[name]:
            raise InputFileError(
                f"{tensor.path}: {name} has the shape {tensor.shape}, but config.json beside it asks for {expected[name]}."
            )


def _heads_to_permute(name: str, model: ModelShape) -> int | None:
    if ".attn_q." in name:
        return model.heads
    return model.key_value_heads if ".attn_k." in name else None


def write_file(
    writer: GGUFWriter, path: Path, extra: list[np.ndarray], pieces: Iterable[tuple[int, np.ndarray]]
) -> None:
    """Write what `writer` holds, then the data of `extra` and the encoded pieces of all tensors, in this order."""
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    file = writer.fout[0]
    writer.write_padding(file, file.tell())
    for values in extra:
        file.write(values.tobytes())
        writer.write_padding(file, values.nbytes)
    for first_row, encoded in pieces:
        if first_row == 0:
            writer.write_padding(file, file.tell())
        file.write(encoded.data)
    writer.write_padding(file, file.tell())


def encoded_pieces(plan: list[PlannedTensor], threads: int) -> Iterator[tuple[int, np.ndarray]]:
    """The first row and the encoded rows of each piece, in order. Each thread reads, rounds and encodes a piece of its own, and
    no more than PIECES_WAITING a thread wait to be written; asking for the first one sets as many going."""
    waiting: deque[tuple[int, Future]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for tensor in plan:
            for first, end in tensor.pieces():
                waiting.append((first, pool.submit(tensor.encoded, first, end)))
                if len(waiting) > PIECES_WAITING * threads:
                    first_row, piece = waiting.popleft()
                    yield first_row, piece.result()
        while waiting:
            first_row, piece = waiting.popleft()
            yield first_row, piece.result()
    finally:
        pool.shutdown(cancel_futures=True)


def add_metadata(
    writer: GGUFWriter,
    folder: Path,
    family: Family,
    config: Config,
    rope: dict[str, Any],
    file_type: LlamaFileType,
    name: str,
) -> None:
    """Add all of `folder`'s metadata to `writer`, whose tensors are already declared (their sizes go into the label).

    `config` is the folder's config.json, `rope` its rope_parameters, `name` the model's name. Raises UnsupportedTokenizer
    for a tokenizer that is not understood, InputFileError, naming the file, for one that isn't whole."""
    writer.add_type(gguf.GGUFType.MODEL)
    _general(writer, folder, name).set_gguf_meta_model(writer)
    family.add_parameters(writer, config, rope, file_type)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    family.add_vocabulary(writer, folder, config)


def _general(writer: GGUFWriter, folder: Path, name: str) -> Metadata:
    total, shared, expert, expert_count = writer.get_total_parameter_count()
    metadata = Metadata.load(None, folder, None, total)
    # The converter takes the parts of the name from the folder's, which here is `hf` for every model.
    full_name, organization, basename, finetune, version, size_label = Metadata.get_model_id_components(name, total)
    metadata.name = Metadata.id_to_title(full_name)
    metadata.organization = metadata.organization or (organization and Metadata.id_to_title(organization))
    metadata.basename, metadata.finetune, metadata.version = basename, finetune, version
    metadata.size_label = size_label or gguf.size_label(total, shared, expert, expert_count)
    return metadata
