"""Small random models in the layout that transformers itself saves, from tests/check_transformers/hub_models.json, which
write_hub_models.py beside it recorded: image parts included."""

import json
import shutil
from pathlib import Path

import mlx.core as mx
import numpy as np
from mlx_lm import convert
from mlx_lm.utils import dequantize_model, save_model

from random_llama import random_weights, write_random_llama, write_safetensors, write_small_tokenizer
from understudy.base.base_model import import_base_model
from understudy.models.folder import config_of_fused, copy_companions
from understudy.models.mlx.load import load_weights
from understudy.shared.files import read_json, write_json

RECORDED = read_json(Path(__file__).parents[1] / "check_transformers/hub_models.json")
WORDS, RECORDED_WORDS = 512, 49152
OF_ANOTHER = {
    "architectures": ["HeliumForCausalLM"],
    "attention_bias": False,
    "head_dim": 16,
    "mlp_bias": False,
    "model_type": "helium",
}


def write_hub_model(folder: Path, name: str, words: int = WORDS, dtype: str = "BF16") -> Path:
    """Write a model of RECORDED into the new `folder`, and return it."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(1)
    tensors = {}
    for tensor, shape in RECORDED[name]["tensors"].items():
        sizes = tuple(words if size == RECORDED_WORDS else size for size in shape)
        tensors[tensor] = (dtype, random_weights(generator, sizes, dtype))
    write_safetensors(folder / "model.safetensors", tensors)
    write_small_tokenizer(folder, words)
    config = json.dumps(RECORDED[name]["config"]).replace(str(RECORDED_WORDS), str(words))
    (folder / "config.json").write_text(config)
    return folder


def write_other_family(folder: Path) -> Path:
    """Write a Helium, a family that has no row here: its tensors are called as Llama's, and mlx_lm takes them as they are."""
    config = read_json(write_random_llama(folder) / "config.json")
    write_json(folder / "config.json", {**config, **OF_ANOTHER})
    return folder


def packed_by_mlx_lm(base: Path, folder: Path) -> Path:
    """Write the base as `mlx_lm.convert -q` does, with the tokenizer's files that it came with, and return `folder`."""
    convert(str(base), str(folder), quantize=True, q_bits=4, q_group_size=32)
    for path in base.glob("*token*.json"):
        shutil.copyfile(path, folder / path.name)
    return folder


def imported_and_fused(source: Path, folder: Path) -> Path:
    """Import the base into folder/base and write folder/fused as the training's end does, without adapters. Return the latter."""
    import_base_model(str(source), None, folder / "base")
    base, fused = folder / "base", folder / "fused"
    model = dequantize_model(load_weights(base, lazy=True))
    model.set_dtype(mx.bfloat16)
    save_model(fused, model)
    copy_companions(base, fused)
    write_json(fused / "config.json", config_of_fused(read_json(base / "config.json")))
    return fused
