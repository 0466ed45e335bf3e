"""Small random models of the families that people tune: brought in as a folder, trained, fused, loaded by mlx_lm alone, written
as Hugging Face folder and GGUF."""

import os
import shutil
from pathlib import Path

import mlx.core as mx
import mlx_lm
import pytest
from mlx.utils import tree_flatten
from mlx_lm.tuner.lora import LoRALinear
from mlx_lm.utils import load_adapters, quantize_model, save_config, save_model

from hub_models import write_hub_model
from llama_requests import far_from_mlx
from random_models import FAMILIES, random_config, write_random_model
from tiny_training import OUTPUTS, TRAIN, VALID, stop_at
from understudy.base.base_model import import_base_model
from understudy.export.hf import write_hugging_face_folder
from understudy.gguf.families import FAMILIES as GGUF_FAMILIES
from understudy.gguf.writing import write_gguf_file
from understudy.models.mlx.load import load_base, load_weights, model_without_weights
from understudy.models.safetensors import stored_tensors
from understudy.shared.errors import ConfigurationError, InputFileError, UnsupportedArchitecture
from understudy.shared.files import read_json, write_json, write_json_lines
from understudy.train import fused as fuse_stage
from understudy.train.adapters import train_adapters
from understudy.train.loop import TrainingInterrupted
from understudy.train.lora_config import write_lora_config

BASE = Path("models/base/tiny")
ADAPTERS = Path("models/x/adapters")
FUSED = Path("models/x/fused")
HF = Path("models/x/hf")
# Dropout, batches of unequal rows and checkpointing are what a family's layers could break on.
TRAINING = {
    "epochs": 2,
    "num_layers": 2,
    "lora_parameters": {"rank": 4, "scale": 20.0, "dropout": 0.1},
    "optimizer": "adamw",
    "learning_rate": 1e-3,
    "batch_size": 2,
    "grad_accumulation_steps": 1,
    "grad_checkpoint": True,
    "max_seq_length": 256,
    "mask_prompt": True,
    "steps_per_eval": 6,
    "steps_per_report": 2,
    "save_every": 6,
    "seed": 42,
}
# Of these `make test` shows that a stopped training goes on: attention alone, windows of it, state-space layers with experts.
QUICK = ("llama", "gemma3_text", "granitemoehybrid-experts")


def chat_row(number):
    answer = f"It is the number {number}, of course. " * (1 + number % 3)
    return {"messages": [{"role": "user", "content": f"What is {number}?"}, {"role": "assistant", "content": answer}]}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project directory with rows and no base model; the working directory."""
    monkeypatch.chdir(tmp_path)
    write_json_lines(TRAIN, [chat_row(number) for number in range(6)])
    write_json_lines(VALID, [chat_row(number) for number in (7, 8)])
    return tmp_path


def bring_in(source):
    import_base_model(str(source), None, BASE)


def train_it(**changes):
    write_lora_config({**TRAINING, **changes}, TRAIN, str(BASE / "config.json"), "models/x/lora.yaml")
    train_adapters("models/x/lora.yaml", TRAIN, VALID, str(BASE), OUTPUTS)


def fuse_it():
    fuse_stage.fuse_adapters(OUTPUTS["adapters.safetensors"], str(BASE), str(FUSED / "config.json"))


def logits(model, text="What is 3?"):
    model.eval()
    tokens = mlx_lm.utils.load_tokenizer(BASE).encode(text)
    return model(mx.array([tokens]))[0].astype(mx.float32)


def share_lost_by_fusing():
    """What fusing changes in the logits as a share of what the adapters change, and the fused model from mlx_lm's own load."""
    base, tuned = load_base(BASE)[0], load_base(BASE)[0]
    load_adapters(tuned, str(ADAPTERS))
    fused, _ = mlx_lm.load(str(FUSED))
    fused.set_dtype(mx.float32)
    effect = fuse_stage.size(logits(tuned) - logits(base))
    assert effect > 0.02
    return fuse_stage.size(logits(fused) - logits(tuned)) / effect


