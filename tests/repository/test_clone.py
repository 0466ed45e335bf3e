"""What a new user meets first: the plan in a fresh clone, the lock, the set-up, the docs."""

import importlib
import os
import re
import shutil
import subprocess
import tomllib

import pytest
import yaml

from marked_blocks import page_with_blocks
from project import REPOSITORY, SNAKEMAKE, copied_checkout, tracked_files
from rule_texts import rules_in

LOCK = (REPOSITORY / "requirements.lock").read_text()
# As Python 3.11 takes them, which the conda environments have.
PINNED = dict(re.findall(r"^([a-z0-9._-]+)==(\S+)(?!\S)(?! ; python_full_version >= '3.12')", LOCK, re.MULTILINE))
PAGES = [REPOSITORY / "README.md", REPOSITORY / "benchmarks/README.md", *(REPOSITORY / "docs").glob("*.md")]
PYTHONS = ("python3", "python3.11", "python3.12", "python3.13")


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The repository as someone else gets it: tracked files alone."""
    folder = tmp_path_factory.mktemp("clone")
    copied_checkout(folder)
    return folder


@pytest.mark.parametrize(
    "arguments",
    [["models/fung-Q4_K_M.gguf"], ["--directory", "demo", "models/demo-Q4_K_M.gguf"], []],
    ids=["fung", "demo", "all"],
)
def test_a_fresh_clone_plans_its_projects(clone, arguments):
    run = subprocess.run([SNAKEMAKE, "-n", *arguments], cwd=clone, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    for rule in ("videos", "dataset", "base_model", "lora_config", "adapters", "fused", "hf", "gguf"):
        assert re.search(rf"^{rule}\s+\d+$", run.stdout + run.stderr, re.MULTILINE), rule


def test_every_rule_has_a_docstring_a_log_and_a_benchmark():
    for path in sorted((REPOSITORY / "rules").glob("*.smk")):
        for name, body in rules_in(path):
            assert body.lstrip().startswith('"""'), name
            # What makes no file has no benchmark: Snakemake would take that for its output, and not run it again.
            parts = (
                ("log:", "benchmark:", "conda:", "script:")
                if "\n    output:" in body
                else ("log:", "conda:", "script:")
            )
            for part in parts:
                assert f"\n    {part}" in body, f"{name} has no {part}"


def test_the_lock_has_hashes_and_no_address():
    assert "://" not in LOCK.replace("https://github.com", "")
    packages = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(packages) > 50
    assert all("--hash=sha256:" in package for package in packages)
    assert {"torch", "llama-cpp-python", "llm"}.isdisjoint(PINNED)


def test_the_lock_pins_what_the_project_asks_for():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    wanted = [
        re.match(r"[\w-]+", text).group()
        for text in project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    ]
    assert set(wanted) <= set(PINNED)


