"""From rows to adapters to a fused model and its Hugging Face folder, for real, on a tiny random Llama."""

import csv
import io
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
import yaml
from mlx.utils import tree_flatten
from mlx_lm.lora import CONFIG_DEFAULTS, yaml_loader
from mlx_lm.tuner.lora import LoRALinear
from mlx_lm.utils import load_adapters, quantize_model, save

from random_llama import write_random_llama
from tiny_training import BASE, OUTPUTS, TRAIN, VALID, chat_row, configure, train_it
from understudy.export.hf import write_hugging_face_folder
from understudy.models.folder import folder_written_aside
from understudy.models.mlx.load import load_base, load_its_tokenizer, load_weights
from understudy.models.safetensors import stored_tensors
from understudy.rows.lora_config import MLX_LM_DEFAULTS
from understudy.shared.errors import ConfigurationError, InputFileError
from understudy.shared.files import read_json, write_json, write_json_lines
from understudy.train import adapters as train_stage
from understudy.train import fused as fuse_stage
from understudy.train.checkpoints import run_identity
from understudy.train.lora_config import iterations
from understudy.train.metrics import read_metrics
from understudy.train.preflight.checks import RowLimits, checked_dataset
from understudy.train.watch import TrainingDiverged


def fuse_it():
    fuse_stage.fuse_adapters(OUTPUTS["adapters.safetensors"], str(BASE), "models/x/fused/config.json")


def losses_in_metrics():
    return [(line.get("train_loss"), line.get("valid_loss")) for line in read_metrics(OUTPUTS["metrics.csv"])]


def logits(model, text="What is 3?"):
    tokens = load_its_tokenizer(BASE).encode(text)
    return np.array(model(mx.array([tokens])).astype(mx.float32))


def quantize_base():
    """Make the base a 4-bit one, as mlx_lm.convert writes it."""
    model, tokenizer = load_weights(BASE), load_its_tokenizer(BASE)
    model, config = quantize_model(model, read_json(BASE / "config.json"), group_size=32, bits=4)
    save(BASE, BASE, model, tokenizer, config)


# lora.yaml


def test_iterations_are_epochs_times_rows_over_batch_size():
    assert iterations(2, 1367, 1) == 2734
    assert iterations(0.5, 10, 1) == 5
    assert iterations(3, 40, 4) == 30
    assert iterations(0.001, 10, 1) == 1
    assert iterations(2, 10, 4) == 6, "no row is dropped"


def test_defaults_are_those_of_the_installed_mlx_lm():
    decided_here = {"model", "train", "data", "adapter_path", "iters", "config"}
    assert {key: value for key, value in CONFIG_DEFAULTS.items() if key not in decided_here} == MLX_LM_DEFAULTS


@pytest.mark.parametrize("learning_rate", [1e-5, "1e-5", "1.0E-5"])
def test_learning_rate_is_a_float_for_every_yaml_loader(trainable, learning_rate):
    configure(learning_rate=learning_rate)
    text = Path("models/x/lora.yaml").read_text(encoding="utf-8")
    assert "learning_rate: 1.0e-05\n" in text
    assert yaml.safe_load(text)["learning_rate"] == yaml.load(text, yaml_loader)["learning_rate"] == 1e-5


def test_every_value_is_written_out_and_nothing_else(trainable):
    configure(lr_schedule={"name": "cosine_decay", "arguments": ["1e-4", 100, 0.0], "warmup": 10})
    config = yaml.safe_load(Path("models/x/lora.yaml").read_text(encoding="utf-8"))
    assert set(config) == set(CONFIG_DEFAULTS) - {"config"}
    assert config["lr_schedule"]["arguments"] == [1e-4, 100, 0.0]
    assert (config["model"], config["data"]) == ("models/base/tiny", "data/dataset")
    assert (config["adapter_path"], config["iters"]) == ("models/x/adapters", 12)


