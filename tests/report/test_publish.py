"""Publishing to a hub, which here is a small server of the tests' own: what goes up, how often, and what can't."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import yaml
from huggingface_hub import constants
from mlx_lm import load

from fake_upload_hub import TOKEN, FakeUploadHub, Repository, Stored
from project import REPOSITORY, in_a_process
from random_llama import write_random_llama
from understudy.export.published_files import SecretInFileError, files_to_publish
from understudy.export.upload import MissingTokenError
from understudy.models.hub import HubError
from understudy.report.publish import publish_model
from understudy.shared.errors import InputFileError, UnderstudyError
from understudy.shared.files import file_sha256, read_json, write_json

REPO = "owner/tiny"
JUNK = (
    ".env",
    ".x.part",
    "understudy_source.json",
    "notes.bak",
    ".cache/huggingface/upload.json",
    ".part/model.safetensors",
)
CARD = "---\nlicense: apache-2.0\ntags: [understudy]\n---\n\n# tiny\n\n![Loss](loss.svg)\n"


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A finished model in models/ of the working directory, with what must stay here beside it."""
    monkeypatch.chdir(tmp_path)
    models, folder = tmp_path / "models", tmp_path / "models/tiny"
    write_random_llama(folder / "hf", shards=2)
    write_json(folder / "hf/understudy.json", {"base_model": {"source": "owner/base", "revision": "1"}})
    write_random_llama(folder / "fused")
    adapters = folder / "adapters"
    adapters.mkdir()
    settings = {
        "fine_tune_type": "lora",
        "num_layers": 1,
        "lora_parameters": {"rank": 4, "scale": 20.0, "dropout": 0.0},
    }
    local = {"model": str(tmp_path / "models/base/x"), "data": "data/dataset", "adapter_path": str(adapters)}
    write_json(adapters / "adapter_config.json", {**settings, **local, "resume_adapter_file": str(tmp_path)})
    for name in ("adapters.safetensors", "0000004_adapters.safetensors", "kept.json"):
        (adapters / name).write_bytes(name.encode())
    write_json(models / "base/x/understudy_source.json", {"source": "owner/base", "kind": "hub", "revision": "1"})
    (folder / "README.md").write_text(CARD)
    (folder / "loss.svg").write_text("<svg/>")
    (models / "tiny-Q4_K_M.gguf").write_bytes(b"GGUF" + os.urandom(100_000))
    for junk in JUNK:
        (folder / "hf" / junk).parent.mkdir(parents=True, exist_ok=True)
        (folder / "hf" / junk).write_text("HF_TOKEN=never")
    return models


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with FakeUploadHub() as fake:
        # HF_ENDPOINT, which is read when huggingface_hub is imported.
        monkeypatch.setattr(constants, "ENDPOINT", fake.url)
        monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", fake.url)
        yield fake


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def publish(models, repository=REPO, is_private=True, named=("Q4_K_M",), sends=True):
    publish_model(models, "tiny", repository, is_private, list(named), str(models / "base/x"), sends)


def refused(models, kind=HubError, **how):
    with pytest.raises(kind) as raised:
        publish(models, **how)
    assert TOKEN not in str(raised.value) and "hf_" not in str(raised.value)
    return str(raised.value)


def test_the_whole_model_arrives_byte_for_byte(model, hub):
    publish(model, named=["adapters", "fused", "Q4_K_M"])
    repository = hub.repositories[REPO]
    there = {path: stored.content for path, stored in repository.files.items()}
    hf = {path.name: path.read_bytes() for path in (model / "tiny/hf").iterdir() if path.is_file()}
    of_hf = {name: content for name, content in hf.items() if name not in JUNK}
    of_fused = {f"fused/{path.name}": path.read_bytes() for path in (model / "tiny/fused").iterdir()}
    assert len(of_hf) == 8 and "model-00002-of-00002.safetensors" in of_hf
    adapter_config = there.pop("adapters/adapter_config.json")
    assert there == {
        "README.md": CARD.encode(),
        "loss.svg": b"<svg/>",
        "tiny-Q4_K_M.gguf": (model / "tiny-Q4_K_M.gguf").read_bytes(),
        "adapters/adapters.safetensors": b"adapters.safetensors",
        **of_hf,
        **of_fused,
    }
    assert str(model.parent).encode() not in adapter_config
    assert repository.is_private and repository.commits == ["Understudy: tiny"]


