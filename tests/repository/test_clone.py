"""What a new user meets first: the plan in a fresh clone, the lock, the docs."""

import importlib
import re
import subprocess
import tomllib

import pytest
import yaml

from marked_blocks import page_with_blocks
from project import REPOSITORY, SNAKEMAKE, copied_checkout, tracked_files
from rule_texts import rules_in

LOCK, DEV_LOCK = ((REPOSITORY / f"requirements{name}.lock").read_text() for name in ("", "-dev"))
# As Python 3.11 takes them, which the conda environments have.
PINNED, PINNED_DEV = (
    dict(re.findall(r"^([a-z0-9._-]+)==(\S+)(?!\S)(?! ; python_full_version >= '3.12')", lock, re.MULTILINE))
    for lock in (LOCK, DEV_LOCK)
)
PAGES = [REPOSITORY / "README.md", REPOSITORY / "benchmarks/README.md", *(REPOSITORY / "docs").glob("*.md")]


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


@pytest.mark.parametrize("lock", [LOCK, DEV_LOCK], ids=["users", "developers"])
def test_a_lock_has_hashes_and_no_address(lock):
    assert "://" not in lock.replace("https://github.com", "")
    packages = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)[1:]
    assert len(packages) > 25
    assert all("--hash=sha256:" in package for package in packages)
    assert {"torch", "llama-cpp-python", "llm"}.isdisjoint(PINNED)


def test_the_lock_pins_what_the_project_asks_for():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    optional = project["project"]["optional-dependencies"]["mcp"]
    wanted = [re.match(r"[\w-]+", text).group() for text in project["project"]["dependencies"] + optional]
    assert set(wanted) <= set(PINNED)


def test_who_only_uses_it_gets_no_test_tools_and_developers_the_same_versions():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    tools = {re.match(r"[\w-]+", text).group() for text in project["dependency-groups"]["dev"]}
    assert tools <= set(PINNED_DEV) and tools.isdisjoint(PINNED)
    shared = PINNED.keys() & PINNED_DEV.keys()
    assert {name: PINNED[name] for name in shared} == {name: PINNED_DEV[name] for name in shared}


@pytest.mark.parametrize("path", sorted((REPOSITORY / "envs").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_conda_environment_has_the_locks_versions(path):
    environment = yaml.safe_load(path.read_text())
    assert environment["name"] == f"understudy-{path.stem}"
    *from_conda, from_pip = environment["dependencies"]
    assert from_conda == ["python =3.11", "pip"]
    packages = [re.fullmatch(r"([\w-]+)(?:\[\w+\])?==([^;\s]+)(?:; (.*))?", text).groups() for text in from_pip["pip"]]
    assert {name: version for name, version, _ in packages} == {name: PINNED[name] for name, _, _ in packages}
    assert len({(name, marker) for name, _, marker in packages}) == len(packages), "a package is named twice"


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
    known |= {
        "pattern",
        "minItems",
        "minLength",
        "maxLength",
        "uniqueItems",
        "properties",
        "additionalProperties",
        "required",
    }

    def check(part: dict, name: str) -> None:
        assert set(part) <= known, name
        for key, value in part.get("properties", {}).items():
            check(value, f"{name}.{key}")

    schema = yaml.safe_load((REPOSITORY / "schemas/config.schema.yaml").read_text())
    for key, value in schema["properties"].items():
        check(value, key)
