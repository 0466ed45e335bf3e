"""config.json as transformers 5 writes it, by its own configuration classes: MLX must compute with it what it computes with the
old spelling, and a base that was brought in before is refused where mlx_lm ignored it."""

import json
import logging
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten, tree_unflatten
from mlx_lm.utils import _get_classes
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from random_families import FAMILY_MODELS, write_random_family
from random_llama import write_random_llama
from random_models import FAMILIES as RANDOM_FAMILIES
from random_models import write_random_model
from sharp_model import sharpen
from tiny_training import BASE, OUTPUTS, chat_row, train_it
from understudy.base.base_model import import_base_model
from understudy.export.bounds import bound_of
from understudy.gguf.writing import write_gguf_file
from understudy.models.first_layers import READERS_RECORD
from understudy.models.llama.predictions import served_model
from understudy.models.mlx.load import check_positions, load_base, load_weights, model_without_weights
from understudy.models.mlx.predictions import mlx_predictions, reference_losses
from understudy.models.predictions import compared, joined
from understudy.models.rope_spelling import with_both_spellings
from understudy.models.scored_rows import scored_rows
from understudy.rows.training import RowLimits
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json, write_json, write_json_lines

SMALL = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "vocab_size": 512,
    "max_position_embeddings": 4096,
    "pad_token_id": 2,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 1024,
}
LONGROPE = {"rope_type": "longrope", "short_factor": [1.0] * 8, "long_factor": [2.0] * 8, "type": "longrope"}
YARN = {
    "rope_type": "yarn",
    "factor": 32.0,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
    "truncate": False,
    "original_max_position_embeddings": 1024,
}
LLLG = ["sliding_attention"] * 3 + ["full_attention"]
# The family, what makes it small, and its rotary settings in the old spelling.
FAMILIES = [
    ("llama", {}, {"rope_theta": 100000.0}),
    ("llama", {}, {"rope_theta": 500000.0, "rope_scaling": LLAMA3}),
    ("mistral", {"sliding_window": None}, {"rope_theta": 1000000.0}),
    ("qwen2", {}, {"rope_theta": 500000.0}),
    ("qwen3", {}, {"rope_theta": 1000000.0}),
    ("qwen3_moe", {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}, {"rope_theta": 1000000.0}),
    ("smollm3", {}, {"rope_theta": 5000000.0}),
    ("phi3", {}, {"rope_theta": 250000.0, "partial_rotary_factor": 0.5}),
    (
        "phi3",
        {"original_max_position_embeddings": 1024},
        {"rope_theta": 250000.0, "rope_scaling": LONGROPE},
    ),
    ("olmo2", {}, {"rope_theta": 500000.0}),
    ("olmo3", {"num_hidden_layers": 4}, {"rope_theta": 500000.0}),
    ("granite", {}, {"rope_theta": 5000000.0}),
    (
        "exaone4",
        {"num_hidden_layers": 4, "sliding_window": 64, "sliding_window_pattern": "LLLG", "layer_types": LLLG},
        {"rope_theta": 1000000.0},
    ),
    ("ernie4_5", {}, {"rope_theta": 500000.0}),
    ("glm4", {}, {"rope_theta": 50000.0, "partial_rotary_factor": 0.5}),
    (
        "apertus",
        {"mlp_bias": False, "post_norm": False, "qk_norm": True},
        {"rope_theta": 12000000.0, "rope_scaling": LLAMA3},
    ),
    ("hunyuan_v1_dense", {}, {"rope_theta": 20000.0}),
    ("gemma2", {}, {"rope_theta": 20000.0}),
    (
        "gpt_oss",
        {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 16},
        {"rope_theta": 150000.0, "rope_scaling": YARN},
    ),
    (
        "gemma3_text",
        {"num_hidden_layers": 6, "sliding_window_pattern": 6},
        {"rope_theta": 1000000.0, "rope_local_base_freq": 20000.0},
    ),
]
# Nothing can have been trained on these: mlx_lm did not load them.
NOT_LOADED = ("qwen3_moe", "olmo3", "granite", "exaone4", "ernie4_5", "glm4", "apertus")
ROWS = [chat_row("What is 7?", "It is the number 7, of course. " * 4), chat_row("And 8?", "Ä, ö, ü: “groß” – 12345.")]
TOKENS = mx.array([[(7 * position) % 500 + 3 for position in range(64)]])


