"""The families of models that are written as GGUF here, and all in which they differ: one row of FAMILIES each.

From the classes of llama.cpp's converter (conversion/llama.py, qwen.py, gemma.py, granite.py, smollm.py and phi.py); the
comparison with it, byte for byte and key for key, is in tests/oracles/."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from gguf import MODEL_ARCH, GGUFWriter, LlamaFileType

from understudy.gguf.parameters import add_gemma3, add_granite, add_llama, add_phi3, add_qwen, add_smollm3
from understudy.gguf.rope import llama3_factors, no_factors, phi3_factors
from understudy.gguf.vocabulary import (
    add_gemma_vocabulary,
    add_llama_vocabulary,
    add_phi3_vocabulary,
    add_plain_vocabulary,
)
from understudy.models.layout import ARCHITECTURES, Config, architecture_of, is_language_model
from understudy.shared.errors import InputFileError, UnsupportedArchitecture
from understudy.shared.files import read_json

# llama.cpp has these two built in; a GGUF file has no key for them.
LAYERS_TO_A_LAYER_WITHOUT_ROPE = 4
LAYERS_TO_A_LAYER_WITHOUT_WINDOW = 6
LAYERS_OF_70B = 80


@dataclass(frozen=True)
class Family:
    """One family, beside its tensors' names and shapes, which understudy.models.layout has.

    `add_parameters` writes its sizes and settings, `add_vocabulary` its tokenizer, `extra_tensors` gives the tensors that its
    files on the hub don't have. `rope_types` are the scalings of positions that are understood. `rotary_order`: rows of
    q_proj and k_proj are put in the order of llama.cpp's rotary kernel. `norm_shift`: what the family's norms add to their
    weights, added to them here. `is_70b` (layers, heads, key heads): whether llama.cpp gives the model the mix of a 70B.
    `check` raises ValueError for what llama.cpp would compute in another way."""

    arch: MODEL_ARCH
    add_parameters: Callable[[GGUFWriter, Config, dict[str, Any], LlamaFileType], None]
    add_vocabulary: Callable[[GGUFWriter, Path, Config], None]
    extra_tensors: Callable[[GGUFWriter, Config, dict[str, Any]], dict[str, np.ndarray]] = no_factors
    rope_types: tuple[str, ...] = ("default", "linear", "yarn")
    rotary_order: bool = False
    norm_shift: float = 0.0
    is_70b: Callable[[int, int, int], bool] = lambda layers, heads, key_value_heads: False
    check: Callable[[Config], None] = lambda config: None


def family_of(folder: Path) -> tuple[Family, Config]:
    """The family of the model in `folder`, and its config.json.

    Raises UnsupportedArchitecture, naming it, if it isn't one of FAMILIES, and InputFileError if the model differs from
    what llama.cpp computes for its family."""
    config = read_json(folder / "config.json")
    return family_of_config(config, folder), config


def family_of_config(config: Config, folder: Path) -> Family:
    """The family of the model of a config.json, which is or will be in `folder`. Raises as family_of."""
    family = FAMILIES.get(config.get("model_type"))
    if family is None or not is_language_model(config):
        known = ", ".join(ARCHITECTURES[model_type] for model_type in FAMILIES)
        raise UnsupportedArchitecture(
            f"{folder}/config.json: the architecture {architecture_of(config)} is not written as GGUF here; {known} are."
        )
    try:
        family.check(config)
    except ValueError as error:
        raise InputFileError(f"{folder}/config.json: {error}") from None
    return family


def _check_layers_without_rope(config: Config) -> None:
    step, layers = config.get("no_rope_layer_interval", LAYERS_TO_A_LAYER_WITHOUT_ROPE), config["num_hidden_layers"]
    rope = config.get("no_rope_layers") or [int((layer + 1) % step != 0) for layer in range(layers)]
    if rope != [int((layer + 1) % LAYERS_TO_A_LAYER_WITHOUT_ROPE != 0) for layer in range(layers)]:
        raise ValueError(
            "no_rope_layers: llama.cpp leaves the rotary positions out in every fourth layer, and only there."
        )


def _check_windows(config: Config) -> None:
    kinds = config.get("layer_types") or []
    step = config.get("sliding_window_pattern", LAYERS_TO_A_LAYER_WITHOUT_WINDOW)
    full = [layer for layer, kind in enumerate(kinds) if kind == "full_attention"]
    expected = [layer for layer in range(len(kinds)) if (layer + 1) % LAYERS_TO_A_LAYER_WITHOUT_WINDOW == 0]
    if step != LAYERS_TO_A_LAYER_WITHOUT_WINDOW or full != expected:
        raise ValueError("sliding_window_pattern: llama.cpp has full attention in every sixth layer, and only there.")


def _grouped_80_layers(layers: int, heads: int, key_value_heads: int) -> bool:
    return layers == LAYERS_OF_70B and heads != key_value_heads


LLAMA = Family(
    MODEL_ARCH.LLAMA,
    add_llama,
    add_llama_vocabulary,
    llama3_factors,
    rope_types=("default", "linear", "yarn", "llama3"),
    rotary_order=True,
    is_70b=_grouped_80_layers,
)
FAMILIES: dict[str, Family] = {
    "llama": LLAMA,
    "mistral": LLAMA,
    "qwen2": Family(
        MODEL_ARCH.QWEN2, add_qwen, add_plain_vocabulary, is_70b=lambda layers, *heads: layers == LAYERS_OF_70B
    ),
    "qwen3": Family(MODEL_ARCH.QWEN3, add_qwen, add_plain_vocabulary),
    "gemma3_text": Family(MODEL_ARCH.GEMMA3, add_gemma3, add_gemma_vocabulary, norm_shift=1.0, check=_check_windows),
    # Its pre-tokenizer is SmolLM's under an older name.
    "granite": Family(
        MODEL_ARCH.GRANITE,
        add_granite,
        partial(add_llama_vocabulary, family_names={"smollm": "refact"}),
        llama3_factors,
        rotary_order=True,
    ),
    "smollm3": Family(
        MODEL_ARCH.SMOLLM3,
        add_smollm3,
        add_llama_vocabulary,
        llama3_factors,
        rotary_order=True,
        check=_check_layers_without_rope,
    ),
    "phi3": Family(MODEL_ARCH.PHI3, add_phi3, add_phi3_vocabulary, phi3_factors, rope_types=("default", "longrope")),
}
