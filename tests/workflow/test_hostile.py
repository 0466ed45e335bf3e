"""A stranger's project, opened by somebody who has a key and other projects: it runs no code, gets no key and deletes nothing.

`make check-hostile`. Every later door (search, page, pack, review) adds its lines."""

import json
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from project import MODEL, REPOSITORY, SNAKEMAKE, environment
from understudy.models.folder import LinkedFolderError, folder_written_aside
from understudy.shared.errors import InputFileError
from understudy.shared.safe_yaml import read_yaml
from understudy.teacher.api_key import NO_KEY, MissingKeyError, api_key_for, headers_for, how_it_is_asked

pytestmark = pytest.mark.hostile

# Configuration is data


EVALUATED = """\
__use_yte__: true
__definitions__:
  - import os
  - os.system("touch ran-code; env > stolen")
"""
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.fixture
def strangers(new_project):
    """A project whose config.yaml begins with what the test puts there."""

    def with_head(head: bytes):
        path = new_project / "config.yaml"
        path.write_bytes(head + path.read_bytes())
        return new_project

    return with_head


@pytest.mark.parametrize(
    ("head", "complaint"),
    [
        (EVALUATED.encode(), "config.yaml, line 1: '__use_yte__' is not a key"),
        (b"# a comment\n" + EVALUATED.replace("__use_yte__", '"__use\\u005fyte__"').encode(), "line 2: '__use_yte__'"),
        (b"\xef\xbb\xbf" + EVALUATED.encode(), "'__use_yte__' is not a key"),
        (b"x: &x {__use_yte__: true, __definitions__: ['import os']}\n<<: *x\n", "line 1: '__use_yte__'"),
        (b"__use_yte__: false\n" + EVALUATED.encode(), "line 1: '__use_yte__'"),
        (BOMB.encode(), "with its aliases written out this has over 20,000 values"),
        (b"a: &a [*a]\n", "line 1: a value that contains itself"),
        (b"fine: 1\nname: \xff\xfe\n", "line 2: it is not UTF-8"),
        (b"x: !!python/object/apply:os.system ['touch ran-code']\n", "line 1"),
        (b"x: !!python/name:os.system\n", "line 1"),
        (b"x: " + b"[" * 5000 + b"]" * 5000 + b"\n", "nested too deeply"),
    ],
    ids=["yte", "escaped", "bom", "merged", "twice", "bomb", "loop", "not utf-8", "apply", "name", "deep"],
)
def test_a_configuration_runs_no_code_and_takes_no_memory(strangers, head, complaint, request):
    """The reader is the same for the Snakefile and the commands, and tried through them with three of the files."""
    project = strangers(head)
    with pytest.raises(InputFileError) as told:
        read_yaml(project / "config.yaml")
    assert complaint in str(told.value)
    if request.node.callspec.id in ("yte", "bom", "bomb"):
        for said in (project.snakemake("-n", MODEL, succeeds=False), project.understudy("plan", succeeds=False)):
            assert complaint in said and "Traceback" not in said, said
    assert list(project.path.rglob("ran-code")) == [] and list(project.path.rglob("stolen")) == []


def test_what_looks_like_json_is_read_as_snakemake_reads_it(tmp_path):
    """JSON isn't evaluated; with a byte order mark Snakemake takes it for YAML, which is."""
    (tmp_path / "config.yaml").write_text('{"__use_yte__": true,\t"x": 1}')
    assert read_yaml(tmp_path / "config.yaml") == {"__use_yte__": True, "x": 1}
    (tmp_path / "config.yaml").write_bytes(b'\xef\xbb\xbf{"__use_yte__": true, "x": 1}')
    with pytest.raises(InputFileError, match="'__use_yte__' is not a key"):
        read_yaml(tmp_path / "config.yaml")