def new_spelling(family: str, small: dict, rope: dict) -> dict:
    """The config.json that transformers 5 saves for a model with these settings."""
    full = {"rope_theta": rope["rope_theta"], "rope_type": "default", **rope.get("rope_scaling", {})}
    full |= {key: rope[key] for key in ("partial_rotary_factor",) if key in rope}
    if family == "gemma3_text":
        sliding = {"rope_type": "default", "rope_theta": rope["rope_local_base_freq"]}
        parameters = {"full_attention": full, "sliding_attention": sliding}
    elif family == "olmo3":
        parameters = {"full_attention": full, "sliding_attention": dict(full)}
    else:
        parameters = full
    config = CONFIG_MAPPING[family](**{**SMALL, **small}, rope_parameters=parameters).to_dict()
    # What mlx_lm's class asks for and the configuration class here leaves out.
    return {**config, **small, "model_type": family}


def model_of(config: dict, weights: dict | None = None):
    """mlx_lm's model with random weights, or with those of another one."""
    model_class, arguments = _get_classes(config)
    model = model_class(arguments.from_dict(config))
    if weights is None:
        random = np.random.default_rng(1)
        weights = {
            name: mx.array(random.normal(0, 0.2, value.shape).astype(np.float32))
            for name, value in tree_flatten(model.parameters())
        }
    model.update(tree_unflatten(list(weights.items())))
    return model, weights


def without_type(parameters: dict) -> dict:
    return {key: value for key, value in parameters.items() if key != "type"}


def family_name(case: tuple) -> str:
    return case[0] + ("-scaled" if "rope_scaling" in case[2] else "")


@pytest.mark.long
@pytest.mark.parametrize("case", [case for case in FAMILIES if case[0] in NOT_LOADED], ids=family_name)
def test_a_base_in_the_new_spelling_that_mlx_lm_alone_does_not_load_is_brought_in_and_trains(case, trainable):
    config = {"vocab_size": 512, **new_spelling(*case)}
    source = trainable / "source"
    write_random_llama(source)
    write_json(source / "config.json", config)
    _, weights = model_of(with_both_spellings(config))
    mx.save_safetensors(str(source / "model.safetensors"), weights, metadata={"format": "mlx"})
    import_base_model(str(source), None, BASE, compares_readers=True)
    said = read_json(BASE / READERS_RECORD)
    assert said.get("distance", 0) < 0.03 and ("distance" in said) == (case[0] == "granite"), said
    assert train_it()


def test_a_class_that_takes_the_new_spelling_by_layer_is_left_alone():
    """Gemma 4: other positions in sliding layers are no error, and no key is written beside them."""
    parameters = {
        "full_attention": {"rope_type": "proportional", "partial_rotary_factor": 0.25, "rope_theta": 1e6},
        "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
    }
    text = {"model_type": "gemma4_text", "rope_parameters": parameters}
    assert with_both_spellings(text) == text
    inside = {"model_type": "gemma4", "text_config": text}
    assert with_both_spellings(inside) == inside


