"""The rotary positions of a model: what config.json says of them, and the tensors that they add to a GGUF file."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFWriter

from lib.errors import InputFileError
from lib.hub_layout import Config, head_dimension
from lib.llama3_rope import rope_factors


def rope_parameters(folder: Path, config: Config, known_types: tuple[str, ...]) -> dict[str, Any]:
    """config.json's rope settings of the layers that see the whole text, whether transformers 4 or 5 wrote them.

    `rope_type` and `rope_theta` are always there, `local_rope_theta` where other layers see a window only. Raises
    InputFileError for a type that isn't one of `known_types`."""
    given = dict(config.get("rope_parameters") or config.get("rope_scaling") or {})
    rope = dict(given.get("full_attention") or given)
    local = given.get("sliding_attention", {}).get("rope_theta", config.get("rope_local_base_freq"))
    rope.setdefault("rope_type", rope.get("type", "default"))
    rope.setdefault("rope_theta", config.get("rope_theta", 10000.0))
    if config.get("original_max_position_embeddings"):
        rope["original_max_position_embeddings"] = config["original_max_position_embeddings"]
    elif rope["rope_type"] != "llama3":
        rope.setdefault("original_max_position_embeddings", config.get("max_position_embeddings"))
    if local is not None:
        rope["local_rope_theta"] = local
    if rope["rope_type"] not in known_types:
        raise InputFileError(
            f"{folder}/config.json: the rope scaling {rope['rope_type']!r} is not understood; {', '.join(known_types)} are."
        )
    return rope


def llama3_factors(writer: GGUFWriter, config: Config, rope: dict[str, Any]) -> dict[str, np.ndarray]:
    """The tensor of Llama 3.1's rope scaling, where the model has it."""
    if rope["rope_type"] != "llama3":
        return {}
    return {"rope_freqs.weight": rope_factors(rope, rope["rope_theta"], head_dimension(config))}


def no_factors(writer: GGUFWriter, config: Config, rope: dict[str, Any]) -> dict[str, np.ndarray]:
    """Nothing: the family's positions are told by its metadata alone."""
    return {}


def phi3_factors(writer: GGUFWriter, config: Config, rope: dict[str, Any]) -> dict[str, np.ndarray]:
    """The two tensors of Phi's long contexts, where the model has them; adds the factor of their attention to `writer`.

    From Phi3MiniModel.generate_extra_tensors in llama.cpp's conversion/phi.py."""
    if not rope.get("long_factor"):
        return {}
    trained = rope["original_max_position_embeddings"]
    writer.add_rope_scaling_attn_factors(_attention_factor(config["max_position_embeddings"] / trained, trained))
    return {
        f"rope_factors_{length}.weight": np.array(rope[f"{length}_factor"], np.float32) for length in ("long", "short")
    }


def _attention_factor(scale: float, trained: int) -> float:
    return math.sqrt(1 + math.log(scale) / math.log(trained)) if scale > 1 else 1.0