def test_an_mlx_folder_goes_up_as_a_folder_without_what_does_not_belong_there(model, hub):
    folder = write_random_llama(model / "tiny/mlx-4bit")
    (folder / ".part").mkdir()
    for junk in (".env", "understudy_source.json", ".part/model.safetensors"):
        (folder / junk).write_text("HF_TOKEN=never")
    publish(model, named=["mlx-4bit"])
    names = {path for path in hub.repositories[REPO].files if "/" in path}
    assert {"mlx-4bit/config.json", "mlx-4bit/model.safetensors", "mlx-4bit/tokenizer.json"} <= names
    assert not [name for name in names if "understudy" in name or "/." in name]


def test_a_repository_is_public_only_when_asked_for_and_consent_is_named(model, hub, caplog, monkeypatch):
    monkeypatch.setattr("understudy.shared.log.log.propagate", True)
    publish(model, is_private=False)
    assert not hub.repositories[REPO].is_private and "only with their consent" in caplog.text


def test_a_public_repository_does_not_get_what_should_be_private(model, hub):
    hub.repositories[REPO] = Repository(is_private=False)
    assert "is there already and public" in refused(model)
    assert hub.repositories[REPO].files == {} and hub.sent == []


def test_a_second_time_nothing_is_sent(model, hub):
    publish(model)
    hub.requests.clear()
    hub.sent.clear()
    publish(model)
    assert hub.sent == [] and len(hub.repositories[REPO].commits) == 1
    assert [path for method, path in hub.requests if "preupload" in path or "commit" in path] == []


def test_after_a_change_only_that_file_goes_up(model, hub):
    publish(model)
    hub.sent.clear()
    (model / "tiny-Q4_K_M.gguf").write_bytes(b"GGUF another")
    publish(model)
    assert hub.sent == [file_sha256(model / "tiny-Q4_K_M.gguf")]
    assert hub.repositories[REPO].files["tiny-Q4_K_M.gguf"].content == b"GGUF another"


def test_the_weights_of_an_earlier_model_do_not_stay_beside_the_new_ones(model, hub):
    publish(model)
    hub.repositories[REPO].files |= {
        path: Stored(b"old", True) for path in ("model.safetensors", "tiny-F16.gguf", "mine/model.safetensors")
    }
    publish(model)
    there = set(hub.repositories[REPO].files)
    assert "model.safetensors" not in there and {"tiny-F16.gguf", "mine/model.safetensors"} < there


def test_a_repository_that_understudy_did_not_fill_loses_nothing(model, hub):
    hub.repositories[REPO] = Repository(is_private=True)
    hub.repositories[REPO].files["model.safetensors"] = Stored(b"someone's", True)
    publish(model)
    assert hub.repositories[REPO].files["model.safetensors"].content == b"someone's"


def test_large_files_go_up_in_parts_where_the_hub_asks_for_it(model, hub):
    hub.part_size = 30_000
    publish(model)
    content = (model / "tiny-Q4_K_M.gguf").read_bytes()
    assert (
        len([path for method, path in hub.requests if path.endswith(("/1", "/2", "/3", "/4")) and method == "PUT"]) > 4
    )
    assert hub.repositories[REPO].files["tiny-Q4_K_M.gguf"].content == content


def test_telling_what_would_go_up_asks_the_hub_nothing(model, hub, caplog, monkeypatch):
    monkeypatch.setattr("understudy.shared.log.log.propagate", True)
    caplog.set_level("INFO", "understudy")
    publish(model, named=["adapters", "Q4_K_M"], sends=False)
    assert hub.requests == []
    for part in (
        "tiny-Q4_K_M.gguf",
        "100.0 kB",
        "adapters/adapter_config.json",
        "README.md",
        "13 files",
        "Nothing was sent",
    ):
        assert part in caplog.text
    assert ".env" not in caplog.text and "0000004" not in caplog.text


def test_without_a_repository_the_list_says_what_is_missing(model, caplog, monkeypatch):
    monkeypatch.setattr("understudy.shared.log.log.propagate", True)
    caplog.set_level("INFO", "understudy")
    publish(model, repository=None, sends=False)
    assert "Set export.hub_repo to publish." in caplog.text