@pytest.mark.parametrize("wrong", [{"alpha": 16}, {"learning_rate": "fast"}, {"iterations": 7}])
def test_a_value_that_mlx_lm_can_not_take_is_named(trainable, wrong):
    with pytest.raises(ConfigurationError, match=f"training.{next(iter(wrong))}"):
        configure(**wrong)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"grad_accumulation_steps": 2, "grad_checkpoint": True, "val_batches": 1, "save_every": 3, "num_layers": 2},
        {"fine_tune_type": "dora", "lora_parameters": {"rank": 2, "scale": 5.0, "dropout": 0.3}},
        {"lr_schedule": {"name": "cosine_decay", "arguments": [1e-2, 12, 1e-4], "warmup": 3}, "optimizer": "adam"},
    ],
    ids=["plain", "accumulation", "dora and dropout", "schedule with warm-up"],
)
def test_mlx_lm_takes_the_file_and_trains_the_same_adapters(trainable, changes):
    """The real command line on a float32 base: the last adapters are the same to the byte."""
    write_random_llama(Path("models/base/float32"), dtype="F32")
    shutil.rmtree(BASE)
    Path("models/base/float32").rename(BASE)
    configure(**changes)
    command = [sys.executable, "-m", "mlx_lm", "lora", "--config", "models/x/lora.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    assert done.returncode == 0, done.stderr
    theirs = {path.name: path.read_bytes() for path in Path("models/x/adapters").glob("*.safetensors")}
    shutil.rmtree("models/x/adapters")
    train_it(**changes)
    ours = {path.name: path.read_bytes() for path in Path("models/x/adapters").glob("0*.safetensors")}
    assert (ours["0000012_adapters.safetensors"] == theirs.pop("adapters.safetensors")) is True
    assert len(theirs) == 3 and ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
    assert any(
        mx.any(value != 0) for name, value in mx.load(OUTPUTS["adapters.safetensors"]).items() if "lora_b" in name
    )


# The adapters


def test_training_lowers_both_losses_and_records_them(trainable, caplog):
    train_it(epochs=5, learning_rate=3e-4, num_layers=-1)
    with open(OUTPUTS["metrics.csv"], newline="", encoding="utf-8") as opened:
        lines = list(csv.DictReader(opened))
    train_losses = [float(line["train_loss"]) for line in lines if line["train_loss"]]
    valid_losses = [float(line["valid_loss"]) for line in lines if line["valid_loss"]]
    assert train_losses[-1] < train_losses[0] - 0.5 and valid_losses[-1] < valid_losses[0] - 0.5
    assert [line["iteration"] for line in lines if line["train_loss"]] == [str(n) for n in range(2, 31, 2)]
    last = lines[-2]
    assert float(last["learning_rate"]) == pytest.approx(3e-4) and float(last["peak_memory_gb"]) > 0
    dataset = checked_dataset(TRAIN, load_its_tokenizer(BASE), RowLimits(256, mask_prompt=True, batch_size=1))
    unmasked = sum(len(tokens) - prompt_length + 1 for tokens, prompt_length in dataset)  # and one padding token
    assert int(last["trained_tokens"]) == 5 * unmasked
    assert [float(line["epoch"]) for line in lines if line["train_loss"]] == [round(n / 6, 3) for n in range(2, 31, 2)]
    seconds = [float(line["seconds"]) for line in lines]
    assert seconds == sorted(seconds) and seconds[-1] > 0
    assert (
        f"kept: the adapters after iteration 30 (best), validation loss {valid_losses[0]:.3f} at the start"
        in caplog.text
    )
    assert "iteration 30/30, training loss" in caplog.text and "30 optimizer updates" in caplog.text


def test_nothing_of_mlx_lm_reaches_the_terminal(trainable, capfd):
    for path in (TRAIN, VALID):
        write_json_lines(path, [chat_row(answer="long " * 400), chat_row()])
    train_it()
    printed = capfd.readouterr()
    assert printed.out == "" and "train_loss" not in printed.err and "[WARNING]" not in printed.err


def test_a_terminal_has_a_bar_with_the_time_left(trainable, monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    train_it()
    assert re.search(r"12/12 \[\d\d:\d\d<\d\d:\d\d, +[\d.]+it/s\]", terminal.getvalue())


def test_same_seed_same_adapters(trainable):
    first, curve = train_it(), losses_in_metrics()
    other = train_it(seed=43)
    shutil.rmtree("models/x/runs")
    assert train_it() == first != other
    assert losses_in_metrics() == curve


def test_a_setting_changed_and_set_back_trains_only_once(trainable, monkeypatch):
    first, metrics = train_it(), Path(OUTPUTS["metrics.csv"]).read_bytes()
    assert train_it(learning_rate=1e-3) != first
    monkeypatch.setattr(train_stage, "train_in", lambda *_: pytest.fail("trained again"))
    assert train_it() == first
    assert Path(OUTPUTS["metrics.csv"]).read_bytes() == metrics


def test_runs_are_told_apart_by_settings_rows_and_base(trainable):
    identities = {run_identity({"seed": 1}, [TRAIN, VALID], BASE), run_identity({"seed": 2}, [TRAIN, VALID], BASE)}
    write_json_lines(VALID, [chat_row("another")])
    identities.add(run_identity({"seed": 1}, [TRAIN, VALID], BASE))
    with open(BASE / "model.safetensors", "r+b") as weights:
        weights.seek(-1, os.SEEK_END)
        weights.write(b"\x01")
    identities.add(run_identity({"seed": 1}, [TRAIN, VALID], BASE))
    assert len(identities) == 4
    write_json(BASE / "understudy_source.json", {"source": "elsewhere"})
    assert run_identity({"seed": 1}, [TRAIN, VALID], BASE) in identities


def test_a_loss_that_is_no_number_stops_the_run(trainable):
    with pytest.raises(
        TrainingDiverged, match=r"training loss at iteration \d+ is (nan|inf).*lower training.learning_rate"
    ):
        train_it(optimizer="sgd", learning_rate=1e30)
    assert not Path(OUTPUTS["adapters.safetensors"]).exists()
    with pytest.raises(TrainingDiverged):
        train_it(optimizer="sgd", learning_rate=1e30)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"optimizer_config": {"adamw": {"beta": 0.9}}}, r"training\.optimizer_config\.adamw can't be used: .*'beta'"),
        (
            {"lr_schedule": {"name": "cosine_decay", "arguments": [1e-3]}},
            r"training\.lr_schedule can't be used: .*decay_steps",
        ),
        (
            {"lr_schedule": {"name": "cosine_decay", "arguments": [1e-3, 0]}},
            r"training\.lr_schedule can't be used: .* got 0",
        ),
    ],
)
def test_arguments_that_mlx_does_not_take_are_told_by_their_key(trainable, wrong, told):
    with pytest.raises(ConfigurationError, match=told):
        train_it(**wrong)
    assert not list(Path("models/x").rglob("*.safetensors"))


