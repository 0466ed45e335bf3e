"""A quantized GGUF file from an F16 one, of any architecture, as llama_model_quantize makes it.

Which tensors stay as they are, and what the others become, is tensor_allows_quantization and llama_tensor_get_type_impl of
llama.cpp's src/llama-quant.cpp, without an importance matrix, and without what is special to Falcon and to models of 70 billion
parameters. The comparison with llama_model_quantize is in tests/oracles/."""

import re
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFReader, GGUFValueType, GGUFWriter, ReaderField

from understudy.gguf.quantization import QUANTIZATIONS, ModelShape, check_quantization, encoded_bytes, tensor_type
from understudy.gguf.writing import PlannedTensor, encoded_pieces, write_file
from understudy.models.safetensors import StoredTensor
from understudy.shared.errors import InputFileError

STORED = {Type.F32: "F32", Type.F16: "F16", Type.BF16: "BF16"}
# Parts of names; tensor_allows_quantization as far as it concerns language models.
KEPT = ("_norm.weight", "ffn_gate_inp.weight", "ffn_gate_tid2eid.weight", "altup", "laurel", "per_layer_model_proj")
KEPT += ("ssm_conv1d", "shortconv.conv.weight", "indexer.k_proj.weight", "indexer.q_proj.weight", "attn_rel_b.weight")
KEPT += ("time_mix_first.weight", "time_mix_lerp_fused.weight", "time_mix_decay_w1.weight", "time_mix_decay_w2.weight")
KEPT += tuple(f"time_mix_{name}.weight" for name in ("w0", "w1", "w2", "v0", "v1", "v2", "a0", "a1", "a2", "g1", "g2"))
KEPT += ("position_embd", "token_types")
LIKE_VALUES = ("attn_qkv.weight", "attn_kv_b.weight", "attn_v.weight")
EXPERTS_OF_MIXTRAL = 8
MIXTRAL_S_OUTPUT_IN_Q5_K = ("Q2_K", "Q3_K_S", "Q3_K_M", "Q4_K_S", "Q4_K_M")
# A tensor of which the mix says nothing: it gets the type that the file is named for.
OTHER = "blk.0.other.weight"
LAYER = re.compile(r"blk\.(\d+)\.")


@dataclass(frozen=True)
class KeptOrQuantized(PlannedTensor):
    """A tensor of the F16 file; what is stored as F32 is encoded from F32."""

    @property
    def rounds_to_float16(self) -> bool:
        return self.stored.dtype == "F16"


def quantize_gguf_file(source: Path, quant: str, path: Path, threads: int) -> int:
    """Write the model of the GGUF file `source` to `path` as type `quant`; return the number of tensors.

    Raises ConfigurationError for an unknown `quant`, InputFileError for a `source` that is no whole GGUF file, has values that
    are not finite, or is quantized already."""
    check_quantization(quant)
    reader = open_gguf(source)
    plan = planned(reader, source, quant)
    writer = GGUFWriter(None, str(reader.fields[gguf.Keys.General.ARCHITECTURE].contents()))
    writer.data_alignment = reader.alignment
    copy_metadata(reader, writer)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_file_type(QUANTIZATIONS[quant][0])
    for tensor in plan:
        size = encoded_bytes(tensor.stored.shape, tensor.kind)
        writer.add_tensor_info(tensor.name, tensor.stored.shape, np.dtype(np.float32), size, tensor.kind)
    try:
        write_file(writer, path, [], encoded_pieces(plan, threads))
    finally:
        writer.close()
    return len(plan)


def count_tensors(path: Path) -> int:
    """The number of tensors in a GGUF file. Raises InputFileError if it isn't whole."""
    return len(open_gguf(path).tensors)


def open_gguf(path: Path) -> GGUFReader:
    try:
        return GGUFReader(path)
    except (ValueError, IndexError, KeyError, OverflowError) as error:
        raise InputFileError(f"{path} is not a whole GGUF file ({error}). Make it again.") from None


def planned(reader: GGUFReader, source: Path, quant: str) -> list[PlannedTensor]:
    """What is to be written, in the file's order."""
    shapes = {tensor.name: shape_of(tensor.shape) for tensor in reader.tensors}
    model = {key.split(".", 1)[-1]: field for key, field in reader.fields.items() if not key.startswith("general.")}
    kinds = target_types(shapes, quant, model)
    plan = []
    for tensor in reader.tensors:
        kind = kinds.get(tensor.name, tensor.tensor_type)
        if tensor.tensor_type not in STORED:
            raise InputFileError(
                f"The converter stores {tensor.name} as {tensor.tensor_type.name}, of which no {quant} is made. "
                "Ask for F16, which leaves it so."
            )
        stored = StoredTensor(
            source, tensor.name, STORED[tensor.tensor_type], shapes[tensor.name], int(tensor.data_offset)
        )
        plan.append(KeptOrQuantized(tensor.name, stored, kind, heads=None, shift=0.0))
    return plan


