"""MLX and llama.cpp on the first layers of a base model: alike, or refused, or said not to be compared."""

import json
import logging

import mlx.core as mx
import numpy as np
import pytest
from mlx_lm.utils import quantize_model, save_model

from random_llama import write_random_llama
from random_models import random_config, write_random_model
from understudy.base import readers
from understudy.base.base_model import import_base_model
from understudy.base.readers import distance_of_readers
from understudy.models.first_layers import READERS_RECORD, kinds_of_layers, layers_of_a_period, write_first_layers
from understudy.models.folder import companion_files, copy_companions
from understudy.models.mlx.load import load_weights
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json, write_json


@pytest.fixture
def messages(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("understudy"), "propagate", True)
    caplog.set_level(logging.INFO, logger="understudy")
    return lambda: "\n".join(record.getMessage() for record in caplog.records)


def with_strong_attention(folder):
    """A random model's attention looks everywhere alike, and so hides what its positions are."""
    path = folder / "model.safetensors"
    weights = mx.load(str(path))
    mx.eval(weights)
    strong = {name: value * 12 if "q_proj" in name else value for name, value in weights.items()}
    mx.save_safetensors(str(path), strong, metadata={"format": "pt"})
    return folder


def test_the_base_model_s_readers_are_compared_and_the_record_stays_with_it(tmp_path, messages):
    source = with_strong_attention(write_random_llama(tmp_path / "source", layers=3))
    import_base_model(str(source), None, tmp_path / "base", compares_readers=True)
    record = read_json(tmp_path / "base" / READERS_RECORD)
    assert (record["layers"], record["positions"]) == (2, 600)
    assert 0 < record["distance"] < 0.01
    assert "compute the same of the first 2 layers at 600 positions" in messages()
    assert tmp_path / "base" / READERS_RECORD not in companion_files(tmp_path / "base")


def test_readers_that_differ_stop_the_import(tmp_path, monkeypatch):
    """As if llama.cpp were told another base of the rotary positions than MLX reads."""
    source = with_strong_attention(write_random_llama(tmp_path / "source"))
    write = readers.write_gguf_file

    def otherwise(folder, *arguments, **options):
        config = (folder / "config.json").read_text()
        (folder / "config.json").write_text(json.dumps({**json.loads(config), "rope_theta": 1000.0}))
        count = write(folder, *arguments, **options)
        (folder / "config.json").write_text(config)
        return count

    monkeypatch.setattr(readers, "write_gguf_file", otherwise)
    with pytest.raises(
        InputFileError, match=r"source: MLX and llama\.cpp compute different things of the same first 2 layers"
    ):
        import_base_model(str(source), None, tmp_path / "base", compares_readers=True)
    assert not (tmp_path / "base/config.json").exists()


def test_a_family_that_is_not_written_as_gguf_here_is_said_not_to_be_compared(tmp_path, messages):
    source = write_random_model(tmp_path / "source", "granitemoehybrid")
    import_base_model(str(source), None, tmp_path / "base", compares_readers=True)
    record = read_json(tmp_path / "base" / READERS_RECORD)
    assert list(record) == ["not_compared"] and "GraniteMoeHybridForCausalLM" in record["not_compared"]
    assert "MLX and llama.cpp are not compared" in messages()


@pytest.mark.long
@pytest.mark.parametrize("family", ["qwen2", "qwen3", "gemma3_text", "granite", "smollm3", "phi3"])
def test_each_family_that_is_written_as_gguf_is_read_alike(tmp_path, family):
    assert distance_of_readers(with_strong_attention(write_random_model(tmp_path / "base", family)))["distance"] < 0.02


def test_packed_weights_are_compared_as_what_they_stand_for(tmp_path):
    base = write_random_llama(tmp_path / "base", hidden_size=128, intermediate_size=256)
    packed, config = quantize_model(load_weights(base), read_json(base / "config.json"), 64, 4)
    save_model(tmp_path / "packed", packed)
    copy_companions(base, tmp_path / "packed")
    write_json(tmp_path / "packed/config.json", config)
    assert distance_of_readers(tmp_path / "packed")["distance"] < 0.02


def config_of(family: str, **changes) -> dict:
    return {**random_config(family), **changes}


@pytest.mark.parametrize(
    ("config", "layers"),
    [
        (config_of("llama", num_hidden_layers=32), 2),
        (config_of("llama", num_hidden_layers=1), 1),
        (config_of("gemma3_text", num_hidden_layers=26), 6),
        (config_of("smollm3", num_hidden_layers=36, no_rope_layers=[1, 1, 1, 0] * 9), 4),
        (config_of("granitemoehybrid", num_hidden_layers=4), 2),
    ],
    ids=["llama", "one layer", "gemma 3", "smollm 3", "granite 4"],
)
def test_as_many_layers_as_have_one_of_each_kind(config, layers):
    assert layers_of_a_period(config) == layers
    assert len(kinds_of_layers(config)) == config["num_hidden_layers"]


def test_the_first_layers_are_those_of_the_model_with_few_words(tmp_path):
    base = write_random_llama(tmp_path / "base", layers=5, vocab_size=1024)
    assert write_first_layers(base, tmp_path / "small") == 2
    config = read_json(tmp_path / "small/config.json")
    assert (config["num_hidden_layers"], config["vocab_size"]) == (2, 512)
    whole, small = (mx.load(str(folder / "model.safetensors")) for folder in (base, tmp_path / "small"))
    assert np.array_equal(small["model.embed_tokens.weight"], whole["model.embed_tokens.weight"][:512])
    assert sorted(small) == sorted(name for name in whole if not any(f"layers.{n}." in name for n in (2, 3, 4)))