def test_adafactor_says_whose_step_size_it_takes(trainable, caplog):
    train_it(optimizer="adafactor", epochs=1, optimizer_config={"adafactor": {"relative_step": False}})
    assert "ignores" not in caplog.text
    train_it(optimizer="adafactor", epochs=1)
    assert "adafactor chooses its own step size and ignores training.learning_rate" in caplog.text


def test_a_key_that_the_configuration_lacks_is_told_with_what_writes_it(trainable):
    configure()
    lora_yaml = Path("models/x/lora.yaml")
    for text in (lora_yaml.read_text().replace("save_every: 4\n", ""), "- a\n"):
        lora_yaml.write_text(text)
        with pytest.raises(
            InputFileError, match=r"lora.yaml has no \w+\. `understudy run -f models/x/lora.yaml` writes it"
        ):
            train_stage.train_adapters(str(lora_yaml), TRAIN, VALID, str(BASE), OUTPUTS)


# The fused model


def test_fused_model_computes_what_base_and_adapters_do(trainable):
    train_it()
    fuse_it()
    tuned, base = load_base(BASE)[0], load_base(BASE)[0]
    load_adapters(tuned, "models/x/adapters")
    fused = load_base("models/x/fused")[0]
    assert np.abs(logits(tuned) - logits(base)).max() > 0.1
    assert np.abs(logits(tuned) - logits(fused)).max() < 0.02
    types = {tensor.dtype for tensor in stored_tensors(Path("models/x/fused")).values()}
    assert types == {tensor.dtype for tensor in stored_tensors(BASE).values()}


