"""Which type each tensor of a quantized model gets, and its encoding: llama.cpp's mix and kernels.

The mix is llama_tensor_get_type_impl and tensor_type_fallback of llama.cpp's src/llama-quant.cpp, for the architectures of
understudy.gguf.families, without experts and without an importance matrix. The comparison with llama_model_quantize, byte for
byte, is in tests/oracles/."""

from dataclasses import dataclass

import numpy as np
from gguf import GGML_QUANT_SIZES, LlamaFileType
from gguf import GGMLQuantizationType as Type
from gguf.quants import quantize

from understudy.gguf.kernels import quantize_rows
from understudy.shared.errors import ConfigurationError

# Name in export.quantizations: the file's type, and the type of a tensor of which the mix says nothing
# (llama_ftype_get_default_type).
QUANTIZATIONS = {
    "F32": (LlamaFileType.ALL_F32, Type.F32),
    "F16": (LlamaFileType.MOSTLY_F16, Type.F16),
    "BF16": (LlamaFileType.MOSTLY_BF16, Type.BF16),
    "Q4_0": (LlamaFileType.MOSTLY_Q4_0, Type.Q4_0),
    "Q4_1": (LlamaFileType.MOSTLY_Q4_1, Type.Q4_1),
    "Q5_0": (LlamaFileType.MOSTLY_Q5_0, Type.Q5_0),
    "Q5_1": (LlamaFileType.MOSTLY_Q5_1, Type.Q5_1),
    "Q8_0": (LlamaFileType.MOSTLY_Q8_0, Type.Q8_0),
    "Q2_K": (LlamaFileType.MOSTLY_Q2_K, Type.Q2_K),
    "Q3_K_S": (LlamaFileType.MOSTLY_Q3_K_S, Type.Q3_K),
    "Q3_K_M": (LlamaFileType.MOSTLY_Q3_K_M, Type.Q3_K),
    "Q3_K_L": (LlamaFileType.MOSTLY_Q3_K_L, Type.Q3_K),
    "Q4_K_S": (LlamaFileType.MOSTLY_Q4_K_S, Type.Q4_K),
    "Q4_K_M": (LlamaFileType.MOSTLY_Q4_K_M, Type.Q4_K),
    "Q5_K_S": (LlamaFileType.MOSTLY_Q5_K_S, Type.Q5_K),
    "Q5_K_M": (LlamaFileType.MOSTLY_Q5_K_M, Type.Q5_K),
    "Q6_K": (LlamaFileType.MOSTLY_Q6_K, Type.Q6_K),
}
STORED = (Type.F32, Type.F16, Type.BF16)
# Rows that no block of 256 fits get these blocks of 32.
FALLBACKS = {
    Type.Q2_K: Type.Q4_0,
    Type.Q3_K: Type.Q4_0,
    Type.Q4_K: Type.Q5_0,
    Type.Q5_K: Type.Q5_1,
    Type.Q6_K: Type.Q8_0,
}


@dataclass(frozen=True)
class ModelShape:
    """What the mix depends on; `tied` says that the model has no output.weight, `is_70b` that llama.cpp calls it a 70B."""

    layers: int
    heads: int
    key_value_heads: int
    tied: bool
    is_70b: bool

    @property
    def heads_per_key(self) -> int:
        return self.heads // self.key_value_heads


def check_quantization(quant: str) -> None:
    """Raise ConfigurationError, naming what there is, unless `quant` is one of QUANTIZATIONS."""
    if quant not in QUANTIZATIONS:
        raise ConfigurationError(f"export.quantizations: {quant} is unknown. Known are {', '.join(QUANTIZATIONS)}.")


def tensor_type(name: str, shape: tuple[int, ...], quant: str, model: ModelShape) -> Type:
    """The type of the tensor `name` (by its GGUF name) of `shape` (rows, columns) in a file of type `quant`."""
    if len(shape) < 2 or name.endswith("_norm.weight"):
        return Type.F32
    default = QUANTIZATIONS[quant][1]
    if default in STORED:
        return default
    columns = shape[-1]
    return _fitting(_type_by_role(name, columns, quant, default, model), columns)


def encode(rows: np.ndarray, kind: Type) -> np.ndarray:
    """`rows` (float16 or float32, shape (rows, columns) or (columns,)) in the encoding `kind`, on one core."""
    if kind in STORED:
        return quantize(rows, kind)
    return quantize_rows(rows.astype(np.float32, copy=False), kind)


def encoded_bytes(shape: tuple[int, ...], kind: Type) -> int:
    """The size of a tensor of `shape` in the encoding `kind`."""
    block_length, block_bytes = GGML_QUANT_SIZES[kind]
    return int(np.prod(shape)) // block_length * block_bytes


def _type_by_role(name: str, columns: int, quant: str, default: Type, model: ModelShape) -> Type:
    role, layer = _role_and_layer(name)
    if role == "output" or (role == "token_embd" and model.tied):
        return _output_type(columns, default)
    if role in ("attn_v", "attn_qkv"):
        return _attn_v_type(layer, quant, default, model)
    if role == "ffn_down":
        return _ffn_down_type(layer, quant, default, model)
    if role == "attn_output":
        return {"Q2_K": Type.Q3_K, "Q3_K_M": Type.Q4_K, "Q3_K_L": Type.Q5_K}.get(quant, default)
    return default


def _role_and_layer(name: str) -> tuple[str, int]:
    parts = name.split(".")
    return (parts[2], int(parts[1])) if parts[0] == "blk" else (parts[0], -1)


def _output_type(columns: int, default: Type) -> Type:
    if default == Type.Q8_0 or not _fits(columns, default):
        return Type.Q8_0
    return Type.Q6_K


def _attn_v_type(layer: int, quant: str, default: Type, model: ModelShape) -> Type:
    kind = default
    if quant == "Q2_K":
        kind = Type.Q4_K if model.heads_per_key >= 4 else Type.Q3_K
    elif quant == "Q3_K_M":
        kind = Type.Q5_K if layer < 2 else Type.Q4_K
    elif quant == "Q3_K_L" or (quant == "Q4_K_S" and layer < 4):
        kind = Type.Q5_K
    elif quant in ("Q4_K_M", "Q5_K_M") and _use_more_bits(layer, model.layers):
        kind = Type.Q6_K
    if model.is_70b and kind in (Type.Q3_K, Type.Q4_K):
        return Type.Q5_K
    return kind


def _ffn_down_type(layer: int, quant: str, default: Type, model: ModelShape) -> Type:
    if quant == "Q2_K":
        return Type.Q3_K
    if quant == "Q3_K_M":
        return Type.Q5_K if layer < model.layers // 16 else Type.Q4_K
    if quant == "Q3_K_L" or (quant == "Q4_K_S" and layer < model.layers // 8):
        return Type.Q5_K
    if quant in ("Q4_K_M", "Q5_K_M") and _use_more_bits(layer, model.layers):
        return Type.Q6_K
    return default


def _use_more_bits(layer: int, layers: int) -> bool:
    """The first and the last eighth of the layers, and every third between."""
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def _fitting(kind: Type, columns: int) -> Type:
    if _fits(columns, kind):
        return kind
    smaller = FALLBACKS.get(kind, kind)
    return smaller if _fits(columns, smaller) else Type.F16


def _fits(columns: int, kind: Type) -> bool:
    return columns % GGML_QUANT_SIZES[kind][0] == 0
