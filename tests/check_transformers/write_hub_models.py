"""Write random models as transformers itself saves them: python write_hub_models.py FOLDER, in the environment of
requirements.txt.

Families whose tensors have other names, shapes or values on the hub than mlx_lm saves, image parts included where the published
models have one. The project's own random models are of mlx_lm's classes; these come from the other side. Their configurations,
names and shapes are recorded in hub_models.json, for the tests that have no torch."""

import copy
import json
import sys
from pathlib import Path

import torch
import transformers
from safetensors import safe_open

# Of SmolLM2, whose tokenizer llama.cpp's converter knows by what the whole vocabulary makes of a text.
WORDS = 49152
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
    "tie_word_embeddings": True,
    "vocab_size": WORDS,
}
GEMMA = {
    **COMMON,
    "head_dim": 32,
    "num_hidden_layers": 7,
    "query_pre_attn_scalar": 32,
    "sliding_window": 16,
    "rope_parameters": {
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1_000_000.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
    },
}
QWEN = {
    **COMMON,
    "full_attention_interval": 4,
    "head_dim": 32,
    "linear_conv_kernel_dim": 4,
    "linear_key_head_dim": 32,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_value_head_dim": 32,
    "mtp_num_hidden_layers": 1,
    "rope_parameters": {
        "rope_type": "default",
        "rope_theta": 100_000.0,
        "partial_rotary_factor": 0.5,
        "mrope_interleaved": True,
        "mrope_section": [3, 3, 2],
    },
}
MINISTRAL = {
    **COMMON,
    "head_dim": 32,
    "rope_parameters": {
        "type": "yarn",
        "rope_type": "yarn",
        "rope_theta": 1_000_000.0,
        "factor": 16.0,
        "original_max_position_embeddings": 128,
        "beta_fast": 32.0,
        "beta_slow": 1.0,
        "mscale": 1.0,
        "mscale_all_dim": 1.0,
        "llama_4_scaling_beta": 0.1,
    },
}
LFM2 = {
    **COMMON,
    "block_auto_adjust_ff_dim": True,
    "block_dim": 64,
    "block_ff_dim": 192,
    "block_ffn_dim_multiplier": 1.0,
    "block_multiple_of": 32,
    "conv_L_cache": 3,
    "conv_bias": False,
    "layer_types": ["conv", "conv", "full_attention", "conv"],
    "norm_eps": 1e-5,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0},
}
EXPERTS = {
    **COMMON,
    "decoder_sparse_step": 1,
    "head_dim": 32,
    "mlp_only_layers": [],
    "moe_intermediate_size": 64,
    "norm_topk_prob": True,
    "num_experts": 8,
    "num_experts_per_tok": 2,
    "rope_parameters": {"rope_type": "default", "rope_theta": 100_000.0},
    "tie_word_embeddings": False,
}
SIGLIP = {
    "hidden_size": 32,
    "image_size": 28,
    "intermediate_size": 64,
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
    "patch_size": 14,
}
QWEN_VISION = {
    "deepstack_visual_indexes": [],
    "depth": 1,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_heads": 2,
    "num_position_embeddings": 16,
    "out_hidden_size": 64,
    "patch_size": 14,
}
PIXTRAL = {**SIGLIP, "head_dim": 16, "model_type": "pixtral"}
# By the folder's name: the class of the model, that of its configuration, the configuration.
MODELS = {
    "gemma3": (
        "Gemma3ForConditionalGeneration",
        "Gemma3Config",
        {"text_config": GEMMA, "vision_config": SIGLIP, "mm_tokens_per_image": 4, "tie_word_embeddings": True},
    ),
    "gemma3_text": ("Gemma3ForCausalLM", "Gemma3TextConfig", GEMMA),
    "qwen3_5": (
        "Qwen3_5ForConditionalGeneration",
        "Qwen3_5Config",
        {"text_config": QWEN, "vision_config": QWEN_VISION, "tie_word_embeddings": True},
    ),
    "qwen3_5-untied": (
        "Qwen3_5ForConditionalGeneration",
        "Qwen3_5Config",
        {
            "text_config": {**QWEN, "tie_word_embeddings": False, "num_hidden_layers": 8},
            "vision_config": QWEN_VISION,
            "tie_word_embeddings": False,
        },
    ),
    "mistral3": (
        "Mistral3ForConditionalGeneration",
        "Mistral3Config",
        {
            "text_config": {**MINISTRAL, "model_type": "ministral3"},
            "vision_config": PIXTRAL,
            "tie_word_embeddings": True,
        },
    ),
    "ministral3": ("Ministral3ForCausalLM", "Ministral3Config", {**MINISTRAL, "tie_word_embeddings": False}),
    "lfm2": ("Lfm2ForCausalLM", "Lfm2Config", LFM2),
    "qwen3_moe": ("Qwen3MoeForCausalLM", "Qwen3MoeConfig", EXPERTS),
}


PLAIN = {
    **COMMON,
    "head_dim": 32,
    "rope_parameters": {"rope_type": "default", "rope_theta": 100_000.0},
    "tie_word_embeddings": False,
}
TIED = {**PLAIN, "tie_word_embeddings": True}
WITH_WINDOWS = {**PLAIN, "head_dim": 16, "sliding_window": 16}
# Families that mlx_lm saves as they are on the hub.
MODELS |= {
    "cohere2": ("Cohere2ForCausalLM", "Cohere2Config", {**WITH_WINDOWS, "tie_word_embeddings": True}),
    "ernie4_5": ("Ernie4_5ForCausalLM", "Ernie4_5Config", TIED),
    "gemma2": ("Gemma2ForCausalLM", "Gemma2Config", {**TIED, "query_pre_attn_scalar": 32, "sliding_window": 4096}),
    "glm4": ("Glm4ForCausalLM", "Glm4Config", PLAIN),
    "hunyuan_v1_dense": ("HunYuanDenseV1ForCausalLM", "HunYuanDenseV1Config", TIED),
    "olmo2": ("Olmo2ForCausalLM", "Olmo2Config", {**PLAIN, "head_dim": 16}),
    "olmo3": ("Olmo3ForCausalLM", "Olmo3Config", WITH_WINDOWS),
    "seed_oss": ("SeedOssForCausalLM", "SeedOssConfig", PLAIN),
}
# What config.json of the published models has, and transformers 5 writes in another place.
AS_PUBLISHED = {"gemma3": {"vocab_size": WORDS}, "qwen3_moe": {"num_experts": EXPERTS["num_experts"]}}
RECORD = Path(__file__).with_name("hub_models.json")


def main(folder: Path) -> None:
    recorded = {}
    for name, (model_class, config_class, settings) in MODELS.items():
        torch.manual_seed(1)
        model = getattr(transformers, model_class)(getattr(transformers, config_class)(**copy.deepcopy(settings)))
        with torch.no_grad():
            for parameter in model.parameters():
                # Norms, which begin as ones or zeros, are no norms to tell apart.
                parameter.add_(0.05 * torch.randn_like(parameter))
        base = folder / name / "base"
        model.to(torch.bfloat16).save_pretrained(base)
        config = json.loads((base / "config.json").read_text()) | AS_PUBLISHED.get(name, {})
        (base / "config.json").write_text(json.dumps(config, indent=2))
        with safe_open(base / "model.safetensors", "pt") as stored:
            tensors = {key: list(stored.get_slice(key).get_shape()) for key in sorted(stored.keys())}
        recorded[name] = {"config": config, "tensors": tensors}
    lines = (f"{json.dumps(name)}: {json.dumps(model)}" for name, model in recorded.items())
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
