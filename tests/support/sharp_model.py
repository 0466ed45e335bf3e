"""A random model with decided opinions: one whose logits are all alike hides what is wrong with it."""

from pathlib import Path

import mlx.core as mx

FACTOR = 12
HEADS = ("lm_head.weight", "model.norm.weight")


def sharpen(folder: Path) -> Path:
    """Multiply the logits of the model in `folder`: its head, or the last norm of a tied one; return the folder."""
    path = folder / "model.safetensors"
    weights = mx.load(str(path))
    mx.eval(weights)
    name = next(name for name in HEADS if name in weights)
    weights[name] = weights[name] * FACTOR
    mx.save_safetensors(str(path), weights, metadata={"format": "pt"})
    return folder