def shape_of(lengths: np.ndarray) -> tuple[int, ...]:
    """numpy's order of ggml's `lengths`; a matrix of one row is a row to llama.cpp, and so it writes it."""
    shape = [int(length) for length in reversed(lengths)]
    while len(shape) > 1 and shape[0] == 1:
        del shape[0]
    return tuple(shape)


def target_types(shapes: dict[str, tuple[int, ...]], quant: str, model: dict[str, ReaderField]) -> dict[str, Type]:
    """The type of each tensor that is quantized, by its name; `model` is the architecture's metadata without its prefix.

    llama.cpp counts what is like attn_v in the order of the layers. It counts ffn_down too, unless there are experts: then it
    takes the layer from the name."""
    quantized = sorted((name for name, shape in shapes.items() if is_quantized(name, shape)), key=by_layer)
    values = [name for name in quantized if is_like_values(name)]
    downs = [name for name in quantized if "ffn_down" in name]
    layers, experts = number(model, "block_count", 1), number(model, "expert_count", 0)
    kinds = {}
    for name in quantized:
        layer, counted = layer_of(name), layers
        if is_like_values(name):
            layer, counted = values.index(name), len(values)
        elif "ffn_down" in name and experts <= 1:
            layer = downs.index(name)
        heads, keys = number(model, "attention.head_count", 1), number(model, "attention.head_count_kv", 1)
        shape = ModelShape(counted, heads, keys or heads, tied="output.weight" not in shapes, is_70b=False)
        known_name, known_quant = in_terms_of_llama(name, layer, quant, experts)
        kinds[name] = tensor_type(known_name, shapes[name], known_quant, shape)
    return kinds


def in_terms_of_llama(name: str, layer: int, quant: str, experts: int) -> tuple[str, str]:
    """The tensor of a Llama, and the type of its file, of which the mix says what it says of `name` in a file of type `quant`."""
    if name in ("output.weight", "token_embd.weight", "per_layer_token_embd.weight"):
        return name.removeprefix("per_layer_"), quant
    if experts == EXPERTS_OF_MIXTRAL and (is_like_values(name) or "attn_k.weight" in name):
        return OTHER, "Q8_0"
    if experts == EXPERTS_OF_MIXTRAL and "attn_output.weight" in name:
        return OTHER, "Q5_K_S" if quant in MIXTRAL_S_OUTPUT_IN_Q5_K else quant
    if is_like_values(name):
        return f"blk.{layer}.attn_v.weight", quant
    role = next((role for role in ("attn_output", "ffn_down") if role in name), None)
    return (f"blk.{layer}.{role}.weight" if role else OTHER), quant


def is_quantized(name: str, shape: tuple[int, ...]) -> bool:
    """Whether it is a matrix, or one an expert, and none of those that stay as they are."""
    return len(shape) > 1 and name.endswith("weight") and not any(part in name for part in KEPT)


def is_like_values(name: str) -> bool:
    return any(part in name for part in LIKE_VALUES)


def by_layer(name: str) -> tuple[int, str]:
    """The order in which llama.cpp goes through a model."""
    return layer_of(name), name


def layer_of(name: str) -> int:
    """The layer, or -1 for what is in none."""
    found = LAYER.match(name)
    return int(found[1]) if found else -1


def number(model: dict[str, ReaderField], key: str, default: int) -> int:
    """A number of the model's metadata; the first layer's where each layer has one."""
    if key not in model:
        return default
    value = model[key].contents()
    return int(value[0] if isinstance(value, list) else value)


def copy_metadata(reader: GGUFReader, writer: GGUFWriter) -> None:
    """All keys but those that the writer has, or that change."""
    changed = (gguf.Keys.General.ARCHITECTURE, gguf.Keys.General.FILE_TYPE, gguf.Keys.General.QUANTIZATION_VERSION)
    for key, field in reader.fields.items():
        if key in changed or key.startswith("GGUF."):
            continue
        kind = field.types[0]
        writer.add_key_value(key, field.contents(), kind, field.types[-1] if kind == GGUFValueType.ARRAY else None)
