"""Base models as MLX loads them: on the GPU in their own dtype, on a CPU in float32."""

import os
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx import nn
from mlx_lm.tokenizer_utils import TokenizerWrapper
from mlx_lm.utils import _get_classes, dequantize_model, load_config, load_model, load_tokenizer

from understudy.models.rope_spelling import positions_that_are_ignored
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json

os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")


def load_base(folder: str | Path) -> tuple[nn.Module, TokenizerWrapper]:
    """Load the model of a Hugging Face folder and its tokenizer, ready to compute on MLX's default device.

    Raises InputFileError if the folder's model is of a type that mlx_lm does not know, or its files don't fit together."""
    model = load_weights(folder)
    if is_on_cpu():
        # Only float32 goes through BLAS there: 16-bit matrix products run 20 times slower.
        model.set_dtype(mx.float32)
        mx.eval(model.parameters())
    return model, load_its_tokenizer(folder)


def check_positions(folder: str | Path) -> None:
    """Raise InputFileError if the base model in `folder` was brought in with rotary settings that mlx_lm does not read."""
    ignored = positions_that_are_ignored(read_json(Path(folder) / "config.json"))
    if ignored:
        raise InputFileError(
            f"{folder}/config.json has its rotary settings in transformers 5's spelling alone, of which mlx_lm ignores "
            f"{ignored}. What was trained on this base so far was trained on wrong positions. Bring it in anew, then train: "
            "understudy run -R base_model"
        )


def load_to_ask(folder: str | Path) -> tuple[nn.Module, TokenizerWrapper]:
    """Load a model that is asked and not trained, and its tokenizer; otherwise as load_base."""
    model, tokenizer = load_base(folder)
    # MLX's products with packed weights don't go through BLAS: on a CPU they are several times slower.
    return (dequantize_model(model) if is_on_cpu() else model), tokenizer


def load_weights(folder: str | Path, lazy: bool = False) -> nn.Module:
    """Load the model of a folder in its own dtype; `lazy` leaves each tensor on disk until something needs it."""
    try:
        return load_model(Path(folder), lazy=lazy)[0]
    except FileNotFoundError as error:
        raise InputFileError(f"{folder} is not a whole model: {error}") from None
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise InputFileError(
            f"{folder} can't be loaded by mlx_lm: {error}\n"
            f"Bring the model in anew, or choose another base_model in config.yaml."
        ) from error


def model_without_weights(config: dict[str, Any]) -> nn.Module:
    """Build the model that a config.json describes; its arrays have shapes and dtypes, and no memory until evaluated.

    A quantized one has the packed shapes. Raises InputFileError if mlx_lm doesn't know the model's type, or a key that the type
    needs is missing."""
    try:
        model_class, arguments_class = _get_classes(config)
        model = model_class(arguments_class.from_dict(config))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputFileError(f"config.json describes no model that mlx_lm can build: {error}") from None
    if getattr(model, "tie_word_embeddings", True) is False and config.get("tie_word_embeddings", True):
        model.sanitize({})  # Gemma's classes learn from the stored weights whether they are tied.
    if quantization := config.get("quantization"):
        quantize_shapes(model, quantization)
    return model


def quantize_shapes(model: nn.Module, quantization: dict[str, Any]) -> None:
    """Give the layers the packed shapes that mlx_lm.convert stores, `quantization` being config.json's."""
    group_size = quantization["group_size"]
    of_family = getattr(model, "quant_predicate", None)

    def packing_of(path: str, module: nn.Module) -> bool | dict[str, Any]:
        if path in quantization:
            return quantization[path]
        if not hasattr(module, "to_quantized") or module.weight.shape[-1] % group_size:
            return False
        return of_family is None or of_family(path, module)

    nn.quantize(
        model, group_size, quantization["bits"], mode=quantization.get("mode", "affine"), class_predicate=packing_of
    )


def load_its_tokenizer(folder: str | Path) -> TokenizerWrapper:
    """Load the tokenizer of a folder, with all end-of-turn tokens that the model's configuration names."""
    config = load_config(Path(folder))
    try:
        return load_tokenizer(Path(folder), eos_token_ids=config.get("eos_token_id"))
    except (OSError, ValueError, KeyError) as error:
        raise InputFileError(f"{folder} has no tokenizer that can be loaded: {error}") from error


def is_on_cpu() -> bool:
    """Whether MLX's default device is the CPU, as it is on Linux without a supported GPU."""
    return mx.default_device().type == mx.DeviceType.cpu


def device_in_use() -> str:
    """Say where and in which precision the model is computed."""
    return "device: CPU, float32" if is_on_cpu() else "device: GPU, the base model's own precision"
