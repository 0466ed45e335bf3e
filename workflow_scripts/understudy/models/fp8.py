"""Weights in FP8, which MLX has no type for: it loads their bytes as whole numbers, and only some classes of mlx_lm undo that."""

import inspect
import sys
from typing import Any

from understudy.models.layout import architecture_of
from understudy.models.mlx.load import model_without_weights
from understudy.models.rope_spelling import with_both_spellings
from understudy.models.safetensors import StoredTensor
from understudy.shared.errors import InputFileError

# MLX packs weights with scales of this form as they are.
SCALES_OF_MXFP8 = "ue8m0"


def check_fp8(config: dict[str, Any], stored: dict[str, StoredTensor]) -> None:
    """Raise InputFileError if tensors are FP8 and mlx_lm's class takes them for whole numbers; `config` is config.json."""
    in_fp8 = [tensor.name for tensor in stored.values() if tensor.dtype.startswith("F8_E")]
    if not in_fp8 or (config.get("quantization_config") or {}).get("scale_fmt") == SCALES_OF_MXFP8:
        return
    model = model_without_weights(with_both_spellings(config))
    modules = [sys.modules[type(part).__module__] for part in (model, getattr(model, "language_model", model))]
    if not any("from_fp8" in inspect.getsource(module) for module in modules):
        raise InputFileError(
            f"{in_fp8[0]} and {len(in_fp8) - 1} more of its tensors are FP8, which mlx_lm takes for whole numbers in "
            f"{architecture_of(config)}: it would train on noise. Choose the same model in BF16, such as one whose name ends in "
            "-BF16, or in MLX's 4 bits."
        )