@pytest.mark.parametrize("path", ["repos/create", r"objects/batch", r"/large/", "preupload", "commit", "tree"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_hub_is_asked_again(model, hub, impatient, path, status):
    hub.faults = [(path, status, "later")] * 2
    publish(model)
    assert hub.faults == [] and len(hub.repositories[REPO].commits) == 1
    assert len(hub.sent) == len(set(hub.sent)) == 3


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "refuses the token"),
        (403, "no right to write to owner/tiny (no room left)"),
        (429, "Wait some minutes"),
        (500, "the hub answered 500 (no room left). Run it again"),
        (413, "it answered 413 (no room left)"),
    ],
)
def test_what_the_hub_refuses_is_explained(model, hub, impatient, status, said):
    hub.faults = [("commit", status, "no room left")] * 10
    assert said in refused(model)


def test_wrong_tokens_wrong_owners_and_bad_heads_are_told(model, hub, impatient, monkeypatch):
    assert "no right to write to someone/tiny (You don't have" in refused(model, repository="someone/tiny")
    (model / "tiny/README.md").write_text("# no head\n")
    assert "Invalid metadata in README.md. - no metadata" in refused(model)
    monkeypatch.setenv("HF_TOKEN", "hf_wrongwrongwrong")
    assert "the hub refuses the token" in refused(model)
    monkeypatch.setenv("HF_TOKEN", "hf_with’quote")
    assert "HF_TOKEN has characters" in refused(model)


