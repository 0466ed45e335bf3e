"""Folders with packed weights for mlx_lm: that it loads them, how near they are to the fused model, and what can't be packed."""

import signal
import subprocess
from pathlib import Path

import mlx.core as mx
import mlx_lm
import pytest
from mlx import nn
from mlx.utils import tree_flatten

from project import command_line, in_a_process
from random_families import FAMILY_MODELS, write_random_family
from random_llama import chat_template, write_random_llama
from random_models import FAMILIES, write_random_model
from understudy.export.mlx import write_mlx_folder
from understudy.models.folder import MLX_FOLDERS
from understudy.models.mlx.load import is_on_cpu, load_to_ask, load_weights
from understudy.models.mlx.packing import RowsNotDivisible
from understudy.shared.files import WRITTEN, read_json, write_json

BITS = tuple(MLX_FOLDERS.values())
TOKENS = mx.array([[(7 * position) % 500 + 3 for position in range(40)]])
# What 8 bits may change in the logits, as a share of their spread; measured: 0.7 to 1.3 %. A random Gemma, whose norms double
# everything, makes 11 % of it.
SHARE_OF_SPREAD = {"gemma3_text": 0.2}


def packed(fused: Path, bits: int = 4) -> Path:
    """The MLX folder beside the folder `fused`, written."""
    folder = fused.parent / f"mlx-{bits}bit"
    write_mlx_folder(str(fused / "config.json"), bits, str(folder / "config.json"))
    return folder


def logits(folder: Path) -> mx.array:
    """What mlx_lm's own load and class compute at every position, in float32."""
    model, _ = mlx_lm.load(str(folder))
    model.set_dtype(mx.float32)
    return model(TOKENS)[0]


def share_lost(fused: Path, folder: Path) -> float:
    """Root mean square of what packing changes in the logits, as a share of their spread."""
    before = logits(fused)
    return (mx.sqrt(mx.mean(mx.square(logits(folder) - before))) / mx.std(before)).item()


@pytest.mark.parametrize("family", FAMILIES)
def test_mlx_lm_loads_each_family_and_computes_nearly_the_same(tmp_path, family):
    fused = write_random_model(tmp_path / "fused", family)
    folder = packed(fused, 8)
    assert read_json(folder / "config.json")["quantization"]["bits"] == 8
    assert 0 < share_lost(fused, folder) < SHARE_OF_SPREAD.get(family, 0.03)


def test_fewer_bits_lose_more_and_take_less(tmp_path):
    fused = write_random_llama(tmp_path / "fused")
    folders = [packed(fused, bits) for bits in BITS]
    lost = [share_lost(fused, folder) for folder in folders]
    sizes = [(folder / "model.safetensors").stat().st_size for folder in [*folders, fused]]
    assert lost == sorted(lost, reverse=True) and lost[0] < 0.25
    assert sizes == sorted(sizes)


def test_every_weight_is_rounded_to_a_step_of_its_group(tmp_path):
    fused = write_random_llama(tmp_path / "fused", dtype="F32")
    weights = dict(tree_flatten(load_weights(fused).parameters()))
    for bits in BITS:
        stored = mx.load(str(packed(fused, bits) / "model.safetensors"))
        matrices = [name.removesuffix(".scales") for name in stored if name.endswith(".scales")]
        assert len(matrices) == 2 * 7 + 2
        for name in matrices:
            scales, offsets = stored[f"{name}.scales"], stored[f"{name}.biases"]
            unpacked = mx.dequantize(stored[f"{name}.weight"], scales, offsets, 64, bits)
            steps = mx.abs(unpacked - weights[f"{name}.weight"]) / mx.repeat(mx.abs(scales), 64, axis=-1)
            # MLX moves a group's scale a little so that its largest value is met, so its smallest may be out by most of a step.
            assert steps.max().item() < 1
            assert mx.mean(steps).item() == pytest.approx(0.25, abs=0.02)


@pytest.mark.skipif(not is_on_cpu(), reason="a GPU computes with packed weights")
def test_on_a_cpu_a_folder_is_asked_with_its_weights_unpacked_and_says_the_same(tmp_path):
    folder = packed(write_random_llama(tmp_path / "fused"))
    model, _ = load_to_ask(folder)
    assert not [module for module in model.modules() if isinstance(module, (nn.QuantizedLinear, nn.QuantizedEmbedding))]
    assert mx.abs(model(TOKENS)[0] - logits(folder)).max().item() < 1e-3


