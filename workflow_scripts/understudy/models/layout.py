"""The tensors of a model's files on the Hugging Face hub: their names and shapes, by the model_type of its config.json.

The names are those of the classes in transformers (modeling_*.py of each family). Shapes are (rows, columns) with rows
the outputs of a layer, as safetensors stores them."""

from collections.abc import Callable
from typing import Any

from understudy.shared.errors import UnsupportedArchitecture

Config = dict[str, Any]
Shapes = dict[str, tuple[int, ...]]


def expected_tensors(config: Config) -> Shapes:
    """The names and shapes of all tensors that transformers looks for.

    Raises UnsupportedArchitecture, naming it, for a model_type that isn't in LAYERS."""
    layer_of = LAYERS.get(config.get("model_type"))
    if layer_of is None or not is_language_model(config):
        raise UnsupportedArchitecture(
            f"the architecture {architecture_of(config)} is not understood; {', '.join(ARCHITECTURES.values())} are."
        )
    hidden, words = config["hidden_size"], config["vocab_size"]
    shapes: Shapes = {"model.embed_tokens.weight": (words, hidden), "model.norm.weight": (hidden,)}
    if not is_tied(config):
        shapes["lm_head.weight"] = (words, hidden)
    for layer in range(config["num_hidden_layers"]):
        shapes |= {f"model.layers.{layer}.{name}": shape for name, shape in layer_of(config, layer).items()}
    return shapes


def architecture_of(config: Config) -> str:
    """The name of the transformers class that config.json names, or what it says of the model's type."""
    named = config.get("architectures") or [ARCHITECTURES.get(config.get("model_type"))]
    return named[0] or f"of model_type {config.get('model_type')}"


def is_language_model(config: Config) -> bool:
    """Whether config.json names the class that answers in text, or no class; others have other tensors."""
    return architecture_of(config) == ARCHITECTURES.get(config.get("model_type"))


def is_needless(name: str) -> bool:
    """Whether old files have a tensor that their classes compute anew."""
    return name.endswith((".attention.masked_bias", ".attention.bias", ".rotary_emb.inv_freq"))


def is_tied(config: Config) -> bool:
    """Whether the embedding is the output layer too; transformers says so of some families where config.json is silent."""
    return config.get("tie_word_embeddings", config.get("model_type") in TIED_UNLESS_TOLD)


def head_dimension(config: Config) -> int:
    """The length of one attention head's vectors."""
    return config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]


def key_value_heads(config: Config) -> int:
    """The number of heads that keys and values have; as many as the queries have unless config.json says otherwise."""
    return config.get("num_key_value_heads") or config["num_attention_heads"]


def _attention(config: Config, biased: str = "") -> Shapes:
    """The four projections, those of the letters in `biased` with a bias."""
    hidden, head = config["hidden_size"], head_dimension(config)
    queries, keys = head * config["num_attention_heads"], head * key_value_heads(config)
    rows = {"q": queries, "k": keys, "v": keys, "o": hidden}
    weights = {f"self_attn.{name}_proj.weight": (rows[name], queries if name == "o" else hidden) for name in rows}
    return weights | {f"self_attn.{name}_proj.bias": (rows[name],) for name in biased}


def _feed_forward(config: Config, biased: bool = False) -> Shapes:
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    rows = {"gate": inner, "up": inner, "down": hidden}
    weights = {f"mlp.{name}_proj.weight": (rows[name], inner if name == "down" else hidden) for name in rows}
    return weights | ({f"mlp.{name}_proj.bias": (rows[name],) for name in rows} if biased else {})


def _norms(config: Config, *names: str) -> Shapes:
    return {
        f"{name}.weight": (config["hidden_size"],) for name in ("input_layernorm", "post_attention_layernorm", *names)
    }


def _head_norms(config: Config) -> Shapes:
    return {f"self_attn.{name}_norm.weight": (head_dimension(config),) for name in "qk"}


def _all_if(asked: Any) -> str:
    return "qkvo" if asked else ""


def _llama_layer(config: Config, layer: int) -> Shapes:
    attention = _attention(config, _all_if(config.get("attention_bias")))
    return _norms(config) | attention | _feed_forward(config, bool(config.get("mlp_bias")))