def test_a_snakefile_or_profile_of_the_project_is_not_taken(strangers):
    """With --directory from the repository, as README has it."""
    project = strangers(b"")
    for name in ("Snakefile", "workflow/Snakefile"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text("import os\nos.system('touch ran-code')\n")
    for name in ("profiles/default/config.yaml", "default/config.yaml"):
        (project / name).parent.mkdir(parents=True)
        (project / name).write_text(EVALUATED)
    project.snakemake("-n", MODEL)
    project.snakemake("data/videos.json")
    project.understudy("plan")
    assert list(project.path.rglob("ran-code")) == [] and list(project.path.rglob("stolen")) == []


# A key belongs to a host


@pytest.fixture
def keys(tmp_path, monkeypatch):
    """A project's folder as the working directory, and the user's key in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("understudy.shared.credentials.REPOSITORY", tmp_path / "repository")
    for name in ("UNDERSTUDY_API_KEY_HOSTS", "OPENAI_CUSTOM_HEADERS", "OPENAI_ORG_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-user")
    return monkeypatch


@pytest.mark.parametrize(
    "base_url",
    ["https://api.openai.com/v1", "https://API.openai.com./v1", "https://api.openai.com:443/v1"],
)
def test_the_key_goes_to_its_own_host(keys, base_url):
    assert api_key_for(base_url) == "sk-of-the-user"
    assert "the key of OPENAI_API_KEY is sent to it" in how_it_is_asked(base_url)


@pytest.mark.parametrize(
    "base_url",
    [
        "https://other.example/v1",
        "https://api.openai.com.other.example/v1",
        "https://api-openai.com/v1",
        "https://other.example/api.openai.com/v1",
        "https://api.openai.com\\@other.example/v1",
        "https://other.example#@api.openai.com",
        "https://other.example?api.openai.com",
    ],
)
def test_no_other_host_gets_it_and_the_error_says_what_to_write_where(keys, base_url):
    with pytest.raises(
        MissingKeyError, match=r"gets no API key: that of the environment is for api\.openai\.com"
    ) as told:
        api_key_for(base_url)
    assert "UNDERSTUDY_API_KEY_HOSTS=" in str(told.value) and "/.env" in str(told.value)
    assert "sk-of-the-user" not in str(told.value) + how_it_is_asked(base_url)


@pytest.mark.parametrize("place", [".env", "data/.env"])
def test_a_projects_own_file_can_not_release_the_environments_key(keys, tmp_path, place):
    (tmp_path / "data").mkdir()
    (tmp_path / place).write_text("UNDERSTUDY_API_KEY_HOSTS=other.example\n")
    with pytest.raises(MissingKeyError):
        api_key_for("https://other.example/v1")
    (tmp_path / place).write_text("UNDERSTUDY_API_KEY_HOSTS=other.example\nOPENAI_API_KEY=sk-of-the-project\n")
    assert api_key_for("https://other.example/v1") == "sk-of-the-project"
    assert api_key_for("https://api.openai.com/v1") == "sk-of-the-user"


@pytest.mark.parametrize(
    "value", ["${OPENAI_API_KEY}", "'${OPENAI_API_KEY}'", "${OPENAI_API_KEY:-x}", "$OPENAI_API_KEY"]
)
def test_a_projects_own_file_can_not_quote_the_environments_key(keys, tmp_path, value):
    (tmp_path / ".env").write_text(f"UNDERSTUDY_API_KEY_HOSTS=other.example\nOPENAI_API_KEY={value}\n")
    assert "sk-of-the-user" not in api_key_for("https://other.example/v1")


def test_two_files_do_not_release_each_others_keys(keys, tmp_path):
    keys.delenv("OPENAI_API_KEY")
    (tmp_path / "data").mkdir()
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository/.env").write_text("OPENAI_API_KEY=sk-of-the-repository\n")
    (tmp_path / ".env").write_text("UNDERSTUDY_API_KEY_HOSTS=other.example\n")
    (tmp_path / "data/.env").write_text("OPENAI_API_KEY=sk-of-data\n")
    with pytest.raises(MissingKeyError):
        api_key_for("https://other.example/v1")
    keys.setenv("UNDERSTUDY_API_KEY_HOSTS", "third.example, other.example")
    assert api_key_for("https://other.example/v1") == "sk-of-data"


@pytest.mark.parametrize(
    "base_url", ["http://other.example/v1", "http://192.168.1.5:8000/v1", "http://api.openai.com/v1"]
)
def test_plain_http_is_asked_without_a_key_even_where_it_is_listed(keys, base_url):
    keys.setenv("UNDERSTUDY_API_KEY_HOSTS", "other.example 192.168.1.5")
    assert api_key_for(base_url) == NO_KEY
    assert "no key is sent, because plain http would show it" in how_it_is_asked(base_url)


def test_loopback_gets_the_key_only_where_it_is_listed(keys):
    assert api_key_for("http://localhost:1234/v1") == api_key_for("http://127.0.0.1:1234/v1") == NO_KEY
    keys.setenv("UNDERSTUDY_API_KEY_HOSTS", "localhost")
    assert api_key_for("http://localhost:1234/v1") == "sk-of-the-user"
    assert api_key_for("http://127.0.0.1:1234/v1") == NO_KEY


class Listening(BaseHTTPRequestHandler):
    """Notes the headers that it gets, and answers that it is not well."""

    heard: list

    def do_POST(self):
        self.heard.append(dict(self.headers))
        self.send_response(400)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("listed", ["", "127.0.0.1"])
def test_what_really_arrives_at_a_strangers_server(new_project, monkeypatch, listed):
    """From the first request to the last line of the logs; also what the client takes from the environment by itself."""
    secrets = {
        "OPENAI_API_KEY": "sk-of-the-user",
        "OPENAI_ORG_ID": "org-of-the-user",
        "OPENAI_PROJECT_ID": "proj-of-the-user",
        "OPENAI_CUSTOM_HEADERS": "X-Gateway: gateway-of-the-user\nAuthorization: Bearer other-of-the-user",
        "UNDERSTUDY_API_KEY_HOSTS": listed,
    }
    monkeypatch.setattr("project.environment", lambda: {**environment(), **secrets})
    handler = type("Handler", (Listening,), {"heard": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        new_project.configure(teacher={"base_url": f"http://127.0.0.1:{server.server_port}/v1", "retries": 0})
        said = new_project.snakemake("data/dataset/train.jsonl", succeeds=False)
        planned = new_project.understudy("plan")
    finally:
        server.shutdown()
        server.server_close()
    assert handler.heard
    sent = "\n".join(f"{name}: {value}" for headers in handler.heard for name, value in headers.items())
    assert ("sk-of-the-user" in sent) == bool(listed)
    assert not any(f"{name}-of-the-user" in sent for name in ("org", "proj", "gateway", "other")), sent
    sentence = f"The server is 127.0.0.1:{server.server_port}; " + ("the key of" if listed else "no key is sent.")
    assert sentence in said and sentence in planned
    logs = "".join(path.read_text() for path in (new_project / "logs").rglob("*.log"))
    assert "of-the-user" not in said + planned + logs


def test_openais_own_server_gets_what_its_client_sends(keys):
    assert headers_for("https://api.openai.com/v1", "sk") == {}


# Only its own files are deleted


@pytest.mark.parametrize("base", ["..", ".", "captions/..", "../..", "models/.hidden", "{video_id}"])
def test_a_base_model_can_not_point_out_of_its_folder(new_project, base):
    (new_project / "models/.hidden").mkdir(parents=True)
    (new_project / "models/precious.gguf").write_bytes(b"not yours")
    new_project.configure(base_model=base)
    said = new_project.snakemake(MODEL, succeeds=False)
    assert "can't be one. Name the folder or file itself." in said, said
    assert (new_project / "models/precious.gguf").read_bytes() == b"not yours"


@pytest.mark.parametrize(
    "link", ["models/tiny/fused", "models/tiny/hf", "models/tiny", "models/base/tiny-base", "data/dataset"]
)
def test_an_output_that_is_a_link_is_refused_before_anything_is_deleted(project, tmp_path, link):
    elsewhere = tmp_path / "elsewhere"
    shutil.move(project / link, elsewhere)
    (project / link).symlink_to(elsewhere)
    before = {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()}
    said = project.snakemake("--forceall", MODEL, succeeds=False)
    assert f"{link} is a link to {elsewhere}" in said
    assert {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()} == before


def test_a_disk_for_all_models_may_be_linked(new_project, tmp_path):
    (tmp_path / "disk").mkdir()
    (new_project / "models").symlink_to(tmp_path / "disk")
    new_project.snakemake("models/base/tiny-base/config.json")
    assert (tmp_path / "disk/base/tiny-base/config.json").exists()


def test_a_model_folder_keeps_what_no_step_wrote(tmp_path):
    folder = tmp_path / "fused"
    for written in (("config.json", "old.safetensors", "extra.txt"), ("config.json", "new.safetensors")):
        with folder_written_aside(folder) as aside:
            for name in written:
                (aside / name).write_text("ours")
        if "old.safetensors" in written:
            for name in ("notes.txt", "mine.json", "thesis.docx"):
                (folder / name).write_text("mine")
    left = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(json.loads(left.pop("understudy_files.json"))) == {"new.safetensors", "config.json"}
    assert left == {
        "config.json": "ours",
        "new.safetensors": "ours",
        "notes.txt": "mine",
        "mine.json": "mine",
        "thesis.docx": "mine",
    }


def test_a_list_of_written_files_from_outside_names_no_file_elsewhere(tmp_path):
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "fused").mkdir()
    (tmp_path / "fused/understudy_files.json").write_text(
        '["../precious", "/etc/hosts", "..", 3, null, "a/../../precious"]'
    )
    with folder_written_aside(tmp_path / "fused") as aside:
        (aside / "config.json").write_text("ours")
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_link_that_comes_after_the_check_is_refused_too(tmp_path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/config.json").write_text("theirs")
    (tmp_path / "fused").symlink_to(tmp_path / "theirs")
    with pytest.raises(LinkedFolderError, match="fused is a link to"), folder_written_aside(tmp_path / "fused"):
        pass
    assert (tmp_path / "theirs/config.json").read_text() == "theirs"


def test_a_stranger_s_names_reach_no_shell(new_project):
    """File names and titles with what a shell, a format or a terminal would take for its own."""
    for name in ("$(touch ran-code).srt", "; touch ran-code;.srt", "`touch ran-code`.srt", "-rf.srt", "%s %n.srt"):
        shutil.copy(new_project / "captions/beans.srt", new_project / "captions" / name)
    new_project.snakemake("data/videos.json")
    new_project.understudy("check-questions")
    assert list(new_project.path.rglob("ran-code")) == []
    assert not (REPOSITORY / "ran-code").exists()


@pytest.mark.parametrize("place", ["other.yaml", "profiles/default/config.yaml", "default/config.yaml"])
def test_what_can_not_be_stopped_here_is_what_the_page_says(tmp_path, place):
    """Snakemake evaluates these before the Snakefile's first line; should that change, docs/security.md may say less."""
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text(EVALUATED)
    (tmp_path / "config.yaml").write_text("name: x\n")
    named = ["--configfile", place] if place == "other.yaml" else ["--profile", "default"] if place[0] == "d" else []
    command = [SNAKEMAKE, "-n", "--snakefile", REPOSITORY / "Snakefile", *named]
    variables = {"PATH": environment()["PATH"]}
    run = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert (tmp_path / "ran-code").exists(), run.stdout + run.stderr
    assert (f"`{place}`" if "/" in place else "`--configfile`") in (REPOSITORY / "docs/security.md").read_text()
