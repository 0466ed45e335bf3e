"""The sizes and settings of a model in a GGUF file's metadata, a function a family, with the keys in the converter's order.

From set_gguf_parameters of the classes in llama.cpp's conversion/ (base.py, llama.py, granite.py, gemma.py, phi.py)."""

from typing import Any

from gguf import GGUFWriter, LlamaFileType, RopeScalingType

from understudy.models.layout import Config, head_dimension, key_value_heads

Rope = dict[str, Any]
YARN_KEYS = {
    "extrapolation_factor": "add_rope_scaling_yarn_ext_factor",
    "attention_factor": "add_rope_scaling_yarn_attn_factor",
    "beta_fast": "add_rope_scaling_yarn_beta_fast",
    "beta_slow": "add_rope_scaling_yarn_beta_slow",
}
GRANITE_MULTIPLIERS = {
    "attention_multiplier": "add_attention_scale",
    "embedding_multiplier": "add_embedding_scale",
    "residual_multiplier": "add_residual_scale",
    "logits_scaling": "add_logit_scale",
}


def add_common(
    writer: GGUFWriter, config: Config, rope: Rope, file_type: LlamaFileType, head_dim: int | None = None
) -> None:
    """Add what most families have; `head_dim` only where config.json, or the family's class in transformers, names one.

    `rope` is gguf_rope.rope_parameters(config)."""
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config.get("max_position_embeddings", 2048))
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(key_value_heads(config))
    _add_rope_scaling(writer, rope)
    writer.add_rope_freq_base(rope["rope_theta"])
    if "local_rope_theta" in rope:
        writer.add_rope_freq_base_swa(rope["local_rope_theta"])
    writer.add_layer_norm_rms_eps(config.get("rms_norm_eps", 1e-6))
    if head_dim is not None:
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
    writer.add_file_type(file_type)


def add_llama(writer: GGUFWriter, config: Config, rope: Rope, file_type: LlamaFileType) -> None:
    """Llama and Mistral, whose classes in transformers always have a head_dim."""
    add_common(writer, config, rope, file_type, head_dimension(config))
    _add_vocabulary_and_rope_size(writer, config, head_dimension(config))


def add_smollm3(writer: GGUFWriter, config: Config, rope: Rope, file_type: LlamaFileType) -> None:
    """SmolLM3: as Llama, but for a head_dim that only some config.json have."""
    add_common(writer, config, rope, file_type, config.get("head_dim"))
    _add_vocabulary_and_rope_size(writer, config, head_dimension(config))


def add_granite(writer: GGUFWriter, config: Config, rope: Rope, file_type: LlamaFileType) -> None:
    """Granite: as Llama without head_dim, and with its multipliers."""
    add_common(writer, config, rope, file_type)
    _add_vocabulary_and_rope_size(writer, config, config["hidden_size"] // config["num_attention_heads"])
    for key, adder in GRANITE_MULTIPLIERS.items():
        if config.get(key):
            getattr(writer, adder)(config[key])


def add_qwen(writer: GGUFWriter, config: Config, rope: Rope, file_type: LlamaFileType) -> None:
    """Qwen 2 and Qwen 3."""
    add_common(writer, config, rope, file_type, config.get("head_dim"))


def add_gemma3(writer: GGUFWriter, config: Config, rope: Rope, file_type: LlamaFileType) -> None:
    """Gemma 3's text model."""
    add_common(writer, config, rope, file_type, head_dimension(config))
    if config.get("final_logit_softcapping"):
        writer.add_final_logit_softcapping(config["final_logit_softcapping"])
    writer.add_sliding_window(config["sliding_window"])


def add_phi3(writer: GGUFWriter, config: Config, rope: Rope, file_type: LlamaFileType) -> None:
    """Phi 3 and Phi 4."""
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(key_value_heads(config))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(rotated_dimensions(config, rope))
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_file_type(file_type)
    writer.add_sliding_window(config.get("sliding_window") or 0)


def rotated_dimensions(config: Config, rope: Rope) -> int:
    """How many of a head's dimensions Phi's rotary positions turn."""
    share = rope.get("partial_rotary_factor") or config.get("partial_rotary_factor") or 1.0
    return int(share * config["hidden_size"]) // config["num_attention_heads"]


def _add_vocabulary_and_rope_size(writer: GGUFWriter, config: Config, rotated: int) -> None:
    writer.add_vocab_size(config["vocab_size"])
    writer.add_rope_dimension_count(rotated)


def _add_rope_scaling(writer: GGUFWriter, rope: Rope) -> None:
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if rope["rope_type"] == "yarn":
        writer.add_rope_scaling_type(RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        for key, adder in YARN_KEYS.items():
            if rope.get(key) is not None:
                getattr(writer, adder)(rope[key])
