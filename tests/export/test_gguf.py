import json
import re
from pathlib import Path

import numpy as np
import pytest

from gguf_digest import digest, metadata_of
from random_llama import MODELS, packaged_model, write_random_llama, write_safetensors
from understudy.export import gguf as stage
from understudy.gguf.quantization import QUANTIZATIONS
from understudy.gguf.reading import import_gguf
from understudy.gguf.writing import write_gguf_file
from understudy.models.llama.server import EmbeddedModelError
from understudy.models.safetensors import stored_tensors
from understudy.shared.errors import ConfigurationError, InputFileError

REFERENCES = json.loads((Path(__file__).parents[1] / "oracles/references.json").read_text(encoding="utf-8"))["models"]
DEMO_BASE = "SmolLM2-135M-Instruct"


@pytest.fixture(scope="module")
def random_folders(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("random")
    return {name: write_random_llama(folder / name, **options) for name, options in MODELS.items()}


@pytest.fixture(scope="module")
def demo_base(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("base") / DEMO_BASE
    folder.mkdir()
    import_gguf(packaged_model(), folder)
    return folder


@pytest.fixture
def small(tmp_path) -> Path:
    return write_random_llama(tmp_path / "hf", pre_tokenizer="smollm")


def assert_as_recorded(path: Path, name: str, quant: str) -> None:
    reference = REFERENCES[name]["files"][quant]
    assert digest(path, each_tensor="tensors" in reference) == reference


@pytest.mark.parametrize("quant", QUANTIZATIONS)
@pytest.mark.parametrize("name", MODELS)
def test_bytes_are_those_of_llama_cpp(random_folders, tmp_path, name, quant):
    path = tmp_path / "model.gguf"
    write_gguf_file(random_folders[name], quant, path, name, threads=2)
    assert_as_recorded(path, name, quant)


@pytest.mark.parametrize("name", MODELS)
def test_metadata_is_the_converter_s(random_folders, tmp_path, name):
    path = tmp_path / "model.gguf"
    write_gguf_file(random_folders[name], "F16", path, name, threads=2)
    assert list(metadata_of(path).items()) == list(REFERENCES[name]["metadata"].items())


def test_the_demo_s_base_is_as_the_converter_makes_it(demo_base, tmp_path):
    path = tmp_path / "base-F16.gguf"
    write_gguf_file(demo_base, "F16", path, DEMO_BASE, threads=2)
    assert_as_recorded(path, DEMO_BASE, "F16")
    assert metadata_of(path) == REFERENCES[DEMO_BASE]["metadata"]


def test_the_demo_s_base_is_quantized_as_by_llama_cpp(demo_base, tmp_path, caplog):
    path = tmp_path / "base-Q4_K_M.gguf"
    with caplog.at_level("INFO", logger="understudy"):
        stage.write_gguf(demo_base, "Q4_K_M", path, DEMO_BASE, threads=2)
    assert_as_recorded(path, DEMO_BASE, "Q4_K_M")
    assert re.fullmatch(r".*base-Q4_K_M\.gguf: 272 tensors, 10\d MB, llama\.cpp loads it", caplog.messages[-1])


def test_the_bytes_do_not_depend_on_the_number_of_threads_or_on_pieces(random_folders, tmp_path, monkeypatch):
    write_gguf_file(random_folders["tied-256"], "Q4_K_M", tmp_path / "2.gguf", "model", threads=2)
    monkeypatch.setattr("understudy.gguf.writing.VALUES_AT_ONCE", 7000)
    write_gguf_file(random_folders["tied-256"], "Q4_K_M", tmp_path / "1.gguf", "model", threads=1)
    assert (tmp_path / "1.gguf").read_bytes() == (tmp_path / "2.gguf").read_bytes()


def test_the_name_in_the_metadata_is_the_model_s(small, tmp_path):
    write_gguf_file(small, "F16", tmp_path / "x.gguf", "fung", threads=1)
    assert metadata_of(tmp_path / "x.gguf")["general.name"] == 'STRING "Fung"'


@pytest.mark.parametrize(
    ("name", "written"), [("my-phi3-talks", "My Phi 3 Talks"), ("PHI3", "PHI 3"), ("phi-3", "Phi 3"), ("phi4", "Phi4")]
)
def test_a_name_with_phi3_in_it_is_one_that_llama_cpp_loads(small, tmp_path, name, written):
    stage.write_gguf(small, "F16", tmp_path / "x.gguf", name, threads=1)
    assert metadata_of(tmp_path / "x.gguf")["general.name"] == f'STRING "{written}"'


@pytest.mark.parametrize(("strips", "written"), [(True, "Phi3"), (False, "Phi 3")])
def test_phi_3_s_own_tokens_keep_the_name_by_which_llama_cpp_strips_what_follows_them(small, tmp_path, strips, written):
    path = small / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    renamed = {"<repo_name>": "<s>", "<reponame>": "</s>", "<file_sep>": "<unk>"}
    for token in tokenizer["added_tokens"]:
        token["content"] = renamed.get(token["content"], token["content"])
        token["rstrip"] = strips and token["content"] == "</s>"
    tokenizer["model"]["vocab"] = {renamed.get(text, text): at for text, at in tokenizer["model"]["vocab"].items()}
    path.write_text(json.dumps(tokenizer))
    stage.write_gguf(small, "F16", tmp_path / "x.gguf", "phi3", threads=1)
    assert metadata_of(tmp_path / "x.gguf")["general.name"] == f'STRING "{written}"'


def edit_config(folder: Path, **changes) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_the_rope_settings_of_transformers_5_are_read(small, tmp_path):
    write_gguf_file(small, "F16", tmp_path / "4.gguf", "model", threads=1)
    rope = {"rope_theta": 100000.0, "rope_type": "default"}
    edit_config(small, rope_theta=None, rope_scaling=None, rope_parameters=rope)
    write_gguf_file(small, "F16", tmp_path / "5.gguf", "model", threads=1)
    assert (tmp_path / "4.gguf").read_bytes() == (tmp_path / "5.gguf").read_bytes()


def truncate(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def replace_weight(folder: Path, name: str, value: float | None) -> None:
    weights = {key: (tensor.dtype, np.array(tensor.read())) for key, tensor in stored_tensors(folder).items()}
    if value is None:
        del weights[name]
    else:
        weights[name][1].flat[3] = value
    write_safetensors(folder / "model.safetensors", weights)


def replace_in_tokenizer(folder: Path, old: str, new: str) -> None:
    path = folder / "tokenizer.json"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (truncate, r"model\.safetensors is truncated"),
        (lambda folder: replace_weight(folder, "model.layers.1.mlp.up_proj.weight", np.nan), "up_proj.* not finite"),
        (lambda folder: replace_weight(folder, "model.norm.weight", np.inf), "model.norm.weight.* not finite"),
        (lambda folder: replace_weight(folder, "model.layers.1.mlp.up_proj.weight", None), "lacks 1 of the tensors"),
        (lambda folder: (folder / "tokenizer.json").unlink(), r"tokenizer\.json does not exist"),
        (
            lambda folder: replace_in_tokenizer(folder, '"individual_digits": true', '"individual_digits": false'),
            "none of those that are known",
        ),
        (lambda folder: edit_config(folder, rope_scaling={"rope_type": "dynamic"}), "'dynamic' is not understood"),
        (lambda folder: edit_config(folder, vocab_size=300), r"lm_head\.weight has the shape \(512, 64\)"),
        (lambda folder: replace_weight(folder, "lm_head.weight", None), r"lm_head\.weight"),
    ],
)
def test_a_folder_that_is_not_whole_gives_an_error_and_no_file(small, tmp_path, damage, said):
    damage(small)
    with pytest.raises(InputFileError, match=said):
        stage.write_gguf(small, "Q4_K_M", tmp_path / "model.gguf", "model", threads=1)
    assert [path.name for path in tmp_path.iterdir()] == ["hf"]


def test_a_value_beyond_float16_is_named(tmp_path):
    folder = write_random_llama(tmp_path / "hf", dtype="F32")
    replace_weight(folder, "model.layers.0.mlp.up_proj.weight", 1e6)
    with pytest.raises(InputFileError, match="not finite"):
        write_gguf_file(folder, "F16", tmp_path / "model.gguf", "model", threads=1)
    write_gguf_file(folder, "BF16", tmp_path / "model.gguf", "model", threads=1)


def test_an_unknown_quantization_is_refused(small, tmp_path):
    with pytest.raises(ConfigurationError, match=r"Q4_X is unknown\. Known are F32, F16"):
        stage.write_gguf(small, "Q4_X", tmp_path / "model.gguf", "model", threads=1)
    assert not (tmp_path / "model.gguf").exists()


def test_what_llama_cpp_cannot_load_gets_no_name(small, tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "write_gguf_file", lambda folder, quant, path, *rest: path.write_bytes(b"junk"))
    with pytest.raises(EmbeddedModelError, match=r"model\.gguf: llama\.cpp can't load it"):
        stage.write_gguf(small, "F16", tmp_path / "model.gguf", "model", threads=1)
    assert [path.name for path in tmp_path.iterdir()] == ["hf"]
