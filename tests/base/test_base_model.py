"""Base models from a hub, which here is a small server of the tests' own, and from folders that are not what they should be."""

import errno
import hashlib
import logging
import os
import re
import socket
import subprocess
import time

import numpy as np
import pytest
from huggingface_hub import constants

from fake_hub import COMMIT, MODEL, FakeHub
from hub_models import write_hub_model
from project import REPOSITORY, Project, in_a_process
from random_llama import write_random_llama, write_safetensors
from random_models import write_random_model
from understudy.base.base_model import SOURCE_RECORD, import_base_model
from understudy.models import hub as hub_models
from understudy.models.hub import HubError
from understudy.models.mlx.load import load_base
from understudy.models.safetensors import stored_tensors
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json, write_json

TOKEN = "hf_secretsecretsecret"


@pytest.fixture
def source(tmp_path):
    folder = write_random_llama(tmp_path / "source")
    for name in ("pytorch_model.bin", "consolidated.safetensors", "model.gguf", "README.md"):
        (folder / name).write_bytes(b"not needed")
    return folder


@pytest.fixture
def hub(source, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with FakeHub(source) as fake:
        # HF_ENDPOINT, which is read when huggingface_hub is imported.
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, fake.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", fake.url)
        yield fake


def refused(revision=None, name=MODEL, base=None, kind=HubError):
    with pytest.raises(kind) as raised:
        import_base_model(name, revision, base)
    assert TOKEN not in str(raised.value)
    assert not (base / "config.json").exists()
    return str(raised.value)


def test_a_model_comes_from_the_hub_with_its_commit_and_only_what_is_needed(hub, source, tmp_path):
    base = tmp_path / "base"
    import_base_model(MODEL, "v1", base)
    assert read_json(base / SOURCE_RECORD) == {"source": MODEL, "kind": "hub", "revision": COMMIT}
    assert hub.downloaded()[0] == "config.json" and hub.downloaded()[-1] == "model.safetensors"
    assert not {"pytorch_model.bin", "consolidated.safetensors", "model.gguf"} & set(hub.downloaded())
    assert (base / "model.safetensors").read_bytes() == (source / "model.safetensors").read_bytes()
    assert {sent for _, path, _, sent in hub.requests if MODEL in path} == {f"Bearer {TOKEN}"}
    load_base(base)
    assert [path.name for path in base.iterdir() if path.name.startswith(".")] == []


def test_a_download_that_broke_off_goes_on_where_it_stopped(hub, source, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    base = tmp_path / "base"
    hub.breaks_after = 50_500
    assert "the hub answered 500" in refused(base=base)
    hub.is_down, hub.requests = False, []
    import_base_model(MODEL, None, base)
    ranges = [begun for _, path, begun, _ in hub.requests if path.endswith("model.safetensors")]
    assert len(ranges) == 1 and 49_000 <= int(ranges[0].removeprefix("bytes=").rstrip("-")) <= 50_500
    assert (base / "model.safetensors").read_bytes() == (source / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ((403, "GatedRepo", "Access to model owner/model is restricted"), "is gated"),
        ((401, "GatedRepo", "Access to model owner/model is restricted"), "is gated"),
        ((401, "RepoNotFound", "Repository not found"), "the hub knows no owner/model"),
        ((401, "", "Invalid credentials in Authorization header"), "refuses the token"),
        ((403, "", "Forbidden"), "no right to read"),
        ((503, "", "down"), "answered 503"),
    ],
)
def test_what_the_hub_refuses_is_explained(hub, tmp_path, monkeypatch, refusal, said):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    hub.refusal = refusal
    assert said in refused(base=tmp_path / "base")


def test_unknown_models_and_revisions_are_told(hub, tmp_path):
    assert "the hub knows no owner/other" in refused(name="owner/other", base=tmp_path / "base")
    assert "has no revision v9" in refused("v9", base=tmp_path / "base")


def test_without_a_network_the_message_says_so(hub, tmp_path, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{closed.getsockname()[1]}")
        assert "Run it again when online" in refused(base=tmp_path / "base")


def test_a_token_with_impossible_characters_is_not_shown(hub, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_with’quote")
    said = refused(base=tmp_path / "base")
    assert "HF_TOKEN has characters" in said and "hf_with" not in said


def test_offline_a_cached_model_is_used_and_one_that_is_not_is_told(hub, tmp_path, monkeypatch):
    from huggingface_hub import hf_hub_download

    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        hf_hub_download(MODEL, name)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub.requests = []
    import_base_model(MODEL, None, tmp_path / "base")
    assert read_json(tmp_path / "base" / SOURCE_RECORD)["revision"] == COMMIT and hub.requests == []
    assert "HF_HUB_OFFLINE forbids" in refused(name="owner/other", base=tmp_path / "other")


def test_an_unknown_family_is_told_before_its_weights_are_fetched(hub, source, tmp_path):
    write_json(source / "config.json", {**read_json(source / "config.json"), "model_type": "lstm"})
    said = refused(base=tmp_path / "base", kind=InputFileError)
    assert "model_type lstm" in said and "granite" in said and hub.downloaded() == ["config.json"]


def test_pickled_weights_alone_are_refused(hub, source, tmp_path):
    (source / "model.safetensors").unlink()
    assert "no model*.safetensors on the hub, only model.gguf" in refused(base=tmp_path / "base")
    said = refused(name=str(source), base=tmp_path / "base", kind=InputFileError)
    assert "only pickled weights (pytorch_model.bin)" in said


def test_a_disk_that_is_too_small_is_told_before_the_weights(hub, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    assert "Make room" in refused(base=tmp_path / "base") and "model.safetensors" not in hub.downloaded()


def test_a_disk_that_fills_up_is_told_and_the_part_stays(hub, source, tmp_path, monkeypatch):
    def full(url, written, **options):
        written.write(b"{")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(hub_models, "http_get", full)
        assert "the disk is full. Make room" in refused(base=tmp_path / "base")
    import_base_model(MODEL, None, tmp_path / "base")
    assert next(begun for _, path, begun, _ in hub.requests if path.endswith("config.json")) == "bytes=1-"


def test_a_download_that_came_damaged_is_thrown_away(hub, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(hub_models, "file_sha256", lambda path: "0" * 64)
        assert "came damaged" in refused(base=tmp_path / "base")
    import_base_model(MODEL, None, tmp_path / "base")


def test_fp8_that_mlx_lm_takes_for_whole_numbers_is_refused(tmp_path):
    """Ministral 3's Instruct models are published so."""
    source = write_hub_model(tmp_path / "source", "mistral3")
    tensors = {name: (tensor.dtype, tensor.read_as_stored()) for name, tensor in stored_tensors(source).items()}
    packed = "language_model.model.layers.0.self_attn.q_proj.weight"
    tensors[packed] = ("F8_E4M3", np.zeros(tensors[packed][1].shape, np.uint8))
    write_safetensors(source / "model.safetensors", tensors)
    with pytest.raises(InputFileError, match=r"q_proj\.weight and 0 more of its tensors are FP8.* in BF16"):
        import_base_model(str(source), None, tmp_path / "base")


def test_what_can_be_made_of_the_base_is_told(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("understudy"), "propagate", True)
    caplog.set_level(logging.INFO, logger="understudy")
    source = write_random_model(tmp_path / "source", "granitemoehybrid", vocab_size=49152)
    import_base_model(str(source), None, tmp_path / "base")
    assert f"What can be made of {source}:" in caplog.text
    assert "GGUF              yes, by llama.cpp's own converter" in caplog.text


def test_the_job_log_has_no_hub_token(tmp_path, monkeypatch):
    from understudy.shared.log import FormatterWithoutSecrets

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    record = logging.LogRecord("x", logging.INFO, "x", 1, f"Bearer {TOKEN}", None, None)
    assert TOKEN not in FormatterWithoutSecrets("%(message)s").format(record)


def test_a_killed_process_goes_on_where_it_stopped(hub, source, tmp_path):
    """Two real processes with HF_ENDPOINT; the first is killed while the hub waits in the middle of the weights."""
    weights = {"model.embed_tokens.weight": ("F16", np.zeros((20_000, 700), np.float16))}
    write_safetensors(source / "model.safetensors", weights)
    hub.waits_after = 25_000_000
    program = (
        f"from understudy.base.base_model import import_base_model; import_base_model({MODEL!r}, None, Path('base'))"
    )
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")}
    command = in_a_process(f"from pathlib import Path; {program}")
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as first:
        part = tmp_path / "base/.downloads" / hashlib.sha256((source / "model.safetensors").read_bytes()).hexdigest()
        while not (part.exists() and part.stat().st_size >= 10_000_000):
            assert first.poll() is None
            time.sleep(0.01)
        first.kill()
    kept, hub.waits_after, hub.requests = part.stat().st_size, None, []
    second = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert [begun for _, path, begun, _ in hub.requests if path.endswith("model.safetensors")] == [f"bytes={kept}-"]
    # What it brought is one tensor of the model and not the whole of it.
    assert "can't be loaded by mlx_lm" in second.stderr and TOKEN not in second.stderr


def test_granite_is_an_alternative_whose_run_is_planned(tmp_path):
    text = (REPOSITORY / "config.yaml").read_text(encoding="utf-8")
    text = re.sub(r"^base_model: .*\n", "", text, flags=re.MULTILINE)
    text = text.replace("# base_model: ibm-granite/granite-4.0-h-micro", "base_model: ibm-granite/granite-4.0-h-micro")
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    plan = Project(tmp_path).snakemake("-n", "models/fung-Q4_K_M.gguf")
    assert "models/base/ibm-granite--granite-4.0-h-micro/config.json" in plan
    assert "models/fung-Q4_K_M.gguf" in plan


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "config.json, line 1: not JSON"),
        ("[]", "names no model_type"),
        ('{"model_type": "llama"}', "model_type llama"),
    ],
)
def test_a_broken_configuration_is_told(source, tmp_path, content, said):
    (source / "config.json").write_text(content)
    assert said in refused(name=str(source), base=tmp_path / "base", kind=InputFileError)


def test_half_of_the_shards_is_told_without_an_index(tmp_path):
    folder = write_random_llama(tmp_path / "shards", shards=2)
    (folder / "model.safetensors.index.json").unlink()
    (folder / "model-00001-of-00002.safetensors").unlink()
    said = refused(name=str(folder), base=tmp_path / "base", kind=InputFileError)
    assert "model-00001-of-00002.safetensors does not exist" in said


def test_weights_of_another_model_are_told(tmp_path):
    folder = write_random_model(tmp_path / "source", "phi3")
    write_json(folder / "config.json", {**read_json(folder / "config.json"), "num_hidden_layers": 5})
    assert "can't be loaded by mlx_lm" in refused(name=str(folder), base=tmp_path / "base", kind=InputFileError)