def test_offline_and_without_a_token_nothing_is_tried(model, hub, tmp_path, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("understudy.export.upload.get_token", lambda: None)
    monkeypatch.setattr("understudy.shared.credentials.REPOSITORY", tmp_path / "elsewhere")
    said = refused_without_hint(model, MissingTokenError)
    assert "hf auth login" in said and str(tmp_path / ".env") in said
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE forbids" in refused_without_hint(model, HubError)
    assert hub.requests == []


def refused_without_hint(models, kind):
    with pytest.raises(kind) as raised:
        publish(models)
    return str(raised.value)


def test_the_token_of_an_env_file_is_used(model, hub, tmp_path, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    (tmp_path / ".env").write_text(f"HF_TOKEN={TOKEN}\n")
    publish(model)
    assert REPO in hub.repositories


def test_a_hub_that_is_down_is_told(model, hub, impatient, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert "can't be reached" in refused(model)


@pytest.mark.parametrize("where", ["README.md", "hf/tokenizer_config.json", "loss.svg"])
def test_a_file_with_a_token_in_it_stays_here(model, hub, where):
    path = model / "tiny" / where
    path.write_text(path.read_text().replace("{", '{"x": "' + TOKEN + '",', 1) if "json" in where else CARD + TOKEN)
    said = refused(model, kind=SecretInFileError)
    assert where in said and hub.requests == []


def test_a_missing_file_is_named(model, hub):
    assert "models/tiny-F16.gguf does not exist" in refused(model, kind=InputFileError, named=["F16"])


def test_settings_go_up_without_this_machines_paths(model):
    config = model / "tiny/hf/config.json"
    write_json(config, {**read_json(config), "_name_or_path": "/home/someone/model"})
    tokenizer = model / "tiny/hf/tokenizer_config.json"
    write_json(tokenizer, {**read_json(tokenizer), "name_or_path": "owner/base"})
    content = {file.path_in_repo: file.content for file in files_to_publish(model, "tiny", ["adapters"], "owner/base")}
    assert b"_name_or_path" not in content["config.json"] and content["tokenizer_config.json"] is None
    assert yaml.safe_load(content["adapters/adapter_config.json"]) == {
        "fine_tune_type": "lora",
        "num_layers": 1,
        "lora_parameters": {"rank": 4, "scale": 20.0, "dropout": 0.0},
        "model": "owner/base",
    }


def test_a_llama_whose_name_does_not_say_so_is_warned_of(model, caplog, monkeypatch):
    monkeypatch.setattr("understudy.shared.log.log.propagate", True)
    card = model / "tiny/README.md"
    card.write_text(CARD.replace("apache-2.0", "llama3.2"))
    publish(model, sends=False)
    assert "asks for a name that begins with Llama" in caplog.text
    caplog.clear()
    publish(model, repository="owner/Llama-tiny", sends=False)
    assert "begins with Llama" not in caplog.text


def test_a_killed_upload_sends_the_rest_the_next_time(model, hub, tmp_path):
    """Two real processes with HF_ENDPOINT; the first is killed while the hub waits in the middle of the last large file."""
    last = file_sha256(model / "tiny-Q4_K_M.gguf")
    hub.holds = last
    (model / "tiny-Q4_K_M.gguf").write_bytes(os.urandom(4_000_000))
    hub.holds = last = file_sha256(model / "tiny-Q4_K_M.gguf")
    program = (
        "from pathlib import Path; from understudy.report.publish import publish_model; "
        f"publish_model(Path('models'), 'tiny', {REPO!r}, True, ['Q4_K_M'], 'models/base/x', True)"
    )
    variables = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": TOKEN}
    command = in_a_process(program)
    environment = {**os.environ, **variables}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as first:
        assert hub.is_holding.wait(60)
        first.send_signal(signal.SIGKILL)
    assert hub.repositories[REPO].files == {} and len(hub.sent) == 2
    hub.holds = None
    hub.sent.clear()
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert hub.sent == [last]
    assert hub.repositories[REPO].files["tiny-Q4_K_M.gguf"].content == (model / "tiny-Q4_K_M.gguf").read_bytes()


def test_snakemake_publishes_a_project_and_the_token_is_in_no_file(project, monkeypatch):
    with FakeUploadHub() as hub:
        for name, value in {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": TOKEN}.items():
            monkeypatch.setenv(name, value)
        assert "export.hub_repo is not set" in project.snakemake("publish", succeeds=False)
        project.configure(export={"hub_repo": REPO, "publish": ["adapters", "Q4_K_M"]})
        told = project.snakemake("publish_plan")
        assert "tiny-Q4_K_M.gguf" in told and hub.requests == []
        said = project.snakemake("publish")
        assert f"Published: {hub.url}/{REPO}/commit/" in said
        assert hub.repositories[REPO].is_private
        there = {path: stored.content for path, stored in hub.repositories[REPO].files.items()}
        assert there["README.md"] == (project / "models/tiny/README.md").read_bytes()
        assert there["model.safetensors"] == (project / "models/tiny/hf/model.safetensors").read_bytes()
        load_as_downloaded(there, project / "downloaded", project / "models/base/tiny-base")
        hub.sent.clear()
        project.snakemake("publish")
        assert hub.sent == [] and len(hub.repositories[REPO].commits) == 1
    found = [path for path in project.path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert found == [] and TOKEN not in said + told


def test_the_talks_text_goes_up_only_where_it_is_asked_for(project, monkeypatch):
    with FakeUploadHub() as hub:
        for name, value in {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": TOKEN}.items():
            monkeypatch.setenv(name, value)
        project.configure(export={"hub_repo": REPO, "publish": ["Q4_K_M"]})
        project.snakemake("all")
        assert "data/index" not in project.snakemake("publish_plan")
        project.snakemake("publish")
        assert not [path for path in hub.repositories[REPO].files if "index" in path or "sqlite" in path]
        assert "whole text of the talks" not in (project / "models/tiny/README.md").read_text()
        project.configure(export={"publish_transcripts": True})
        told = project.snakemake("publish_plan")
        assert "data/index/passages.sqlite" in told and "only with the right to pass it on" in told
        project.snakemake("publish")
        there = hub.repositories[REPO].files
        for name in ("data/index/passages.sqlite", "data/index/index.json"):
            assert there[name].content == (project / name).read_bytes()
        assert "holds the whole text of the talks" in there["README.md"].content.decode()


def load_as_downloaded(files: dict[str, bytes], folder: Path, base: Path) -> None:
    """Load what arrived with mlx_lm: the model, and the adapters on the base model."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    load(str(folder))
    load(str(base), adapter_path=str(folder / "adapters"))
    shutil.rmtree(folder)


def test_names_that_the_hub_does_not_take_are_told_before_any_job(tmp_path):
    from understudy.configuration import complete_configuration

    given = {"name": "x", "source": {"captions_dir": "c"}, "teacher": {"model": "m"}, "base_model": "b"}
    schema = REPOSITORY / "schemas/config.schema.yaml"
    refused_names = [
        "name",
        "a/b/c",
        "a b/c",
        "../x",
        "owner/x.git",
        "owner/a--b",
        "owner/",
        "owner/x.",
        "o/" + "x" * 95,
    ]
    for name in refused_names:
        with pytest.raises(UnderstudyError, match=r"export\.hub_repo"):
            complete_configuration({**given, "export": {"hub_repo": name}}, schema)
    for name in ("owner/name", "a/b", "Jason-F/fung_3B.v1", None):
        complete_configuration({**given, "export": {"hub_repo": name}}, schema)
