"""Llama 3.1's rope scaling, between the keys of config.json and the tensor `rope_freqs.weight` of a GGUF file."""

import math
from typing import Any

import numpy as np

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