def _mistral_layer(config: Config, layer: int) -> Shapes:
    return _norms(config) | _attention(config) | _feed_forward(config)


def _qwen2_layer(config: Config, layer: int) -> Shapes:
    return _norms(config) | _attention(config, "qkv") | _feed_forward(config)


def _qwen3_layer(config: Config, layer: int) -> Shapes:
    attention = _attention(config, _all_if(config.get("attention_bias")))
    return _norms(config) | attention | _head_norms(config) | _feed_forward(config)


def _gemma3_layer(config: Config, layer: int) -> Shapes:
    norms = _norms(config, "pre_feedforward_layernorm", "post_feedforward_layernorm")
    attention = _attention(config, _all_if(config.get("attention_bias")))
    return norms | attention | _head_norms(config) | _feed_forward(config)


def _phi3_layer(config: Config, layer: int) -> Shapes:
    hidden, inner, head = config["hidden_size"], config["intermediate_size"], head_dimension(config)
    queries, keys = head * config["num_attention_heads"], head * key_value_heads(config)
    return _norms(config) | {
        "self_attn.qkv_proj.weight": (queries + 2 * keys, hidden),
        "self_attn.o_proj.weight": (hidden, queries),
        "mlp.gate_up_proj.weight": (2 * inner, hidden),
        "mlp.down_proj.weight": (hidden, inner),
    }


def _granite_hybrid_layer(config: Config, layer: int) -> Shapes:
    is_attention = config["layer_types"][layer] == "attention"
    mixer = _attention(config, _all_if(config.get("attention_bias"))) if is_attention else _state_space(config)
    return (
        _norms(config) | mixer | _experts(config) | _gate_up_and_down(config, "shared_mlp", "shared_intermediate_size")
    )


def _state_space(config: Config) -> Shapes:
    hidden, heads = config["hidden_size"], config["mamba_n_heads"]
    inner = heads * config["mamba_d_head"]
    channels = inner + 2 * config["mamba_n_groups"] * config["mamba_d_state"]
    shapes = {
        "mamba.A_log": (heads,),
        "mamba.D": (heads,),
        "mamba.dt_bias": (heads,),
        "mamba.conv1d.weight": (channels, 1, config["mamba_d_conv"]),
        "mamba.in_proj.weight": (inner + channels + heads, hidden),
        "mamba.norm.weight": (inner,),
        "mamba.out_proj.weight": (hidden, inner),
    }
    if config.get("mamba_conv_bias", True):
        shapes["mamba.conv1d.bias"] = (channels,)
    if config.get("mamba_proj_bias"):
        shapes |= {"mamba.in_proj.bias": (inner + channels + heads,), "mamba.out_proj.bias": (hidden,)}
    return shapes


def _experts(config: Config) -> Shapes:
    experts, hidden, inner = config.get("num_local_experts", 0), config["hidden_size"], config["intermediate_size"]
    if not experts:
        return {}
    return {
        "block_sparse_moe.input_linear.weight": (experts, 2 * inner, hidden),
        "block_sparse_moe.output_linear.weight": (experts, hidden, inner),
        "block_sparse_moe.router.layer.weight": (experts, hidden),
    }


def _gate_up_and_down(config: Config, name: str, width: str) -> Shapes:
    hidden, inner = config["hidden_size"], config[width]
    return {f"{name}.input_linear.weight": (2 * inner, hidden), f"{name}.output_linear.weight": (hidden, inner)}


LAYERS: dict[str, Callable[[Config, int], Shapes]] = {
    "llama": _llama_layer,
    "mistral": _mistral_layer,
    "qwen2": _qwen2_layer,
    "qwen3": _qwen3_layer,
    "gemma3_text": _gemma3_layer,
    "granite": _llama_layer,
    "granitemoehybrid": _granite_hybrid_layer,
    "smollm3": _llama_layer,
    "phi3": _phi3_layer,
}
ARCHITECTURES = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "gemma3_text": "Gemma3ForCausalLM",
    "granite": "GraniteForCausalLM",
    "granitemoehybrid": "GraniteMoeHybridForCausalLM",
    "smollm3": "SmolLM3ForCausalLM",
    "phi3": "Phi3ForCausalLM",
}
TIED_UNLESS_TOLD = ("gemma3_text", "smollm3")
