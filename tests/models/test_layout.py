"""What a model's configuration alone tells: its shapes, and what of it would be trained."""

import copy

import mlx.core as mx
import pytest
from mlx.utils import tree_flatten
from mlx_lm.utils import get_total_parameters, quantize_model

from random_llama import write_random_llama
from understudy.models.mlx.load import load_weights, model_without_weights
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json
from understudy.train.adapters import add_adapters

LLAMA_3_2_3B = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "head_dim": 128,
    "hidden_act": "silu",
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "max_position_embeddings": 131072,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 24,
    "num_hidden_layers": 28,
    "num_key_value_heads": 8,
    "rms_norm_eps": 1e-05,
    "rope_scaling": {
        "factor": 32.0,
        "high_freq_factor": 4.0,
        "low_freq_factor": 1.0,
        "original_max_position_embeddings": 8192,
        "rope_type": "llama3",
    },
    "rope_theta": 500000.0,
    "tie_word_embeddings": True,
    "vocab_size": 128256,
}
LORA = {"rank": 8, "scale": 20.0, "dropout": 0.0}


def shapes(model):
    return {name: (value.shape, value.dtype) for name, value in tree_flatten(model.parameters())}


def wider_down_plain_q(path, module):
    """Eight bits for the MLP's output, four for all else but the queries, which stay as they are."""
    return {"bits": 8, "group_size": 32} if "down" in path else "q_proj" not in path


@pytest.mark.parametrize(("num_layers", "trainable"), [(16, 6_946_816), (12, 5_210_112)])
def test_trainable_parameters_of_llama_3_2_3b(num_layers, trainable):
    before = mx.get_active_memory()
    model = model_without_weights(LLAMA_3_2_3B)
    assert get_total_parameters(model) == 3_212_749_824
    add_adapters(model, {"num_layers": num_layers, "lora_parameters": LORA, "fine_tune_type": "lora"})
    assert sum(values.size for _, values in tree_flatten(model.trainable_parameters())) == trainable
    assert mx.get_active_memory() - before < 10**6


@pytest.mark.parametrize("mixed", [False, True])
def test_shapes_without_weights_are_those_of_the_stored_model(tmp_path, mixed):
    folder = write_random_llama(tmp_path / "base", hidden_size=96, dtype="F32")
    config = read_json(folder / "config.json")
    assert shapes(model_without_weights(config)) == shapes(load_weights(folder))
    model, config = quantize_model(
        load_weights(folder), copy.deepcopy(config), 32, 4, quant_predicate=wider_down_plain_q if mixed else None
    )
    if mixed:
        config["quantization"] |= {f"model.layers.{n}.self_attn.q_proj": False for n in range(2)}
    assert shapes(model_without_weights(config)) == shapes(model)


@pytest.mark.parametrize("change", [{"model_type": "lstm"}, {"hidden_size": None}, {"hidden_size": "wide"}])
def test_a_configuration_of_no_known_model_is_told(change):
    with pytest.raises(InputFileError, match=r"config\.json describes no model that mlx_lm can build"):
        model_without_weights({**LLAMA_3_2_3B, **change})
    with pytest.raises(InputFileError, match="describes no model"):
        model_without_weights({key: value for key, value in LLAMA_3_2_3B.items() if key not in change})
