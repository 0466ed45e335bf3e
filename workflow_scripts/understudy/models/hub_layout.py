"""What mlx_lm's `sanitize` does to the tensors of a family when it loads them, so that hf/ can undo it.

One row of SANITIZED a family; `make check-transformers` compares transformers' logits with MLX's for each of them, from models
that transformers itself wrote, and from 4-bit folders that mlx_lm made of those. An image part isn't trained, and not written:
transformers has a class for the language model alone."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx

from understudy.models.folder import MLX_KEYS, WEIGHTS
from understudy.models.layout import ARCHITECTURES, Config, architecture_of, is_language_model, is_needless
from understudy.models.mlx.load import model_without_weights
from understudy.models.rope_spelling import with_both_spellings
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json

# What Gemma3TextConfig of transformers fills in, and the config.json of Gemma 3 4B, 12B and 27B leaves out.
GEMMA3_DEFAULTS: Config = {
    "head_dim": 256,
    "hidden_activation": "gelu_pytorch_tanh",
    "max_position_embeddings": 131072,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "query_pre_attn_scalar": 256,
    "rms_norm_eps": 1e-6,
    "rope_local_base_freq": 10000.0,
    "rope_theta": 1000000.0,
    "sliding_window_pattern": 6,
}
OF_THE_WHOLE = ("bos_token_id", "eos_token_id", "pad_token_id", "dtype", "torch_dtype")


@dataclass(frozen=True)
class Sanitized:
    """What mlx_lm makes of a family's tensors.

    `architecture` is the class of transformers that loads hf/, `config` makes its config.json from mlx_lm's. `prefix` stands
    before the names of the language model. In `convolution`, an ending of names, taps and channel have changed places.
    `shifted` are endings of norms to which 1 was added. `stacked` and `apart` are a layer's experts in one tensor, and each by
    itself on the hub."""

    architecture: str
    config: Callable[[Config], Config] = lambda config: config
    prefix: str = ""
    convolution: str | None = None
    shifted: tuple[str, ...] = ()
    stacked: str | None = None
    apart: str = ""


def _text_alone(config: Config, defaults: Config | None = None) -> Config:
    """The language model's part of a config.json as that of a model of its own."""
    whole = {key: config[key] for key in OF_THE_WHOLE if key in config}
    return {**(defaults or {}), **whole, **config["text_config"]}


def _gemma3(config: Config) -> Config:
    # mlx_lm's gemma3 takes the vocabulary's size from here.
    words = config.get("vocab_size", 262208)
    return {**_text_alone(config, GEMMA3_DEFAULTS), "model_type": "gemma3_text", "vocab_size": words}


def _qwen3_5(config: Config) -> Config:
    """Without the layer that predicts a second token, which mlx_lm doesn't load. mlx_lm doesn't know transformers' name for the
    language model alone (qwen3_5_text); transformers' class for it takes the whole model's config.json, too."""
    return {**config, "text_config": {**config["text_config"], "mtp_num_hidden_layers": 0}}


SANITIZED: dict[str, Sanitized] = {
    "gemma3": Sanitized("Gemma3ForCausalLM", _gemma3, prefix="language_model."),
    "qwen3_5": Sanitized(
        "Qwen3_5ForCausalLM",
        _qwen3_5,
        prefix="language_model.",
        convolution="conv1d.weight",
        shifted=(
            ".input_layernorm.weight",
            ".post_attention_layernorm.weight",
            "model.norm.weight",
            ".q_norm.weight",
            ".k_norm.weight",
        ),
    ),
    "qwen3_moe": Sanitized("Qwen3MoeForCausalLM", stacked=".mlp.switch_mlp.", apart=".mlp.experts.{}."),
    "lfm2": Sanitized("Lfm2ForCausalLM", convolution="conv.conv.weight"),
    "ministral3": Sanitized("Ministral3ForCausalLM"),
    "mistral3": Sanitized("Ministral3ForCausalLM", _text_alone, prefix="language_model."),
    # Saved as they are on the hub.
    "cohere2": Sanitized("Cohere2ForCausalLM"),
    "ernie4_5": Sanitized("Ernie4_5ForCausalLM"),
    "gemma2": Sanitized("Gemma2ForCausalLM"),
    "glm4": Sanitized("Glm4ForCausalLM"),
    "hunyuan_v1_dense": Sanitized("HunYuanDenseV1ForCausalLM"),
    "olmo2": Sanitized("Olmo2ForCausalLM"),
    "olmo3": Sanitized("Olmo3ForCausalLM"),
    "seed_oss": Sanitized("SeedOssForCausalLM"),
}


