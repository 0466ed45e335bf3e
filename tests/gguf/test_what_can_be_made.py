"""What is said before a training of what can be made of a base, and what stops it."""

import pytest

from hub_models import write_hub_model, write_other_family
from random_llama import write_random_llama
from random_models import FAMILIES, write_random_model
from understudy.gguf.what_can_be_made import (
    account_of_base,
    complaint_about_exports,
    refuse_planned_exports,
    what_can_be_made,
)
from understudy.models.hub_layout import SANITIZED
from understudy.shared.errors import ConfigurationError
from understudy.shared.files import read_json, write_json
from understudy.shared.run import PLANNED_RULES

# Of SmolLM2: llama.cpp's converter knows a tokenizer by what its whole vocabulary makes of a text.
WHOLE_VOCABULARY = 49152
ALL = ["hf", "gguf", "mlx"]


def said(folder, what, **options):
    return str(what_can_be_made(folder, **options)[what])


@pytest.mark.parametrize("family", [family for family in FAMILIES if not family.startswith("granitemoe")])
def test_everything_can_be_made_of_the_families_that_are_written_here(tmp_path, family):
    outcomes = what_can_be_made(write_random_model(tmp_path / "base", family))
    assert complaint_about_exports(outcomes, ALL, "fung") is None
    assert outcomes["gguf"].said == "written here; the tokenizer is known to llama.cpp (smollm)"


@pytest.mark.parametrize("name", ["qwen3_5", "lfm2"])
def test_the_converter_takes_a_tokenizer_that_it_knows(tmp_path, name):
    outcome = said(write_hub_model(tmp_path / "base", name, WHOLE_VOCABULARY), "gguf")
    assert outcome.startswith("yes, by llama.cpp's own converter") and outcome.endswith("the tokenizer is smollm")


@pytest.mark.parametrize("name", ["qwen3_5", "qwen3_moe", "lfm2", "mistral3", "ministral3", "granitemoehybrid"])
def test_a_tokenizer_that_the_converter_does_not_know_is_told(tmp_path, name):
    write = write_random_model if name in FAMILIES else write_hub_model
    base = write(tmp_path / "base", name)
    assert "does not know the tokenizer" in said(base, "gguf")
    assert said(base, "gguf", converter="../convert.py").startswith("yes, by export.converter")


def test_of_a_model_that_sees_images_the_language_model_alone_is_written(tmp_path):
    base = write_hub_model(tmp_path / "base", "gemma3")
    assert said(base, "hf") == "yes, of the language model alone"
    assert said(base, "gguf").startswith("yes, written here")
    assert said(write_hub_model(tmp_path / "flat", "gemma3_text"), "hf") == "yes, as transformers loads it"


def test_of_a_family_that_mlx_lm_saves_as_it_is_the_layout_does_not_matter(tmp_path):
    base = write_hub_model(tmp_path / "base", "olmo2")
    assert said(base, "hf") == "yes, as transformers loads it"
    write_json(base / "config.json", read_json(base / "config.json") | {"quantization": {"bits": 4, "group_size": 64}})
    assert said(base, "hf") == "yes, as transformers loads it"


def test_a_family_that_was_not_compared_has_no_gguf_but_its_own_layout(tmp_path):
    outcomes = what_can_be_made(write_other_family(tmp_path / "base"))
    assert outcomes["hf"].can_be_made
    complaint = complaint_about_exports(outcomes, ALL, "fung")
    assert "GGUF can't be made: what llama.cpp computes of HeliumForCausalLM was not compared with MLX" in complaint
    assert complaint.endswith(
        "What can be made is adapters, fused/, MLX folders, hf/: understudy run models/fung/fused/config.json "
        "models/fung/mlx-4bit/config.json models/fung/hf/config.json. Or choose another base_model."
    )
    assert complaint_about_exports(outcomes, ["hf", "mlx", "adapters"], "fung") is None


def test_the_hub_s_layout_is_not_guessed_from_mlx_s(tmp_path):
    base = write_other_family(tmp_path / "base")
    config = read_json(base / "config.json")
    write_json(base / "config.json", config | {"quantization": {"bits": 4, "group_size": 64}})
    assert "a base in MLX's layout does not tell what the hub calls" in said(base, "hf")
    assert said(base, "gguf") == "no, it is made of hf/"


@pytest.mark.parametrize("name", ["gemma3", "qwen3_5", "qwen3_moe", "lfm2"])
def test_tensors_that_mlx_lm_changes_are_seen_without_a_row(tmp_path, monkeypatch, name):
    monkeypatch.delitem(SANITIZED, name)
    assert "mlx_lm changes the tensors of" in said(write_hub_model(tmp_path / "base", name), "hf")


def test_rows_that_mlx_can_not_pack_are_named(tmp_path):
    base = write_random_llama(tmp_path / "base", hidden_size=80, intermediate_size=160, heads=2)
    assert said(base, "mlx").startswith("no, the rows of lm_head are 80 wide, and 64 does not divide that")
    assert "MLX folders can't be made" in complaint_about_exports(what_can_be_made(base), ["mlx"], "fung")


def test_positions_and_windows_that_llama_cpp_has_not_are_told(tmp_path):
    base = write_random_model(tmp_path / "base", "gemma3_text")
    config = read_json(base / "config.json")
    write_json(base / "config.json", config | {"sliding_window_pattern": 3})
    assert said(base, "gguf").startswith(
        "no, config.json: sliding_window_pattern: llama.cpp has full attention in every sixth layer"
    )


def test_the_account_has_a_line_for_each(tmp_path):
    lines = account_of_base(what_can_be_made(write_random_llama(tmp_path / "base"))).splitlines()
    assert [line.split("  ")[0] for line in lines] == ["adapters, fused/", "MLX folders", "hf/", "GGUF"]


def test_a_job_refuses_what_its_run_is_to_make(tmp_path, monkeypatch):
    base = write_other_family(tmp_path / "base")
    refuse_planned_exports(base, "fung", None)
    monkeypatch.setenv(PLANNED_RULES, "adapters fused hf")
    refuse_planned_exports(base, "fung", None)
    monkeypatch.setenv(PLANNED_RULES, "adapters fused hf gguf")
    with pytest.raises(ConfigurationError, match="GGUF can't be made"):
        refuse_planned_exports(base, "fung", None)
    refuse_planned_exports(base, "fung", "../llama.cpp/convert_hf_to_gguf.py")
