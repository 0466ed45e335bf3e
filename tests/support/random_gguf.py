"""Small F16 files of architectures that only the official converter writes, with random weights, the same on every machine.
What llama_model_quantize makes of them is recorded in tests/oracles/mixes.json."""

from pathlib import Path

import numpy as np
from gguf import GGUFWriter, LlamaFileType

WIDTH, FEED_FORWARD, LAYERS, TOKENS = 256, 512, 8, 64
ATTENTION = (1, 3, 4, 7)
SSM_STATE = 16


def write_random_gguf(path: Path, architecture: str, experts: int = 0, tied: bool = True) -> Path:
    """Write a file of `architecture` (granitehybrid: mamba but for four layers; llama: attention alone) and return its path."""
    writer = GGUFWriter(path, architecture)
    keys = [2 if layer in ATTENTION or architecture == "llama" else 0 for layer in range(LAYERS)]
    write_sizes(writer, keys if architecture != "llama" else 2, experts)
    if architecture != "llama":
        writer.add_ssm_conv_kernel(4)
        writer.add_ssm_inner_size(2 * WIDTH)
        writer.add_ssm_state_size(SSM_STATE)
        writer.add_ssm_time_step_rank(8)
        writer.add_ssm_group_count(1)
        writer.add_logit_scale(1.0)
    generator = np.random.default_rng(7)
    for name, shape in shapes(keys, experts, tied).items():
        # Sums of integers, because the tails of a normal distribution go through the C library's logarithm.
        values = generator.integers(-(2**15), 2**15, (4, *shape), dtype=np.int32).sum(axis=0) * np.float32(2**-21)
        is_f32 = len(shape) < 2 or "ssm_conv1d" in name or "gate_inp" in name
        writer.add_tensor(name, values.astype(np.float32 if is_f32 else np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_sizes(writer: GGUFWriter, keys: int | list[int], experts: int) -> None:
    writer.add_name("Random")
    writer.add_tags(["one", "two"])
    writer.add_block_count(LAYERS)
    writer.add_context_length(512)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(8)
    writer.add_head_count_kv(keys)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // 8)
    writer.add_vocab_size(TOKENS)
    writer.add_file_type(LlamaFileType.MOSTLY_F16)
    if experts:
        writer.add_expert_count(experts)
        writer.add_expert_used_count(2)


def shapes(keys: list[int], experts: int, tied: bool) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor, in no order that means anything."""
    tensors: dict[str, tuple[int, ...]] = {"token_embd.weight": (TOKENS, WIDTH), "output_norm.weight": (WIDTH,)}
    if not tied:
        tensors["output.weight"] = (TOKENS, WIDTH)
    for layer in reversed(range(LAYERS)):
        of_layer = attention(keys[layer]) if keys[layer] else MAMBA
        of_layer = {**of_layer, **(feed_forward_of_experts(experts) if experts else FEED_FORWARD_SHAPES)}
        tensors |= {f"blk.{layer}.{name}": shape for name, shape in of_layer.items()}
    return tensors


def attention(keys: int) -> dict[str, tuple[int, ...]]:
    narrow = WIDTH // 8 * keys
    return {
        "attn_norm.weight": (WIDTH,),
        "attn_q.weight": (WIDTH, WIDTH),
        "attn_k.weight": (narrow, WIDTH),
        "attn_v.weight": (narrow, WIDTH),
        "attn_output.weight": (WIDTH, WIDTH),
    }


def feed_forward_of_experts(experts: int) -> dict[str, tuple[int, ...]]:
    return {
        "ffn_norm.weight": (WIDTH,),
        "ffn_gate_inp.weight": (experts, WIDTH),
        "ffn_gate_exps.weight": (experts, FEED_FORWARD, WIDTH),
        "ffn_up_exps.weight": (experts, FEED_FORWARD, WIDTH),
        "ffn_down_exps.weight": (experts, WIDTH, FEED_FORWARD),
        # 320 is no multiple of 256.
        "ffn_down_shexp.weight": (WIDTH, 320),
    }


FEED_FORWARD_SHAPES = {
    "ffn_norm.weight": (WIDTH,),
    "ffn_gate.weight": (FEED_FORWARD, WIDTH),
    "ffn_up.weight": (FEED_FORWARD, WIDTH),
    "ffn_down.weight": (WIDTH, FEED_FORWARD),
}
MAMBA = {
    "attn_norm.weight": (WIDTH,),
    "ssm_in.weight": (4 * WIDTH + 2 * SSM_STATE + 8, WIDTH),
    "ssm_conv1d.weight": (2 * WIDTH + 2 * SSM_STATE, 4),
    "ssm_dt.bias": (8,),
    # Not called a weight, so it stays as it is.
    "ssm_a": (8, 1),
    "ssm_norm.weight": (1, 2 * WIDTH),
    "ssm_out.weight": (WIDTH, 2 * WIDTH),
}
# What the references are recorded for.
FILES = {
    "hybrid": {"architecture": "granitehybrid"},
    "hybrid-experts": {"architecture": "granitehybrid", "experts": 4, "tied": False},
    "mixtral": {"architecture": "llama", "experts": 8, "tied": False},
}