def sanitized_by_mlx_lm(config: Config) -> Sanitized | None:
    """The row of SANITIZED for the model of a config.json; None if there is none."""
    row = SANITIZED.get(config.get("model_type"))
    if row is None or (row.prefix and not isinstance(config.get("text_config"), dict)):
        return None
    is_another_model_inside = (
        config["model_type"] == "mistral3" and config["text_config"].get("model_type") != "ministral3"
    )
    return None if is_another_model_inside else row


def config_for_hub(config: Config, is_tied: bool) -> Config:
    """config.json as transformers' class of the language model takes it, for a model that is in SANITIZED."""
    row = sanitized_by_mlx_lm(config)
    plain = {**row.config(config), "architectures": [row.architecture], "tie_word_embeddings": is_tied}
    if isinstance(plain.get("text_config"), dict):
        plain["text_config"] = {**plain["text_config"], "tie_word_embeddings": is_tied}
    return plain


def is_known_to_hf(config: Config) -> bool:
    """Whether the hub's tensors of the model are known, by models.layout or SANITIZED."""
    is_laid_out = config.get("model_type") in ARCHITECTURES and is_language_model(config)
    return is_laid_out or sanitized_by_mlx_lm(config) is not None


def is_written_anew(config: Config) -> bool:
    """Whether hf/ of the model takes room of its own, in place of links to the fused weights."""
    row = sanitized_by_mlx_lm(config)
    return row is not None and bool(row.prefix or row.convolution or row.stacked)


def why_no_hf(folder: Path) -> str | None:
    """Why the Hugging Face folder of a model that is trained on the base in `folder` can't be written; None if it can."""
    config = read_json(folder / "config.json")
    if is_known_to_hf(config) or is_loaded_as_stored(folder):
        return None
    if any(key in config for key in MLX_KEYS):
        return (
            f"a base in MLX's layout does not tell what the hub calls the tensors of {architecture_of(config)}. The same base as "
            "its authors published it may be taken"
        )
    return f"mlx_lm changes the tensors of {architecture_of(config)} when it loads them, and how is not known here"


def is_loaded_as_stored(folder: Path) -> bool:
    """Whether mlx_lm takes each tensor of the base in `folder` as it is: name, shape and values. Reads no tensor.

    What is saved after the training then has the layout that the base came in. A base that is packed, or in MLX's own layout,
    tells nothing of the hub's."""
    config = read_json(folder / "config.json")
    if any(key in config for key in MLX_KEYS) or any(key in config.get("text_config", {}) for key in MLX_KEYS):
        return False
    stored: dict[str, Any] = {}
    for path in sorted(folder.glob(WEIGHTS)):
        stored.update(mx.load(str(path)))
    if not stored:
        return False
    try:
        model = model_without_weights(with_both_spellings(config))
        loaded = model.sanitize(dict(stored)) if hasattr(model, "sanitize") else stored
    except (InputFileError, KeyError, ValueError, IndexError):
        return False
    left_out = {name for name in stored.keys() - loaded.keys() if not is_needless(name)}
    return left_out <= {"lm_head.weight"} and all(value is stored.get(name) for name, value in loaded.items())
