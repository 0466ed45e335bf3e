"""Base models as MLX loads them: on the GPU in their own dtype, on a CPU in float32."""

import os
from pathlib import Path

import mlx.core as mx
from mlx import nn
from mlx_lm.tokenizer_utils import TokenizerWrapper
from mlx_lm.utils import load_config, load_model, load_tokenizer

from lib.errors import InputFileError

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


def load_weights(folder: str | Path, lazy: bool = False) -> nn.Module:
    """Load the model of a folder in its own dtype; `lazy` leaves each tensor on disk until something needs it."""
    try:
        return load_model(Path(folder), lazy=lazy)[0]
    except FileNotFoundError as error:
        raise InputFileError(f"{folder} is not a whole model: {error}") from None
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise InputFileError(
            f"{folder} can't be loaded by mlx_lm: {error}\n"
            f"Choose another base_model in config.yaml: models of the Llama family, such as Llama 3 and SmolLM2, work."
        ) from error


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
