"""The rotary settings of config.json in both spellings.

transformers 5 writes `rope_parameters`; before it, `rope_theta` and `rope_scaling` stood beside one another. mlx_lm 0.32 reads
the old spelling in most of its model classes, and takes its own default (10,000) where it is missing, without a word."""

import math
from dataclasses import fields
from typing import Any

from mlx_lm.utils import _get_classes

from understudy.shared.errors import InputFileError

NEW, THETA, SCALING, PARTIAL, LOCAL_THETA = (
    "rope_parameters",
    "rope_theta",
    "rope_scaling",
    "partial_rotary_factor",
    "rope_local_base_freq",
)
FULL, SLIDING = "full_attention", "sliding_attention"


def with_both_spellings(config: dict[str, Any]) -> dict[str, Any]:
    """Return config.json with the old spelling beside the new one; where only the old one is there, as it is.

    A multimodal model's text_config counts, too. Raises InputFileError for settings that the old spelling can't hold."""
    completed = {**config, **_old_spelling(config)}
    if isinstance(config.get("text_config"), dict):
        completed["text_config"] = with_both_spellings(config["text_config"])
    return completed


def _old_spelling(config: dict[str, Any]) -> dict[str, Any]:
    new = config.get(NEW)
    if not isinstance(new, dict) or THETA in config:
        return {}
    by_layer = {name: part for name, part in new.items() if isinstance(part, dict)}
    if by_layer and _reads_it_by_layer(config):
        return {}
    full, sliding = by_layer.get(FULL, new), by_layer.get(SLIDING, {})
    if by_layer and FULL not in by_layer:
        raise InputFileError(
            f"config.json: {NEW} is for {', '.join(by_layer)} alone, which no reader here understands."
        )
    is_scaled = full.get("rope_type", "default") != "default"
    # Null where there is none: some of mlx_lm's classes want the key.
    scaling = {name: value for name, value in full.items() if name not in (THETA, PARTIAL)} if is_scaled else None
    if is_scaled:
        # The oldest name, which mlx_lm's phi3 asks for.
        scaling["type"] = full["rope_type"]
    old = {THETA: _theta(full), SCALING: scaling}
    if PARTIAL in full:
        old[PARTIAL] = full[PARTIAL]
    if sliding and _theta(sliding) != old[THETA]:
        if not str(config.get("model_type")).startswith("gemma3"):
            raise InputFileError(
                f"config.json: {NEW} has another {THETA} for {SLIDING}, which mlx_lm's {config.get('model_type')} can't have."
            )
        old[LOCAL_THETA] = _theta(sliding)
    return {name: value for name, value in old.items() if config.get(name) is None}


def _reads_it_by_layer(config: dict[str, Any]) -> bool:
    """Whether mlx_lm's class takes the new spelling itself, as Gemma 4's does."""
    try:
        return NEW in {field.name for field in fields(_get_classes(config)[1])}
    except ValueError:
        return False


def _theta(parameters: dict[str, Any]) -> float:
    theta = parameters.get(THETA)
    if isinstance(theta, bool) or not isinstance(theta, int | float) or not (math.isfinite(theta) and theta > 0):
        raise InputFileError(f"config.json: {NEW} has {THETA} {theta!r}, where a number over 0 belongs.")
    return theta


def positions_that_are_ignored(config: dict[str, Any]) -> str | None:
    """What mlx_lm does not read of a config.json in the new spelling alone, in words; None if it reads all of it, or can't load
    the model at all."""
    completed = with_both_spellings(config)
    if completed == config:
        return None
    _, arguments = _get_classes(config)
    try:
        read = vars(arguments.from_dict(config))
    except TypeError:
        return None
    differing = {
        key: (read.get(key), value)
        for key, value in vars(arguments.from_dict(completed)).items()
        if read.get(key) != value
    }
    if "text_config" in differing:
        return f"{NEW} of its text_config"
    return ", ".join(f"{key} {value!r} (it takes {taken!r})" for key, (taken, value) in differing.items()) or None
