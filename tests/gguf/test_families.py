"""Every family that is written as GGUF: as llama.cpp's own tools write it, and understood by llama.cpp as by MLX."""

from pathlib import Path

import pytest
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from gguf_digest import digest, metadata_of
from llama_requests import assert_same_tokens
from random_families import FAMILY_MODELS, RULES, write_family_tokenizer, write_random_family
from understudy.gguf.quantization import QUANTIZATIONS
from understudy.gguf.tokenizer import QWEN2_REGEX, pre_tokenizer_name
from understudy.gguf.writing import write_gguf_file
from understudy.shared.errors import InputFileError, UnsupportedArchitecture, UnsupportedTokenizer
from understudy.shared.files import read_json, write_json

REFERENCES = read_json(Path(__file__).parents[1] / "oracles/references.json")["models"]
# Of these `make test` compares the bytes: no mix, and the three that differ most between tensors.
QUICK = ("F16", "Q4_K_M", "Q3_K_M")


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("families")
    return {name: write_random_family(folder / name, **options) for name, options in FAMILY_MODELS.items()}


@pytest.mark.parametrize(
    "quant", [quant if quant in QUICK else pytest.param(quant, marks=pytest.mark.long) for quant in QUANTIZATIONS]
)
@pytest.mark.parametrize("name", FAMILY_MODELS)
def test_bytes_are_those_of_llama_cpp(folders, tmp_path, name, quant):
    path = tmp_path / "model.gguf"
    write_gguf_file(folders[name], quant, path, name, threads=2)
    reference = REFERENCES[name]["files"][quant]
    assert digest(path, each_tensor="tensors" in reference) == reference


@pytest.mark.parametrize("name", FAMILY_MODELS)
def test_metadata_is_the_converter_s(folders, tmp_path, name):
    path = tmp_path / "model.gguf"
    write_gguf_file(folders[name], "F16", path, name, threads=2)
    assert list(metadata_of(path).items()) == list(REFERENCES[name]["metadata"].items())


def test_the_rules_that_a_package_has_are_its_own():
    assert QWEN2_REGEX == PRETOKENIZE_REGEX


@pytest.mark.parametrize("rules", RULES)
def test_rules_are_recognised(tmp_path, rules):
    write_family_tokenizer(tmp_path, 512, rules, "llama")
    assert pre_tokenizer_name(tmp_path / "tokenizer.json") == rules


@pytest.mark.parametrize(
    "name",
    [
        "llama-biased",
        "llama-spm",
        "mistral-tekken",
        "qwen2-odd",
        "granite-biased",
        "smollm3-odd",
        "phi3-odd",
        "gemma3-odd",
    ],
)
def test_llama_cpp_splits_text_as_the_tokenizer_does(folders, tmp_path, name):
    path = tmp_path / "model.gguf"
    # llama.cpp looks for tokens of Phi-3's in what is called so.
    write_gguf_file(folders[name], "F16", path, "model", threads=2)
    assert_same_tokens(folders[name], path)


def edit(path: Path, **changes) -> None:
    write_json(path, read_json(path) | changes)


def refused(folder: Path, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        write_gguf_file(folder, "F16", folder / "model.gguf", "model", threads=1)
    assert not (folder / "model.gguf").exists()


@pytest.fixture
def a_copy(tmp_path):
    return lambda name: write_random_family(tmp_path / name, **FAMILY_MODELS[name])


def test_another_architecture_is_named(a_copy):
    folder = a_copy("qwen2-odd")
    edit(folder / "config.json", model_type="qwen9", architectures=["Qwen9ForCausalLM"])
    refused(
        folder, UnsupportedArchitecture, r"config\.json: the architecture Qwen9ForCausalLM is not written as GGUF here"
    )


def test_another_task_of_a_known_family_is_named(a_copy):
    folder = a_copy("qwen2-odd")
    edit(folder / "config.json", architectures=["Qwen2ForSequenceClassification"])
    refused(folder, UnsupportedArchitecture, "Qwen2ForSequenceClassification")


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("smollm3-odd", {"no_rope_layers": [1, 0, 1]}, "every fourth layer"),
        ("gemma3-odd", {"sliding_window_pattern": 2}, "every sixth layer"),
        ("qwen2-odd", {"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "'llama3' is not understood"),
        ("granite-biased", {"intermediate_size": 96}, "down_proj.weight has the shape"),
        ("llama-spm", {"vocab_size": 300}, "lm_head.weight has the shape"),
    ],
)
def test_what_llama_cpp_would_compute_in_another_way_is_refused(a_copy, name, changes, said):
    folder = a_copy(name)
    edit(folder / "config.json", **changes)
    refused(folder, InputFileError, said)


def test_an_unknown_tokenizer_is_named_and_not_guessed(a_copy):
    folder = a_copy("qwen2-odd")
    content = read_json(folder / "tokenizer.json")
    content["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = r"\w+|\s+"
    write_json(folder / "tokenizer.json", content)
    refused(
        folder, UnsupportedTokenizer, r"tokenizer\.json: its tokenizer is BPE .*\\w\+\|\\s\+, which is none of those"
    )


def test_sentencepiece_without_its_model_is_not_guessed(a_copy):
    folder = a_copy("gemma3-odd")
    (folder / "tokenizer.model").unlink()
    refused(folder, UnsupportedTokenizer, "A tokenizer.model of SentencePiece beside it would be used instead")


def test_a_damaged_tokenizer_model_is_named(a_copy):
    folder = a_copy("gemma3-odd")
    (folder / "tokenizer.model").write_bytes(b"\x0a\xffjunk")
    refused(folder, InputFileError, r"tokenizer\.model is not a whole SentencePiece model")


def test_the_same_split_written_the_other_way_is_recognised(tmp_path):
    write_family_tokenizer(tmp_path, 512, "gpt-4o", "llama")
    content = read_json(tmp_path / "tokenizer.json")
    content["pre_tokenizer"]["pretokenizers"][0] |= {"behavior": "Removed", "invert": True}
    write_json(tmp_path / "tokenizer.json", content)
    assert pre_tokenizer_name(tmp_path / "tokenizer.json") == "gpt-4o"
