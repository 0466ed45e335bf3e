"""Small models of other families than Llama with random weights, as folders in Hugging Face layout. The weights are those
that mlx_lm's own classes draw; where its `sanitize` changes what the hub's files have, the change is undone here."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten

from random_llama import write_small_tokenizer
from understudy.models.mlx.load import model_without_weights

Weights = dict[str, mx.array]
VOCABULARY = 512
COMMON = {
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 2,
    "hidden_size": 64,
    "intermediate_size": 128,
    "max_position_embeddings": 2048,
    "num_attention_heads": 4,
    "num_hidden_layers": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-6,
    "rope_theta": 100000.0,
    "tie_word_embeddings": False,
    "vocab_size": VOCABULARY,
}
GRANITE = {
    "attention_bias": False,
    "attention_multiplier": 0.0625,
    "embedding_multiplier": 12.0,
    "logits_scaling": 1.0,
    "mlp_bias": False,
    "residual_multiplier": 0.22,
}
GRANITE_HYBRID = {
    **GRANITE,
    "architectures": ["GraniteMoeHybridForCausalLM"],
    "layer_types": ["mamba", "attention", "mamba", "attention"],
    "mamba_conv_bias": True,
    "mamba_d_conv": 4,
    "mamba_d_head": 16,
    "mamba_d_state": 16,
    "mamba_expand": 2,
    "mamba_n_groups": 1,
    "mamba_n_heads": 8,
    "mamba_proj_bias": False,
    "model_type": "granitemoehybrid",
    "position_embedding_type": "nope",
    "shared_intermediate_size": 128,
}
# What each family's config.json has beside the common keys.
CONFIGS: dict[str, dict[str, Any]] = {
    "llama": {"architectures": ["LlamaForCausalLM"], "model_type": "llama"},
    "mistral": {"architectures": ["MistralForCausalLM"], "model_type": "mistral"},
    "qwen2": {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "tie_word_embeddings": True},
    "qwen3": {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "head_dim": 32},
    "gemma3_text": {
        "architectures": ["Gemma3ForCausalLM"],
        "head_dim": 32,
        "model_type": "gemma3_text",
        # Every sixth layer sees the whole text, as in llama.cpp.
        "num_hidden_layers": 7,
        "query_pre_attn_scalar": 32,
        "rope_local_base_freq": 10000.0,
        "sliding_window": 16,
        "sliding_window_pattern": 6,
        "tie_word_embeddings": True,
    },
    "granite": {**GRANITE, "architectures": ["GraniteForCausalLM"], "model_type": "granite"},
    "granitemoehybrid": {**GRANITE_HYBRID, "num_local_experts": 0, "num_experts_per_tok": 0},
    "granitemoehybrid-experts": {**GRANITE_HYBRID, "num_local_experts": 4, "num_experts_per_tok": 2},
    "smollm3": {"architectures": ["SmolLM3ForCausalLM"], "model_type": "smollm3", "no_rope_layers": [1, 1, 1, 0]},
    "phi3": {"architectures": ["Phi3ForCausalLM"], "model_type": "phi3"},
}
FAMILIES = tuple(CONFIGS)


def random_config(family: str) -> dict[str, Any]:
    """The config.json of a small model: 4 layers, 64 wide, 512 tokens."""
    return {**COMMON, **CONFIGS[family]}


def write_random_model(
    folder: Path, family: str, dtype: mx.Dtype = mx.float16, seed: int = 1, vocab_size: int = VOCABULARY
) -> Path:
    """Write a small model of one of FAMILIES into the new `folder`, and return it."""
    folder.mkdir(parents=True)
    config = {**random_config(family), "vocab_size": vocab_size}
    mx.random.seed(seed)
    model = model_without_weights(config)
    model.set_dtype(dtype)
    weights = hub_layout(dict(tree_flatten(model.parameters())), config)
    mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "pt"})
    write_small_tokenizer(folder, vocab_size)
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    return folder


def hub_layout(weights: Weights, config: dict[str, Any]) -> Weights:
    """The weights as the family's files on the hub have them."""
    undo = UNDO_SANITIZE.get(config["model_type"])
    return undo(weights, config) if undo else weights


def hybrid_in_hub_layout(weights: Weights, config: dict[str, Any]) -> Weights:
    """Undo granitemoehybrid.Model.sanitize: gate and up are one matrix, a convolution is (channels, 1, taps)."""
    stored = {
        name: value.swapaxes(1, 2) if name.endswith("conv1d.weight") else value for name, value in weights.items()
    }
    if config["num_local_experts"]:
        parts, whole = "block_sparse_moe.switch_mlp", "block_sparse_moe"
    else:
        parts, whole = "mlp", "shared_mlp"
    for layer in range(config["num_hidden_layers"]):
        gate, up, down = (
            stored.pop(f"model.layers.{layer}.{parts}.{name}_proj.weight") for name in ("gate", "up", "down")
        )
        stored[f"model.layers.{layer}.{whole}.input_linear.weight"] = mx.concatenate([gate, up], axis=-2)
        stored[f"model.layers.{layer}.{whole}.output_linear.weight"] = down
    return stored


UNDO_SANITIZE: dict[str, Callable[[Weights, dict[str, Any]], Weights]] = {"granitemoehybrid": hybrid_in_hub_layout}
