"""models/{name}/commands.sh, every command of it run for real on a tiny random Llama."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import mlx.core as mx
import pytest
from mlx_lm.utils import quantize_model, save

from random_llama import write_random_llama
from tiny_training import TRAIN, TRAINING, VALID, chat_row
from understudy.models.blas import is_blas_name
from understudy.models.mlx.load import load_its_tokenizer, load_weights
from understudy.shared.files import read_json, write_json_lines
from understudy.train.commands import write_training_commands
from understudy.train.lora_config import write_lora_config

ODD = Path('models/base/it\'s $(touch owned) "odd" @base@')
SCRIPT = Path("models/x/commands.sh")
ADAPTERS = Path("models/x/adapters/adapters.safetensors")
MORE = Path("models/x/by-hand/adapters/adapters.safetensors")
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def make_commands(base: Path = ODD) -> None:
    write_random_llama(base)
    write_json_lines(TRAIN, [chat_row(f"What is {n}?", f"It is the number {n}, of course.") for n in range(4)])
    write_json_lines(VALID, [chat_row("What is 7?", "It is the number 7, of course.")])
    training = {**TRAINING, "epochs": 1, "save_every": 2}
    write_lora_config(training, TRAIN, str(base / "config.json"), "models/x/lora.yaml")
    write_training_commands("models/x/lora.yaml", str(base / "config.json"), str(SCRIPT))


def run(*words: str, folder: Path | None = None) -> subprocess.CompletedProcess:
    """Run the script by its whole path from another folder, as a user may."""
    command = ["bash", str(SCRIPT.absolute()), *words]
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)


def succeeds(*words: str) -> str:
    done = run(*words, folder=Path("/"))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_does_what_its_comment_says(here):
    make_commands()
    succeeds("train")
    trained = ADAPTERS.read_bytes()
    succeeds("train-on", "models/x/adapters/0000002_adapters.safetensors")
    assert ADAPTERS.read_bytes() == trained != MORE.read_bytes()
    succeeds("fuse")
    last = fused_weights()
    succeeds("fuse-checkpoint", "models/x/adapters/0000002_adapters.safetensors")
    checkpoint = fused_weights()
    assert not same(checkpoint, last)
    assert "Generation:" in succeeds("generate") and "Generation:" in succeeds(
        "generate-fused", "It's $HOME, isn't it?"
    )
    assert not list(here.rglob("owned")) and not Path("/owned").exists()


def fused_weights() -> dict[str, mx.array]:
    weights = mx.load("models/x/by-hand/fused/model.safetensors")
    mx.eval(weights)
    return weights


def same(some: dict[str, mx.array], others: dict[str, mx.array]) -> bool:
    return some.keys() == others.keys() and all(mx.array_equal(some[name], others[name]) for name in some)


def test_a_quantized_base_is_fused_onto_dequantized_weights(here):
    make_commands()
    assert "--dequantize" not in SCRIPT.read_text()
    model, config = quantize_model(load_weights(ODD), read_json(ODD / "config.json"), group_size=32, bits=4)
    save(ODD, ODD, model, load_its_tokenizer(ODD), config)
    write_training_commands("models/x/lora.yaml", str(ODD / "config.json"), str(SCRIPT))
    assert SCRIPT.read_text().count(" --dequantize\n") == 2
    succeeds("train")
    succeeds("fuse")
    assert "quantization" not in read_json("models/x/by-hand/fused/config.json")
    assert not any(name.endswith(".scales") for name in fused_weights())


@pytest.mark.parametrize("words", [(), ("anything",)])
def test_without_a_known_word_nothing_is_done(here, words):
    make_commands()
    before = sorted(here.rglob("*"))
    done = run(*words)
    assert done.returncode == 2 and done.stderr.startswith("Usage: bash") and sorted(here.rglob("*")) == before


def test_the_file_is_sound_and_names_no_place_of_this_machine(here):
    make_commands()
    subprocess.run(["bash", "-n", SCRIPT], check=True)
    text = SCRIPT.read_text()
    assert str(here) not in text and sys.prefix not in text
    if shellcheck := shutil.which("shellcheck"):
        # It also remarks on the odd name's own $(...), which is in single quotes for that.
        subprocess.run([shellcheck, "--exclude", "SC2016", SCRIPT], check=True)


def test_each_command_can_be_copied_into_a_terminal(here):
    make_commands()
    copied = [line.strip() for line in SCRIPT.read_text().splitlines() if line.strip().startswith("python -m mlx_lm")]
    assert [shlex.split(line)[3] for line in copied] == ["lora", "lora", "fuse", "fuse", "generate", "generate"]
    # Without the script's folder, words and variables: what is not copied with the line must not be needed.
    done = subprocess.run(["bash", "-uc", copied[0]], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0 and ADAPTERS.exists(), done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has Accelerate")
def test_the_comment_finds_an_optimised_blas(here):
    make_commands()
    line = re.search(r"^#   (export LD_PRELOAD=.*)$", SCRIPT.read_text(), re.MULTILINE)[1]
    command = ["bash", "-c", f'{line} && echo "$LD_PRELOAD" && python -c "import mlx.core"']
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    found = Path(done.stdout.strip())
    assert done.returncode == 0 and found.exists() and is_blas_name(str(found)) and done.stderr == ""


def test_adapters_that_were_trained_by_hand_are_fused_and_not_trained_again(project):
    project.snakemake("models/tiny/commands.sh")
    command = ["bash", str(project / "models/tiny/commands.sh"), "train"]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert project.planned() == {"fused": 1, "hf": 1, "gguf": 1}