def test_only_the_adapted_layers_change(trainable):
    train_it()
    fuse_it()
    base, fused = (dict(tree_flatten(load_weights(folder).parameters())) for folder in (BASE, "models/x/fused"))
    changed = {name for name in base if not mx.array_equal(base[name], fused[name])}
    last = max(int(name.split(".")[2]) for name in base if name.startswith("model.layers."))
    assert changed == {name for name in base if name.startswith(f"model.layers.{last}.") and "proj" in name}


def test_tokenizer_is_copied_byte_by_byte_and_the_source_record_stays(trainable):
    write_json(BASE / "understudy_source.json", {"source": "/home/someone"})
    train_it()
    fuse_it()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert Path("models/x/fused", name).read_bytes() == (BASE / name).read_bytes()
    assert not Path("models/x/fused/understudy_source.json").exists()


def test_a_quantized_base_is_fused_onto_its_dequantized_weights(trainable):
    quantize_base()
    train_it()
    fuse_it()
    assert not {"quantization", "quantization_config"} & set(read_json("models/x/fused/config.json"))
    tuned, base = load_base(BASE)[0], load_base(BASE)[0]
    load_adapters(tuned, "models/x/adapters")
    fused = load_base("models/x/fused")[0]
    assert np.abs(logits(tuned) - logits(base)).max() > 0.1
    assert np.abs(logits(tuned) - logits(fused)).max() < 0.02


def test_a_dropped_adapter_is_found_and_nothing_kept(trainable, monkeypatch):
    train_it()
    monkeypatch.setattr(LoRALinear, "fuse", lambda self, dequantize: self.linear)
    with pytest.raises(fuse_stage.FusionFailed, match=r"differ .* by ([\d.]+) .* change the base's by \1\."):
        fuse_it()
    assert not [path for path in Path("models/x/fused").iterdir() if path.is_file()]


def test_rounding_alone_is_no_failure():
    fuse_stage.check_agreement(difference=0.01, effect=0.005, rounding=0.02, prompt="OK")
    fuse_stage.check_agreement(difference=0.1, effect=2, rounding=0.02, prompt="OK")
    with pytest.raises(fuse_stage.FusionFailed, match="on 'OK' differ"):
        fuse_stage.check_agreement(difference=0.1, effect=0.1, rounding=0.02, prompt="OK")
    with pytest.raises(fuse_stage.FusionFailed):
        fuse_stage.check_agreement(difference=math.nan, effect=1, rounding=0.02, prompt="OK")


def test_adapters_of_another_model_are_refused(trainable):
    train_it()
    config = read_json(OUTPUTS["adapter_config.json"])
    config["lora_parameters"]["rank"] = 8
    write_json(OUTPUTS["adapter_config.json"], config)
    with pytest.raises(InputFileError, match="models/x/adapters don't fit the base model"):
        fuse_it()


def test_a_folder_is_replaced_as_a_whole_or_stays_as_it_was(trainable):
    folder = Path("models/x/fused")
    with folder_written_aside(folder) as aside:
        write_json(aside / "model-00002-of-00002.safetensors", "old")
        write_json(aside / "config.json", "old")
    with pytest.raises(ZeroDivisionError), folder_written_aside(folder) as aside:
        write_json(aside / "model.safetensors", "half")
        raise ZeroDivisionError
    old = {"config.json", "model-00002-of-00002.safetensors", "understudy_files.json"}
    assert {path.name for path in folder.iterdir()} == old and read_json(folder / "config.json") == "old"
    with folder_written_aside(folder) as aside:
        write_json(aside / "model.safetensors", "new")
        write_json(aside / "config.json", "new")
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "model.safetensors",
        "understudy_files.json",
    ]


# The Hugging Face folder


@pytest.fixture
def fused(trainable):
    """A folder as the fuse stage leaves it, made from the base."""
    with folder_written_aside("models/x/fused") as aside:
        for path in BASE.iterdir():
            (aside / path.name).write_bytes(path.read_bytes())
    return Path("models/x/fused")