def quantized(folder, target, **options):
    """Write the model of `folder` as `mlx_lm.convert -q` does, its tokenizer files as they are."""
    model, config = quantize_model(load_weights(folder), read_json(folder / "config.json"), **options)
    save_model(target, model)
    for path in folder.glob("tokenizer*"):
        (target / path.name).write_bytes(path.read_bytes())
    save_config(config, target / "config.json")
    return target


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_brought_in_trained_fused_and_exported(project, family):
    downloaded = write_random_model(project / "downloaded", family)
    bring_in(downloaded)
    train_it()
    fuse_it()
    assert share_lost_by_fusing() < 0.01
    for path in BASE.glob("tokenizer*"):
        assert (FUSED / path.name).read_bytes() == path.read_bytes()
    assert {tensor.dtype for tensor in stored_tensors(FUSED).values()} == {"F16"}
    write_hugging_face_folder(str(FUSED / "config.json"), str(HF / "config.json"))
    assert layout(HF) == layout(downloaded)
    if read_json(HF / "config.json")["model_type"] in GGUF_FAMILIES:
        write_gguf_file(HF, "F32", Path("models/x.gguf"), "x", threads=2)
        assert far_from_mlx(Path("models/x.gguf"), FUSED) < 0.03
    else:
        with pytest.raises(UnsupportedArchitecture, match="GraniteMoeHybridForCausalLM"):
            write_gguf_file(HF, "F16", Path("models/x.gguf"), "x", threads=2)


@pytest.mark.parametrize(
    "name",
    ["gemma3", "qwen3_5", *(pytest.param(name, marks=pytest.mark.long) for name in ("qwen3_moe", "lfm2", "mistral3"))],
)
def test_a_family_whose_tensors_mlx_lm_changes_is_trained_fused_and_exported(project, name):
    """From a model that transformers wrote, image part and all."""
    # Rounding to bfloat16 turns the choices of a random router.
    dtype = "F32" if name == "qwen3_moe" else "BF16"
    bring_in(write_hub_model(project / "downloaded", name, dtype=dtype))
    train_it()
    fuse_it()
    write_hugging_face_folder(str(FUSED / "config.json"), str(HF / "config.json"))
    of_fused, of_hf = (logits(load_base(folder)[0]) for folder in (FUSED, HF))
    assert fuse_stage.size(of_hf - of_fused) < 1e-3 * fuse_stage.size(of_fused)
    if name == "gemma3":
        write_gguf_file(HF, "F32", Path("models/x.gguf"), "x", threads=2)
        assert far_from_mlx(Path("models/x.gguf"), FUSED) < 0.03


def layout(folder):
    """Names, shapes and types of the stored tensors."""
    return {name: (tensor.shape, tensor.dtype) for name, tensor in stored_tensors(folder).items()}


@pytest.mark.parametrize(
    "family", [family if family in QUICK else pytest.param(family, marks=pytest.mark.long) for family in FAMILIES]
)
def test_a_family_goes_on_where_its_training_stopped(project, family, monkeypatch):
    bring_in(write_random_model(project / "downloaded", family))
    train_it()
    expected = Path(OUTPUTS["adapters.safetensors"]).read_bytes()
    shutil.rmtree("models/x")
    with monkeypatch.context() as patched, pytest.raises(TrainingInterrupted, match="saved after iteration 3 of 6"):
        stop_at(patched, 3)
        train_it()
    train_it()
    assert Path(OUTPUTS["adapters.safetensors"]).read_bytes() == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_shapes_from_the_configuration_are_those_of_the_stored_model(tmp_path, family):
    folder = write_random_model(tmp_path / "base", family)
    stored, built = load_weights(folder), model_without_weights(random_config(family))
    assert {name: value.shape for name, value in tree_flatten(built.parameters())} == {
        name: value.shape for name, value in tree_flatten(stored.parameters())
    }


def test_layers_of_a_model_are_all_of_the_class_that_grad_checkpoint_changes():
    """mlx_lm changes the class of the first layer only."""
    for family in FAMILIES:
        assert len({type(layer) for layer in model_without_weights(random_config(family)).layers}) == 1


def test_dropout_of_the_adapters_does_not_disturb_the_check(project):
    bring_in(write_random_model(project / "downloaded", "llama"))
    train_it(lora_parameters={"rank": 4, "scale": 20.0, "dropout": 0.9})
    fuse_it()
    assert share_lost_by_fusing() < 0.01


@pytest.mark.parametrize("family", ["llama", "qwen2", "gemma3_text"])
def test_dora_is_fused_too(project, family):
    bring_in(write_random_model(project / "downloaded", family))
    train_it(fine_tune_type="dora")
    assert any(name.endswith(".m") for name in mx.load(OUTPUTS["adapters.safetensors"]))
    fuse_it()
    assert share_lost_by_fusing() < 0.01


def test_dora_on_layers_of_experts_is_refused_with_what_would_do(project):
    bring_in(write_random_model(project / "downloaded", "granitemoehybrid-experts"))
    with pytest.raises(ConfigurationError, match=r"training\.fine_tune_type is dora, .* Use lora\."):
        train_it(fine_tune_type="dora")


