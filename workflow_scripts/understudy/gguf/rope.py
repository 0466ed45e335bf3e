"""The rotary positions of a model: what config.json says of them, and the tensors that they add to a GGUF file,
Llama 3.1's scaling among them."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFWriter

from understudy.models.layout import Config, head_dimension
from understudy.shared.errors import InputFileError


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


# What Meta's own models say. A GGUF file keeps only the factors that follow from the four numbers.
PUBLISHED_SCALING = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
ONE = np.float32(1)


def rope_factors(scaling: dict[str, Any], rope_theta: float, head_dim: int) -> np.ndarray:
    """The divisors of the rotary frequencies, shape (head_dim / 2,), float32.

    From LlamaModel.generate_extra_tensors in llama.cpp's convert_hf_to_gguf.py, in float32 and with torch's order of
    operations (a / b is a times the reciprocal of b), so that the bytes are the same. `scaling` is config.json's
    rope_scaling of type llama3."""
    exponents = np.arange(0, head_dim, 2, dtype=np.float32) / np.float32(head_dim)
    frequencies = ONE / np.power(np.float64(rope_theta), exponents.astype(np.float64)).astype(np.float32)
    return np.array([_factor(frequency, {**PUBLISHED_SCALING, **scaling}) for frequency in frequencies], np.float32)


def scaling_from_factors(factors: np.ndarray, rope_theta: float, head_dim: int) -> dict[str, Any] | None:
    """The rope_scaling that gives `factors`, or None if they are not those of a published Llama 3 model."""
    scaling = {"rope_type": "llama3", "factor": float(factors.max()), **PUBLISHED_SCALING}
    expected = rope_factors(scaling, rope_theta, head_dim)
    matches = expected.shape == factors.shape and np.allclose(expected, factors, rtol=1e-4)
    return scaling if matches else None


def _factor(frequency: np.float32, scaling: dict[str, Any]) -> float | np.float32:
    factor, original_length = scaling.get("factor", 8.0), scaling["original_max_position_embeddings"]
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    wave_length = ONE / frequency * np.float32(2 * math.pi)
    if wave_length < original_length / high:
        return 1.0
    if wave_length > original_length / low:
        return factor
    smooth = (ONE / wave_length * np.float32(original_length) - np.float32(low)) / np.float32(high - low)
    return ONE / ((ONE - smooth) / np.float32(factor) + smooth)