@pytest.mark.parametrize("case", FAMILIES, ids=family_name)
def test_mlx_computes_the_same_with_what_transformers_5_writes(case):
    family, small, rope = case
    new = new_spelling(family, small, rope)
    assert "rope_theta" not in new and "rope_parameters" in new
    old = {key: value for key, value in new.items() if key != "rope_parameters"} | {"rope_scaling": None} | rope
    completed = with_both_spellings(new)
    assert completed["rope_parameters"] == new["rope_parameters"]
    model, weights = model_of(old)
    expected = model(TOKENS)
    found = model_of(completed, weights)[0](TOKENS)
    assert mx.array_equal(expected, found).item(), "other positions"
    again = CONFIG_MAPPING[family].from_dict(completed).rope_parameters
    assert without_type(again) == without_type(new["rope_parameters"]), "transformers itself reads something else now"


@pytest.mark.parametrize("case", [case for case in FAMILIES if case[0] != "qwen3"], ids=family_name)
def test_a_base_that_was_brought_in_before_is_refused_with_what_was_ignored(case, tmp_path):
    """qwen3 is left out: mlx_lm reads the new spelling there."""
    rope = case[2]
    write_json(tmp_path / "config.json", new_spelling(*case))
    if case[0] in NOT_LOADED:
        with pytest.raises(InputFileError, match="required positional argument"):
            model_without_weights(new_spelling(*case))
        return
    with pytest.raises(InputFileError, match="trained on wrong positions") as told:
        check_positions(tmp_path)
    assert any(f"mlx_lm ignores {key} " in str(told.value) for key in rope)
    write_json(tmp_path / "config.json", with_both_spellings(new_spelling(*case)))
    check_positions(tmp_path)


def test_a_text_config_inside_is_completed_too():
    parameters = {
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
        "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
    }
    text = {"model_type": "gemma3_text", "rope_parameters": parameters}
    completed = with_both_spellings({"model_type": "gemma3", "text_config": text})["text_config"]
    assert (completed["rope_theta"], completed["rope_local_base_freq"]) == (1e6, 1e4)
    assert completed["rope_scaling"]["factor"] == 8.0


def test_what_mlx_lm_reads_itself_is_not_refused(tmp_path):
    write_json(tmp_path / "config.json", new_spelling("qwen3", {}, {"rope_theta": 1000000.0}))
    check_positions(tmp_path)


def saved_by_transformers_5(folder: Path) -> Path:
    """A random Llama whose config.json is as transformers 5 saves it."""
    write_random_llama(folder, dtype="F32")
    config = read_json(folder / "config.json")
    theta = config.pop("rope_theta")
    config.pop("rope_scaling")
    write_json(folder / "config.json", {**config, "rope_parameters": {"rope_theta": theta, "rope_type": "default"}})
    return folder


def test_import_writes_both_spellings_says_so_and_the_gguf_file_agrees(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("understudy"), "propagate", True)
    caplog.set_level(logging.INFO, logger="understudy")
    source = saved_by_transformers_5(tmp_path / "source")
    import_base_model(str(source), None, tmp_path / "base")
    config = read_json(tmp_path / "base/config.json")
    assert config["rope_theta"] == config["rope_parameters"]["rope_theta"] == 100000.0
    assert "as transformers 5 writes them" in caplog.text
    old = write_random_llama(tmp_path / "old", dtype="F32")
    assert mx.array_equal(load_weights(tmp_path / "base")(TOKENS), load_weights(old)(TOKENS)).item()
    write_gguf_file(tmp_path / "base", "F32", tmp_path / "new.gguf", "x", threads=2)
    write_gguf_file(old, "F32", tmp_path / "old.gguf", "x", threads=2)
    assert (tmp_path / "new.gguf").read_bytes() == (tmp_path / "old.gguf").read_bytes()


def as_transformers_5_saves_it(folder: Path) -> Path:
    """Write the folder's config.json anew with the family's own configuration class."""
    config = read_json(folder / "config.json")
    saved = CONFIG_MAPPING[config["model_type"]].from_dict(config).to_dict()
    assert "rope_theta" not in saved
    write_json(folder / "config.json", saved | {"architectures": config["architectures"]})
    return folder