@pytest.mark.parametrize("fine_tune_type", ["lora", "dora"])
@pytest.mark.parametrize("family", ["llama", "qwen2", "gemma3_text"])
def test_a_4_bit_base_is_fused_onto_its_dequantized_weights(project, family, fine_tune_type):
    """llama has a quantized head of its own, the others a tied quantized embedding."""
    plain = write_random_model(project / "plain", family)
    bring_in(quantized(plain, project / "4bit", group_size=32, bits=4))
    assert "U32" in {tensor.dtype for tensor in stored_tensors(BASE).values()}
    train_it(fine_tune_type=fine_tune_type)
    fuse_it()
    assert share_lost_by_fusing() < 0.02
    assert not {"quantization", "quantization_config"} & set(read_json(FUSED / "config.json"))
    assert {tensor.dtype for tensor in stored_tensors(FUSED).values()} == {"F16"}


def test_of_a_model_that_sees_images_the_language_model_is_trained_and_fused(project):
    text = write_random_model(project / "text", "gemma3_text")
    folder = project / "seeing"
    folder.mkdir()
    for path in text.glob("tokenizer*"):
        (folder / path.name).write_bytes(path.read_bytes())
    weights = {f"language_model.{name}": value for name, value in mx.load(str(text / "model.safetensors")).items()}
    images = {"vision_tower.weight": mx.zeros((4, 4)), "multi_modal_projector.weight": mx.zeros((4, 4))}
    mx.save_safetensors(str(folder / "model.safetensors"), {**weights, **images})
    config = {"model_type": "gemma3", "architectures": ["Gemma3ForConditionalGeneration"], "vocab_size": 512}
    config |= {"eos_token_id": 2, "text_config": random_config("gemma3_text"), "vision_config": {"hidden_size": 4}}
    write_json(folder / "config.json", config)
    bring_in(folder)
    train_it()
    fuse_it()
    assert share_lost_by_fusing() < 0.01
    assert "vision_config" not in read_json(FUSED / "config.json")
    assert not [name for name in stored_tensors(FUSED) if not name.startswith("language_model.")]


@pytest.mark.parametrize("mode", ["mxfp4", "mxfp8"])
def test_a_base_of_another_quantization_than_affine_is_fused(project, mode):
    plain = write_random_model(project / "plain", "llama")
    bring_in(quantized(plain, project / "packed", group_size=None, bits=None, mode=mode))
    train_it()
    fuse_it()
    assert share_lost_by_fusing() < 0.02


def mixed_bits(path, module):
    """Embedding and head in 8 bits, the values in 6, the MLP's gate as it is, all else in 4."""
    if "embed" in path or "lm_head" in path:
        return {"group_size": 32, "bits": 8}
    return {"group_size": 32, "bits": 6} if "v_proj" in path else "gate_proj" not in path and "router" not in path


@pytest.mark.parametrize("family", ["llama", "granitemoehybrid-experts"])
def test_bits_that_differ_from_layer_to_layer_are_fused(project, family):
    plain = write_random_model(project / "plain", family)
    bring_in(quantized(plain, project / "mixed", group_size=32, bits=4, quant_predicate=mixed_bits))
    train_it()
    fuse_it()
    assert share_lost_by_fusing() < 0.02


def test_one_dropped_layer_of_many_fails_the_rule(project, monkeypatch):
    bring_in(write_random_model(project / "downloaded", "llama"))
    train_it()
    monkeypatch.setattr(LoRALinear, "fuse", lambda self, dequantize, fuse=LoRALinear.fuse: (
        self.linear if self.linear.weight.shape[0] == 128 else fuse(self, dequantize)
    ))  # fmt: skip
    with pytest.raises(fuse_stage.FusionFailed, match="Nothing was kept"):
        fuse_it()
    assert not (FUSED / "config.json").exists()


def test_each_of_ten_prompts_is_compared(project, monkeypatch):
    bring_in(write_random_model(project / "downloaded", "qwen3"))
    train_it()
    compared = []
    monkeypatch.setattr(
        fuse_stage, "check_agreement", lambda difference, effect, rounding, prompt: compared.append(prompt)
    )
    fuse_it()
    assert len(set(compared)) == 10


def test_adapters_of_another_family_are_refused(project):
    bring_in(write_random_model(project / "downloaded", "llama"))
    train_it()
    bring_in(write_random_model(project / "other", "phi3"))
    with pytest.raises(InputFileError, match="don't fit the base model"):
        fuse_it()


def test_a_model_type_that_mlx_lm_does_not_know_is_told(project):
    folder = write_random_model(project / "downloaded", "llama")
    write_json(folder / "config.json", {**random_config("llama"), "model_type": "lstm", "architectures": ["Lstm"]})
    with pytest.raises(InputFileError, match="lstm") as raised:
        bring_in(folder)
    assert str(folder) in str(raised.value) or os.fspath(folder.name) in str(raised.value)
