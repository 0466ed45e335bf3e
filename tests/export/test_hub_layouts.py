"""hf/ of families whose tensors mlx_lm changes when it loads them: back in transformers' layout, to the byte.

That transformers computes of it what MLX does is tried by `make check-transformers`, which has torch."""

import mlx.core as mx
import numpy as np
import pytest

from hub_models import imported_and_fused, packed_by_mlx_lm, write_hub_model
from understudy.base.base_model import import_base_model
from understudy.export.hf import write_hugging_face_folder
from understudy.models.mlx.load import load_base, load_weights
from understudy.models.safetensors import stored_tensors
from understudy.shared.files import read_json

CLASSES = {
    "gemma3": "Gemma3ForCausalLM",
    "gemma3_text": "Gemma3ForCausalLM",
    "qwen3_5": "Qwen3_5ForCausalLM",
    "qwen3_5-untied": "Qwen3_5ForCausalLM",
    "mistral3": "Ministral3ForCausalLM",
    "ministral3": "Ministral3ForCausalLM",
    "lfm2": "Lfm2ForCausalLM",
    "qwen3_moe": "Qwen3MoeForCausalLM",
}


def hf_of(fused):
    target = fused.parent / "hf/config.json"
    write_hugging_face_folder(str(fused / "config.json"), str(target), str(fused.parent / "base/config.json"))
    return target.parent


def language_model_of(stored):
    """The tensors of a base by the names that transformers' class of the language model alone gives them."""
    tensors = {}
    for name, tensor in stored.items():
        if "vision" in name or "visual" in name or "multi_modal" in name:
            continue
        tensors[name.replace("model.language_model.", "model.").removeprefix("language_model.")] = tensor
    return tensors


@pytest.mark.parametrize("name", CLASSES)
def test_what_mlx_lm_did_is_undone(tmp_path, name):
    base = write_hub_model(tmp_path / "source", name)
    hf = hf_of(imported_and_fused(base, tmp_path))
    expected, found = language_model_of(stored_tensors(base)), stored_tensors(hf)
    assert found.keys() == expected.keys()
    for tensor, stored in expected.items():
        assert found[tensor].shape == stored.shape
        # A norm to which mlx_lm added 1 was rounded there.
        assert np.abs(found[tensor].read() - stored.read()).max() <= (2**-7 if "norm" in tensor else 0), tensor
    config = read_json(hf / "config.json")
    assert config["architectures"] == [CLASSES[name]]
    assert "vision_config" not in config
    load_weights(hf)  # mlx_lm takes it, too.


@pytest.mark.parametrize("name", ["gemma3", "qwen3_5", "qwen3_moe"])
def test_a_base_in_mlx_s_4_bits_comes_back_to_the_hub_s_layout(tmp_path, name):
    base = write_hub_model(tmp_path / "source", name)
    # With the rotary settings in both spellings, as published models have the old one.
    import_base_model(str(base), None, tmp_path / "imported")
    fused = imported_and_fused(packed_by_mlx_lm(tmp_path / "imported", tmp_path / "packed"), tmp_path)
    hf = hf_of(fused)
    expected, found = language_model_of(stored_tensors(base)), stored_tensors(hf)
    assert {tensor: stored.shape for tensor, stored in found.items()} == {
        tensor: stored.shape for tensor, stored in expected.items()
    }
    tokens = mx.array([[(7 * position) % 500 + 3 for position in range(40)]])
    of_fused, of_hf = (load_base(folder)[0](tokens) for folder in (fused, hf))
    assert mx.allclose(of_fused, of_hf, atol=1e-3 * mx.std(of_fused).item())