@pytest.mark.parametrize("path", sorted((REPOSITORY / "envs").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_conda_environment_has_the_locks_versions(path):
    environment = yaml.safe_load(path.read_text())
    assert environment["name"] == f"understudy-{path.stem}"
    *from_conda, from_pip = environment["dependencies"]
    assert from_conda == ["python =3.11", "pip"]
    packages = [re.fullmatch(r"([\w-]+)(?:\[\w+\])?==([^;\s]+)(?:; (.*))?", text).groups() for text in from_pip["pip"]]
    assert {name: version for name, version, _ in packages} == {name: PINNED[name] for name, _, _ in packages}
    assert len({(name, marker) for name, _, marker in packages}) == len(packages), "a package is named twice"


def run_set_up(tmp_path, **programs: str) -> subprocess.CompletedProcess:
    """Run envs/create_venv.sh in a copy, with stand-ins for uname and python before the real ones on PATH."""
    (tmp_path / "envs").mkdir()
    shutil.copy(REPOSITORY / "envs/create_venv.sh", tmp_path / "envs")
    shutil.copy(REPOSITORY / "requirements.lock", tmp_path)
    stand_ins = tmp_path / "bin"
    stand_ins.mkdir()
    for name, text in programs.items():
        (stand_ins / name).write_text(f"#!/bin/sh\n{text}\n")
        (stand_ins / name).chmod(0o755)
    variables = {**os.environ, "PATH": f"{stand_ins}:/usr/bin:/bin"}
    variables.pop("PYTHON", None)
    return subprocess.run(["sh", "envs/create_venv.sh"], cwd=tmp_path, env=variables, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("programs", "message"),
    [
        ({"uname": '[ "$1" = -s ] && echo Linux || echo aarch64'}, "This machine is Linux aarch64."),
        ({"uname": '[ "$1" = -s ] && echo Darwin || echo x86_64'}, "This machine is Darwin x86_64."),
        ({"getconf": "echo glibc 2.31"}, "too old for MLX's wheels (glibc 2.31)"),
        ({"getconf": "exit 1"}, "This machine has no glibc"),
        (
            {"uname": '[ "$1" = -s ] && echo Darwin || echo arm64', "sw_vers": "echo 13.6.1"},
            "This machine has macOS 13.6.1.",
        ),
        (
            dict.fromkeys(PYTHONS, '[ "$1" = --version ] && echo Python 3.9.1; exit 1'),
            "No supported Python on PATH (python3 is Python 3.9.1).",
        ),
    ],
    ids=["linux arm64", "macos x86", "old glibc", "musl", "old macos", "python 3.9"],
)
def test_the_set_up_stops_at_once_where_it_can_not_work(tmp_path, programs, message):
    run = run_set_up(tmp_path, **programs)
    assert run.returncode == 1
    assert message in run.stderr
    assert "Understudy runs on Linux x86-64" in run.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("script", sorted(path.stem for path in (REPOSITORY / "docs").glob("write_*.py")))
def test_a_page_is_as_its_script_makes_it(script):
    module = importlib.import_module(script)
    assert module.PAGE.read_text(encoding="utf-8") == module.made_page(), "run `make docs`"


def test_a_block_replaces_what_is_between_its_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("Before\n<!-- make docs: sizes -->\nold\n<!-- end of sizes -->\nAfter\n")
    made = page_with_blocks(page, {"sizes": "new\n"})
    assert made == "Before\n<!-- make docs: sizes -->\nnew\n<!-- end of sizes -->\nAfter\n"


@pytest.mark.parametrize(
    "text",
    [
        "no mark\n",
        "<!-- make docs: sizes -->\n",
        "<!-- end of sizes -->\n<!-- make docs: sizes -->\n",
        "<!-- make docs: sizes -->\n<!-- end of sizes -->\n" * 2,
    ],
    ids=["none", "no end", "wrong order", "twice"],
)
def test_a_page_without_a_blocks_marks_is_an_error_that_names_them(tmp_path, text):
    (tmp_path / "page.md").write_text(text)
    with pytest.raises(ValueError, match=r"page\.md.*'sizes'.*<!-- make docs: sizes --> and <!-- end of sizes -->"):
        page_with_blocks(tmp_path / "page.md", {"sizes": "new\n"})


def test_links_in_the_docs_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_no_file_names_a_place_of_the_machine_that_made_it():
    for path in tracked_files():
        content = (REPOSITORY / path).read_bytes()
        assert str(REPOSITORY).encode() not in content or path.name == "test_clone.py", path


def test_every_page_is_finished():
    for page in PAGES:
        assert "@@" not in page.read_text(), page


def test_the_schema_has_no_stray_words():
    known = {
        "type",
        "default",
        "description",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "enum",
        "items",
    }
    known |= {"pattern", "minItems", "minLength", "uniqueItems", "properties", "additionalProperties", "required"}

    def check(part: dict, name: str) -> None:
        assert set(part) <= known, name
        for key, value in part.get("properties", {}).items():
            check(value, f"{name}.{key}")

    schema = yaml.safe_load((REPOSITORY / "schemas/config.schema.yaml").read_text())
    for key, value in schema["properties"].items():
        check(value, key)