def test_the_tokenizers_files_are_the_fused_folders_own(tmp_path):
    fused = write_random_llama(tmp_path / "fused", shards=2)
    write_json(fused / "generation_config.json", {"temperature": 0.6})
    write_json(fused / "understudy_source.json", {"source": "here"})
    folder = packed(fused)
    companions = ["generation_config.json", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"]
    for name in companions:
        assert (folder / name).read_bytes() == (fused / name).read_bytes(), name
    assert mlx_lm.load(str(folder))[1].chat_template == chat_template()
    of_mlx_lm = ["config.json", "model.safetensors", "model.safetensors.index.json"]
    assert sorted(path.name for path in folder.iterdir()) == sorted([*companions, *of_mlx_lm, WRITTEN])


@pytest.mark.parametrize("name", ["llama-spm", "gemma3-odd", "phi3-odd"])
def test_rows_that_are_no_whole_groups_are_an_error_that_names_them(tmp_path, name):
    model = {key: value for key, value in FAMILY_MODELS[name].items() if key != "pre"}
    fused = write_random_family(tmp_path / "fused", **model)
    with pytest.raises(RowsNotDivisible, match=r"the rows of [\w.]+ are (80|160) wide, and 64 does not divide that"):
        packed(fused)
    assert not (tmp_path / "mlx-4bit/config.json").exists()


def test_one_kind_of_matrix_that_mlx_lm_would_leave_as_it_is_is_an_error_too(tmp_path):
    fused = write_random_llama(tmp_path / "fused", intermediate_size=96)
    with pytest.raises(RowsNotDivisible, match=r"down_proj are 96 wide.*\(2 of 16 matrices\)") as raised:
        packed(fused)
    assert f"Take {fused} itself" in str(raised.value)


def test_a_kill_before_the_end_leaves_the_old_folder_whole_and_the_next_run_finishes(tmp_path):
    fused = write_random_llama(tmp_path / "fused")
    folder = packed(fused)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    code = (
        "import os; from understudy.export import mlx as stage;"
        "stage.copy_companions = lambda *paths: os.kill(os.getpid(), 9);"
        "stage.write_mlx_folder('fused/config.json', 4, 'mlx-4bit/config.json')"
    )
    killed = subprocess.run(in_a_process(code), cwd=tmp_path)
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "mlx-4bit/.part/model.safetensors").exists()
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    assert not (packed(fused) / ".part").exists()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_same_model_gives_the_same_bytes(tmp_path):
    fused = write_random_llama(tmp_path / "fused")
    first = {path.name: path.read_bytes() for path in packed(fused).iterdir()}
    assert {path.name: path.read_bytes() for path in packed(fused).iterdir()} == first


def test_snakemake_makes_it_when_it_is_asked_for_or_configured_and_chat_answers_from_it(project):
    assert project.planned("models/tiny/mlx-6bit/config.json") == {"mlx": 1}
    assert "mlx" not in project.planned("all")
    project.configure(
        export={"mlx_bits": [4]},
        evaluation={"models": {"mac": "models/tiny/mlx-4bit"}, "max_examples": 2, "max_tokens": 8},
    )
    assert project.planned("all")["mlx"] == 1
    project.snakemake("models/tiny/export.json", "models/tiny/evaluation/mac.json")
    steps = [step["step"] for step in read_json(project / "models/tiny/export.json")["steps"]]
    assert steps == ["adapters", "fused", "hf", "mlx-4bit", "Q4_K_M"]
    answered = subprocess.run(
        command_line("chat", project / "models/tiny/mlx-4bit", "Hi?", "--max-tokens", "3"),
        capture_output=True,
        text=True,
    )
    assert answered.returncode == 0 and answered.stdout.strip(), answered.stderr
    assert "mlx" not in project.planned("all")


def test_bits_that_mlx_does_not_have_are_told(project):
    output = project.snakemake("-n", "--config", 'export={"mlx_bits": [7]}', succeeds=False)
    assert "export.mlx_bits.0 is 7; it takes one of 4, 5, 6, 8" in output


def test_the_command_line_may_name_the_bits(project):
    output = project.snakemake("-n", "models/tiny/export.json", "--config", 'export={"mlx_bits": [4]}')
    assert "models/tiny/mlx-4bit/config.json" in output and "models/tiny-Q4_K_M.gguf" in output
