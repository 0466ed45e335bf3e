"""Where everything is: one rule, one door, one room; and every job runs the code of its own checkout."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from project import REPOSITORY, copied_checkout, environment, tracked_files
from rule_texts import rules_in

SCRIPTS = REPOSITORY / "workflow_scripts"
PACKAGE = SCRIPTS / "understudy"
STAGES = ("source", "retrieve", "teach", "base", "dataset", "train", "export", "evaluate", "report")
FLOORS = ("shared", "text", "rows", "models", "gguf", "teacher", "passages")
RULES = [(stage, rule, body) for stage in STAGES for rule, body in rules_in(REPOSITORY / f"rules/{stage}.smk")]
DOORS = sorted(SCRIPTS.glob("*.py"))


def rooms_imported(path: Path) -> set[str]:
    """The rooms of the package that a file imports from."""
    imported = [node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    return {module.split(".")[1] for module in imported if module.startswith("understudy.")}


def names_in(path: Path) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}


@pytest.mark.parametrize(("stage", "rule", "body"), RULES, ids=[rule for _, rule, _ in RULES])
def test_a_rule_has_a_door_with_its_name(stage, rule, body):
    assert f'"../workflow_scripts/{stage}_{rule}.py"' in body


def test_every_door_is_some_rules_or_the_command_line():
    assert {door.stem for door in DOORS} == {f"{stage}_{rule}" for stage, rule, _ in RULES} | {"command_line"}


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.stem)
def test_a_door_is_short_puts_its_own_folder_first_and_opens_its_own_room(door):
    text = door.read_text()
    assert len(text.splitlines()) <= 40
    assert text.index("sys.path.insert(0, str(Path(__file__).parent))") < text.index("from understudy")
    stage = door.stem.split("_")[0]
    if stage not in ("report", "command"):
        assert stage in rooms_imported(door) and rooms_imported(door) <= {stage, *FLOORS}


def test_only_doors_know_snakemake():
    assert [str(path) for path in PACKAGE.rglob("*.py") if "snakemake" in names_in(path)] == []


def test_no_room_is_crowded_and_each_says_what_is_in_it():
    for room in [PACKAGE, *(path for path in PACKAGE.rglob("*") if path.is_dir() and path.name != "__pycache__")]:
        assert len([path for path in room.iterdir() if path.is_file()]) <= 20, room
        if any(room.glob("*.py")):
            assert ast.get_docstring(ast.parse((room / "__init__.py").read_text())), room


def test_the_rules_files_are_no_longer_than_they_should_be():
    assert len((REPOSITORY / "rules/common.smk").read_text().splitlines()) <= 150


def test_nobody_sets_pythonpath():
    for path in tracked_files():
        if path.suffix in (".py", ".sh", ".smk", "") and path.name != Path(__file__).name:
            assert "PYTHONPATH=" not in (REPOSITORY / path).read_text(errors="replace"), path


def test_a_job_runs_its_own_checkout_s_code_whatever_is_installed(tmp_path, new_project):
    """An environment with an installed copy and with a .pth of another checkout, as a shared or a conda environment may have."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    (packages,) = (tmp_path / "venv/lib").glob("python*/site-packages")
    for other in (packages, tmp_path / "other"):
        (other / "understudy").mkdir(parents=True)
        (other / "understudy/__init__.py").write_text("raise ImportError('not this one')\n")
    own = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "other.pth").write_text(
        f"{tmp_path / 'other'}\nimport sys; sys.path.insert(0, {str(packages)!r})\n{own}\n"
    )
    python = tmp_path / "venv/bin/python"
    hidden = subprocess.run([python, "-c", "import understudy"], capture_output=True, text=True)
    assert "not this one" in hidden.stderr
    command = [python, "-m", "snakemake", "--directory", new_project.path, "--cores", "2", "data/dataset/train.jsonl"]
    run = subprocess.run(command, cwd=REPOSITORY, env=environment(), capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    said = subprocess.run([python, SCRIPTS / "command_line.py", "--help"], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr


def test_two_checkouts_run_their_own_code_from_one_environment(tmp_path, new_project):
    """The second one, a copy, says something else than this one; jobs and commands show which code ran."""
    copied_checkout(tmp_path / "second")
    blocks = tmp_path / "second/workflow_scripts/understudy/source/videos.py"
    blocks.write_text(blocks.read_text() + "\nprint('the second checkout')\n")
    new_project.checkout = tmp_path / "second"
    assert "the second checkout" in new_project.snakemake("data/videos.json")
    new_project.checkout = REPOSITORY
    assert "the second checkout" not in new_project.snakemake("-f", "data/videos.json")