def to_hugging_face():
    write_hugging_face_folder("models/x/fused/config.json", "models/x/hf/config.json")
    return Path("models/x/hf")


def test_weights_are_linked_and_settings_are_for_transformers(fused):
    config = {**read_json(fused / "config.json"), "quantization": {"bits": 4}, "torch_dtype": "float64"}
    config.pop("architectures")
    config.pop("dtype", None)
    write_json(fused / "config.json", config)
    hf = to_hugging_face()
    assert (hf / "model.safetensors").stat().st_ino == (fused / "model.safetensors").stat().st_ino
    assert (hf / "tokenizer.json").read_bytes() == (fused / "tokenizer.json").read_bytes()
    written = read_json(hf / "config.json")
    stored = {"F16": "float16", "BF16": "bfloat16", "F32": "float32"}[stored_tensors(hf)["model.norm.weight"].dtype]
    assert (written["torch_dtype"], written["architectures"]) == (stored, ["LlamaForCausalLM"])
    assert "quantization" not in written


def test_transformers_reads_configuration_and_tokenizer(fused):
    from transformers import AutoConfig, AutoTokenizer

    hf = to_hugging_face()
    assert AutoConfig.from_pretrained(hf).num_hidden_layers == read_json(BASE / "config.json")["num_hidden_layers"]
    messages = chat_row()["messages"]
    theirs = AutoTokenizer.from_pretrained(hf).apply_chat_template(messages, tokenize=False)
    assert theirs == load_its_tokenizer(BASE).apply_chat_template(messages, tokenize=False)


def test_without_hard_links_weights_are_copied(fused, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("another file system")))
    hf = to_hugging_face()
    assert (hf / "model.safetensors").stat().st_ino != (fused / "model.safetensors").stat().st_ino
    assert (hf / "model.safetensors").read_bytes() == (fused / "model.safetensors").read_bytes()


def split_into_shards(folder, surplus=()):
    weights = mx.load(str(folder / "model.safetensors"))
    weights.update({name: mx.zeros((2, 2)) for name in surplus})
    (folder / "model.safetensors").unlink()
    names = sorted(weights)
    halves = {f"model-0000{n}-of-00002.safetensors": names[n - 1 :: 2] for n in (1, 2)}
    for file, listed in halves.items():
        mx.save_safetensors(str(folder / file), {name: weights[name] for name in listed}, metadata={"format": "mlx"})
    weight_map = {name: file for file, listed in halves.items() for name in listed}
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": weight_map})
    return set(weights) - set(surplus)


def test_shards_get_an_index_and_needless_tensors_go(fused):
    write_json(fused / "config.json", {**read_json(fused / "config.json"), "tie_word_embeddings": True})
    surplus = {"lm_head.weight", "model.layers.0.self_attn.rotary_emb.inv_freq"} - set(stored_tensors(fused))
    wanted = split_into_shards(fused, surplus) - {"lm_head.weight"}
    hf = to_hugging_face()
    index = read_json(hf / "model.safetensors.index.json")
    assert set(stored_tensors(hf)) == set(index["weight_map"]) == wanted
    assert index["metadata"]["total_size"] == sum(array.nbytes for array in mx_arrays(hf))
    assert np.array_equal(logits(load_base(hf)[0]), logits(load_base(fused)[0]))


def mx_arrays(folder):
    return [array for path in sorted(folder.glob("*.safetensors")) for array in mx.load(str(path)).values()]


@pytest.mark.parametrize("surplus", [True, False])
def test_tensors_that_transformers_would_miss_or_not_know_are_named(fused, surplus):
    weights = mx.load(str(fused / "model.safetensors"))
    if surplus:
        weights["model.vision.weight"] = mx.zeros((2, 2))
    else:
        weights.pop("model.norm.weight")
    mx.eval(weights)
    mx.save_safetensors(str(fused / "again.safetensors"), weights)
    (fused / "again.safetensors").replace(fused / "model.safetensors")
    with pytest.raises(InputFileError, match="unknown model.vision.weight" if surplus else "missing model.norm.weight"):
        to_hugging_face()
    assert not Path("models/x/hf/config.json").exists()
