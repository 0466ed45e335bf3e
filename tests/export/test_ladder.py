"""The ladder of proof on a tiny model that was really trained, fused and exported: what it says, and what it refuses."""

import re
import shutil
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from gguf import GGUFReader

from random_llama import write_random_llama
from sharp_model import sharpen
from tiny_training import BASE, OUTPUTS, TRAIN, VALID, chat_row, train_it
from understudy.export import ladder as stage
from understudy.export.bounds import BOUNDS
from understudy.export.hf import write_hugging_face_folder
from understudy.export.ladder_picture import draw_export_ladder
from understudy.export.mlx import write_mlx_folder
from understudy.export.table import ladder_markdown
from understudy.gguf.quantization import QUANTIZATIONS
from understudy.gguf.writing import write_gguf_file
from understudy.models.folder import MLX_FOLDERS
from understudy.models.llama.server import EmbeddedModelError
from understudy.models.predictions import PredictionError
from understudy.shared.files import read_json, write_json_lines
from understudy.train.fused import fuse_adapters

FUSED, HF = Path("models/x/fused"), Path("models/x/hf")
QUANTS = ("F16", "Q8_0", "Q4_K_M")
OUTPUT = Path("models/x/export.json")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A project in which everything up to the GGUF files is made. Not to be changed."""
    folder = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        sharpen(write_random_llama(BASE, hidden_size=256, intermediate_size=256))
        write_json_lines(TRAIN, [chat_row(f"What is {n}?", f"It is the number {n}, of course.") for n in range(6)])
        write_json_lines(VALID, [chat_row(f"What is {n}?", f"It is the number {n}, of course.") for n in (7, 8)])
        train_it(learning_rate=1e-4)
        fuse_adapters(OUTPUTS["adapters.safetensors"], str(BASE), str(FUSED / "config.json"))
        write_hugging_face_folder(str(FUSED / "config.json"), str(HF / "config.json"))
        for quant in QUANTS:
            write_gguf_file(HF, quant, gguf(quant), "x", threads=2)
    return folder


@pytest.fixture
def project(exported, tmp_path, monkeypatch, caplog):
    """A copy to change; the working directory."""
    shutil.copytree(exported, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    caplog.set_level("INFO", logger="understudy")
    monkeypatch.setattr(stage.log, "propagate", True)
    return tmp_path / "project"


def gguf(quant):
    return Path(f"models/x-{quant}.gguf")


def measure(*quants, mlx=()):
    OUTPUT.unlink(missing_ok=True)
    stage.measure_export(
        VALID,
        "models/x/lora.yaml",
        str(BASE),
        OUTPUTS["adapters.safetensors"],
        str(FUSED),
        str(HF),
        {name: f"models/x/{name}" for name in mlx},
        {quant: str(gguf(quant)) for quant in quants},
        str(OUTPUT),
        threads=2,
    )
    return read_json(OUTPUT)


def edit_tensor(path, name, edit):
    """Change a tensor of a GGUF file in its place, as the bytes or numbers that it is stored as."""
    tensor = next(tensor for tensor in GGUFReader(path, "r+").tensors if tensor.name == name)
    edit(tensor.data)


def test_the_ladder_of_a_whole_export(project, caplog):
    record = measure("Q4_K_M", "F16", "Q8_0")
    steps = {step["step"]: step for step in record["steps"]}
    assert list(steps) == ["adapters", "fused", "hf", "F16", "Q8_0", "Q4_K_M"]
    compared_with = {name: (step["against_previous"] or {}).get("step") for name, step in steps.items()}
    expected = {"adapters": None, "fused": "adapters", "hf": "fused", "F16": "hf", "Q8_0": "F16", "Q4_K_M": "F16"}
    assert compared_with == expected
    assert steps["hf"]["against_previous"]["agreement"] == 1
    kl = [steps[name]["against_first"]["kl"] for name in ("fused", "Q8_0", "Q4_K_M")]
    assert 0 <= kl[0] < kl[1] < kl[2] < record["base"]["against_first"]["kl"]
    assert record["base"]["perplexity"] > steps["adapters"]["perplexity"]
    assert steps["Q8_0"]["bytes"] == gguf("Q8_0").stat().st_size
    assert ladder_markdown(record).splitlines()[0].startswith("|")
    assert re.search(r"^Q4_K_M +\d", caplog.text, re.MULTILINE)


def test_few_rows_are_told_and_many_are_not_all_taken(project, monkeypatch):
    record = measure("Q8_0")
    assert record["fewer_than_wanted"]
    assert record["positions"] == record["validation_positions"] < record["wanted_positions"] == 2000
    assert "fewer than the 2,000 wanted" in ladder_markdown(record)
    monkeypatch.setattr(stage, "POSITIONS", 3)
    record = measure("Q8_0")
    assert (record["rows"], record["validation_rows"], record["fewer_than_wanted"]) == (1, 2, False)


def test_without_f16_the_quantizations_are_compared_with_the_folder(project):
    assert measure("Q8_0")["steps"][-1]["against_previous"]["step"] == "hf"


def test_one_row_longer_than_the_limit_is_enough(project):
    write_json_lines(VALID, [chat_row("What is long?", "It is long, of course. " * 100)])
    record = measure("Q8_0")
    assert record["validation_rows"] == 1
    assert record["positions"] < record["max_seq_length"] == 256


def test_mlx_folders_are_steps_from_the_fused_folder(project):
    for bits in (8, 4):
        write_mlx_folder(str(FUSED / "config.json"), bits, f"models/x/mlx-{bits}bit/config.json")
    steps = {step["step"]: step for step in measure("F16", "Q8_0", mlx=("mlx-8bit", "mlx-4bit"))["steps"]}
    assert list(steps) == ["adapters", "fused", "hf", "mlx-8bit", "mlx-4bit", "F16", "Q8_0"]
    of_mlx = [steps[name] for name in ("mlx-8bit", "mlx-4bit")]
    assert [(step["computed_by"], step["against_previous"]["step"]) for step in of_mlx] == [("MLX", "fused")] * 2
    assert 0 < of_mlx[0]["against_previous"]["kl"] < of_mlx[1]["against_previous"]["kl"]
    assert steps["Q8_0"]["against_previous"]["step"] == "F16"


def test_a_damaged_mlx_folder_fails(project):
    write_mlx_folder(str(FUSED / "config.json"), 8, "models/x/mlx-8bit/config.json")
    weights = mx.load("models/x/mlx-8bit/model.safetensors")
    for name in ("weight", "scales", "biases"):
        weights[f"model.layers.1.mlp.down_proj.{name}"] = weights[f"model.layers.1.mlp.down_proj.{name}"][::-1]
    mx.save_safetensors("models/x/mlx-8bit/model.safetensors", weights, metadata={"format": "mlx"})
    with pytest.raises(
        stage.ExportDiffers, match=r"models/x/mlx-8bit \(mlx-8bit\) is too far from fused.*export\.mlx_bits"
    ):
        measure("Q8_0", mlx=("mlx-8bit",))


def zero(data):
    data[:] = 0


def reverse_rows(data):
    data[:] = data[::-1].copy()


@pytest.mark.parametrize(("quant", "edit"), [("Q8_0", zero), ("Q4_K_M", reverse_rows)])
def test_a_damaged_file_fails_with_the_two_numbers(project, quant, edit):
    edit_tensor(gguf(quant), "blk.1.ffn_down.weight", edit)
    numbers = (
        r"KL divergence [\d.e-]+ nats a token \(at most [\d.]+\), the same next token at [\d.]+ % of the positions"
    )
    with pytest.raises(
        stage.ExportDiffers, match=rf"models/x-{quant}\.gguf \({quant}\) is too far from F16: {numbers}"
    ):
        measure("F16", quant)
    assert not OUTPUT.exists()


def test_a_dropped_adapter_fails(project):
    shutil.copytree(BASE, "other")
    for name in ("fused", "hf"):
        shutil.copy("other/model.safetensors", f"models/x/{name}/model.safetensors")
    with pytest.raises(stage.ExportDiffers, match=r"models/x/fused \(fused\) is too far from base with adapters"):
        measure("Q8_0")


def test_every_step_that_falls_below_its_bound_is_named(project, caplog):
    for quant in ("Q8_0", "Q4_K_M"):
        edit_tensor(gguf(quant), "blk.0.attn_v.weight", zero)
        edit_tensor(gguf(quant), "blk.1.ffn_down.weight", zero)
    with pytest.raises(stage.ExportDiffers) as failure:
        measure(*QUANTS)
    assert ["Q8_0" in line or "Q4_K_M" in line for line in str(failure.value).splitlines()] == [True, True]
    assert re.search(r"^Q4_K_M +\d", caplog.text, re.MULTILINE)


def test_nan_in_a_file_fails_and_names_it(project):
    def spoil(data):
        data.view(np.float32)[:] = np.nan

    edit_tensor(gguf("Q8_0"), "output_norm.weight", spoil)
    with pytest.raises((PredictionError, EmbeddedModelError), match=r"models/x-Q8_0\.gguf"):
        measure("Q8_0")
    assert not OUTPUT.exists()


def test_the_picture_shows_every_step_and_is_the_same_each_time(project):
    measure(*QUANTS)
    draw_export_ladder(str(OUTPUT), "models/x/export.svg")
    picture = Path("models/x/export.svg").read_text(encoding="utf-8")
    for text in ("base with adapters", "Hugging Face folder", "Q4_K_M", "bound"):
        assert text in picture, text
    draw_export_ladder(str(OUTPUT), "models/x/again.svg")
    assert Path("models/x/again.svg").read_text(encoding="utf-8") == picture


def test_every_quantization_has_a_bound():
    assert set(BOUNDS) == {"fused", "hf", *MLX_FOLDERS, *QUANTIZATIONS}


def test_a_nan_divergence_holds_no_bound():
    assert not BOUNDS["Q2_K"].holds({"agreement": 1.0, "kl": float("nan")})
