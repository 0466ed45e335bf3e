"""`understudy run` inside a project's folder: this checkout's Snakefile and profile, and nothing of the project's own."""

import os
import shutil
import subprocess
import sys

import pytest

from project import REPOSITORY, copied_checkout, environment, understudy

LIST = "data/videos.json"


def run_in(folder, *arguments, **options) -> subprocess.CompletedProcess:
    return understudy("run", *arguments, cwd=folder, **options)


def test_it_makes_files_from_inside_the_folder_and_gives_snakemake_its_options_in_their_order(new_project):
    listed = run_in(new_project / "captions", "--quiet", "rules", "-n", "--", LIST)
    assert listed.returncode == 0 and not (new_project / LIST).exists(), listed.stdout + listed.stderr
    assert "videos" in listed.stdout
    made = run_in(new_project / "captions", LIST, "--cores", "1")
    assert made.returncode == 0 and (new_project / LIST).exists(), made.stdout + made.stderr
    assert "Nothing to be done" in new_project.snakemake(LIST)


@pytest.mark.hostile
def test_a_project_s_own_snakefile_and_profiles_are_not_read(new_project, tmp_path):
    """Snakemake evaluates a profile of the folder that it is started in."""
    seen = tmp_path / "seen"
    evil = f'open({str(seen)!r}, "w")'
    for name in ("Snakefile", "workflow/Snakefile"):
        (new_project / name).parent.mkdir(exist_ok=True)
        (new_project / name).write_text(f"{evil}\n")
    for name in ("profiles/default", "default", "workflow/profiles/default"):
        (new_project / name).mkdir(parents=True)
        (new_project / name / "config.yaml").write_text(f"__definitions__: [import os]\n?if {evil}:\n  cores: 1\n")
    run = run_in(new_project.path, LIST)
    assert run.returncode == 0 and (new_project / LIST).exists(), run.stdout + run.stderr
    assert not seen.exists()


@pytest.mark.hostile
def test_a_configuration_that_is_a_program_is_refused_before_snakemake_starts(new_project, tmp_path):
    (new_project / "config.yaml").write_text(f'__use_yte__: true\nname: ?open("{tmp_path}/seen", "w")\n')
    run = run_in(new_project.path, LIST)
    assert run.returncode == 1 and "config.yaml, line 1" in run.stderr and "SNAKEMAKE" not in run.stdout
    assert not (tmp_path / "seen").exists()


@pytest.mark.parametrize("arguments", [["run", "--directory", "nowhere"], ["--directory", "nowhere", "run"]])
def test_a_folder_that_does_not_exist_is_an_error_and_stays_so(tmp_path, arguments):
    run = understudy(*arguments, LIST, cwd=tmp_path)
    assert run.returncode == 1 and run.stderr.startswith("Error: --directory is ")
    assert "nowhere" in run.stderr and not (tmp_path / "nowhere").exists()


def test_snakemake_s_exit_status_is_its_own(new_project):
    assert run_in(new_project.path, "data/no_such_file").returncode == 1


def test_one_checkout_serves_many_projects_and_either_can_be_moved(new_project, tmp_path):
    checkout, moved = copied_checkout(tmp_path / "first"), tmp_path / "elsewhere/second"
    (checkout / ".venv").symlink_to(REPOSITORY / ".venv")
    moved.parent.mkdir()
    for at in (checkout, moved):
        shutil.rmtree(new_project / "data", ignore_errors=True)
        command = [sys.executable, at / "workflow_scripts/command_line.py", "run", LIST]
        run = subprocess.run(command, cwd=new_project.path, env=environment(), capture_output=True, text=True)
        *_, log = sorted((new_project / "logs/runs").glob("*.log"))
        assert run.returncode == 0 and f"Snakefile: {at}/Snakefile" in log.read_text()
        if at == checkout:
            checkout.rename(moved)
            new_project.path = new_project.path.rename(tmp_path / "moved project")


def test_a_page_is_opened_in_the_browser_and_one_that_is_not_made_is_told(project, tmp_path):
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    run = understudy("open", "review", cwd=project.path)
    assert run.returncode == 1 and "`understudy run data/review/index.html` makes it" in run.stderr
    (project / "data/review").mkdir(exist_ok=True)
    (project / "data/review/index.html").write_text("<!doctype html>")
    command = [sys.executable, REPOSITORY / "workflow_scripts/command_line.py", "open", "review"]
    said = subprocess.run(
        command,
        cwd=project / "captions",
        env={**environment(), "BROWSER": str(browser)},
        capture_output=True,
        text=True,
    )
    page = (project / "data/review/index.html").resolve()
    assert said.returncode == 0 and said.stdout == f"{page}\n", said.stderr
    assert os.path.exists(tmp_path / "opened") and (tmp_path / "opened").read_text().strip() == page.as_uri()


def test_make_links_the_command_into_a_folder_of_the_user_s_and_leaves_a_file_that_is_there(tmp_path):
    def made() -> subprocess.CompletedProcess:
        command = ["make", "launcher", f"BIN={tmp_path}/bin"]
        return subprocess.run(command, cwd=REPOSITORY, env=environment(), capture_output=True, text=True)

    assert made().returncode == 0 and "is not on PATH yet" in made().stdout
    run = subprocess.run([tmp_path / "bin/understudy", "--directory", "nowhere", "run"], capture_output=True, text=True)
    assert run.returncode == 1 and run.stderr.startswith("Error: --directory is nowhere")
    (tmp_path / "bin/understudy").unlink()
    (tmp_path / "bin/understudy").write_text("mine")
    assert made().returncode != 0 and (tmp_path / "bin/understudy").read_text() == "mine"