@pytest.mark.parametrize("name", FAMILY_MODELS)
def test_the_gguf_file_of_each_family_has_the_bytes_that_the_old_spelling_gives(tmp_path, name):
    """Those of the old spelling are llama.cpp's own (tests/gguf/test_families.py)."""
    old = write_random_family(tmp_path / "old", **FAMILY_MODELS[name])
    new = as_transformers_5_saves_it(write_random_family(tmp_path / "new", **FAMILY_MODELS[name]))
    import_base_model(str(new), None, tmp_path / "base")
    for folder in (old, tmp_path / "base"):
        write_gguf_file(folder, "F16", folder / "model.gguf", name, threads=2)
    assert (old / "model.gguf").read_bytes() == (tmp_path / "base/model.gguf").read_bytes()


@pytest.mark.parametrize("family", [name for name in RANDOM_FAMILIES if not name.startswith("granitemoehybrid")])
def test_losses_are_those_of_the_old_spelling_and_the_gguf_file_is_within_its_bound(tmp_path, family):
    """Each of the file's families but granitemoehybrid, which has no positions."""
    old = sharpen(write_random_model(tmp_path / "old", family, mx.float32))
    new = as_transformers_5_saves_it(sharpen(write_random_model(tmp_path / "new", family, mx.float32)))
    import_base_model(str(new), None, tmp_path / "base")
    write_gguf_file(tmp_path / "base", "F16", tmp_path / "model.gguf", "model", threads=2)
    model, tokenizer = load_base(tmp_path / "base")
    write_json_lines(tmp_path / "valid.jsonl", ROWS)
    rows = scored_rows(tmp_path / "valid.jsonl", tokenizer, RowLimits(200, mask_prompt=True, batch_size=1))
    assert reference_losses(model, rows) == reference_losses(load_base(old)[0], rows)
    with served_model(tmp_path / "model.gguf", max(len(row.whole) for row in rows), threads=2) as llama:
        found = compared(joined(mlx_predictions(model, rows)), joined(llama.predictions(rows)))
    assert bound_of("F16").holds({"agreement": found.agreement, "kl": found.kl}), found


def test_an_old_spelling_is_left_as_it_is(tmp_path):
    source = write_random_llama(tmp_path / "source")
    import_base_model(str(source), None, tmp_path / "base")
    assert (tmp_path / "base/config.json").read_bytes() == (source / "config.json").read_bytes()


def test_a_training_on_a_base_of_before_stops_before_its_first_step(trainable):
    config = read_json(BASE / "config.json")
    theta = config.pop("rope_theta")
    write_json(BASE / "config.json", {**config, "rope_parameters": {"rope_theta": theta, "rope_type": "default"}})
    with pytest.raises(InputFileError, match=r"mlx_lm ignores rope_theta 100000\.0 "):
        train_it()
    assert not Path(OUTPUTS["adapters.safetensors"]).exists()


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"rope_theta": "1e5", "rope_type": "default"}, "rope_theta '1e5', where a number over 0 belongs"),
        ({"rope_theta": -1.0}, "where a number over 0 belongs"),
        ({"rope_type": "default"}, "rope_theta None"),
        ({"sliding_attention": {"rope_theta": 1e4}}, "is for sliding_attention alone"),
        (
            {"full_attention": {"rope_theta": 1e6}, "sliding_attention": {"rope_theta": 1e4}},
            "another rope_theta for sliding_attention, which mlx_lm's llama can't have",
        ),
    ],
)
def test_settings_that_mlx_lm_can_not_have_are_refused_in_words(tmp_path, parameters, complaint):
    source = saved_by_transformers_5(tmp_path / "source")
    config = read_json(source / "config.json")
    (source / "config.json").write_text(json.dumps({**config, "rope_parameters": parameters}))
    with pytest.raises(InputFileError, match=r"base_model: .*source") as told:
        import_base_model(str(source), None, tmp_path / "base")
    assert complaint in str(told.value)
