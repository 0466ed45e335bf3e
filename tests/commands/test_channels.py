"""One command for many channels: each a project directory of its own, with the base model shared."""

import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from project import MODEL, REPOSITORY, Project, command_line, environment, understudy

BASE_WEIGHTS = "models/base/shared-base/model.safetensors"


@pytest.fixture
def channels(tmp_path, teacher, tiny_base):
    """A folder with two projects of one base model, and a third between them whose configuration has a typo."""
    shutil.copytree(tiny_base, tmp_path / "shared-base")
    for name in ("ada", "bert", "carl"):
        project = Project.made_in(tmp_path / "channels" / name, teacher.base_url, tiny_base)
        project.configure(base_model="../../shared-base")
    Project(tmp_path / "channels/bert").configure(training={"epoch": 1})
    return tmp_path / "channels"


def run_channels(*arguments) -> subprocess.CompletedProcess:
    return understudy("channels", *arguments)


def test_one_command_makes_all_models_from_one_base_and_tells_which_channel_failed(channels):
    run = run_channels("--at-once", "2", channels, MODEL)
    assert run.returncode == 1, run.stdout + run.stderr
    assert (channels / "ada" / MODEL).stat().st_size == (channels / "carl" / MODEL).stat().st_size > 0
    assert (channels / "ada" / BASE_WEIGHTS).samefile(channels / "carl" / BASE_WEIGHTS)
    assert (channels / "ada" / BASE_WEIGHTS).samefile(channels.parent / "shared-base/model.safetensors")
    assert "2 of 3 channels are done." in run.stdout
    log = channels / "bert/logs/channel.log"
    assert f"{channels / 'bert'} failed: {log}" in run.stderr
    assert "training.epoch" in log.read_text()
    assert "ada failed" not in run.stderr and "carl failed" not in run.stderr


def test_the_arguments_go_to_snakemake_and_one_at_a_time_shows_what_it_says(channels):
    (channels / "bert/config.yaml").unlink()
    run = run_channels(channels, "--dry-run", "--quiet", "rules", "--", "data/videos.json")
    assert run.returncode == 0, run.stdout + run.stderr
    for channel in ("ada", "carl"):
        assert re.search(rf"{channel} begins\n.*Job stats:.*\n.*{channel} is done\n", run.stdout, re.DOTALL), run.stdout
    assert "2 of 2 channels are done." in run.stdout
    assert not (channels / "ada/data/videos.json").exists()


@pytest.mark.parametrize("folder", ["empty", "missing"])
def test_a_folder_without_a_project_is_told(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    run = run_channels(tmp_path / folder)
    assert run.returncode == 1
    assert run.stderr == (
        f"Error: {tmp_path / folder} has no project in it. A project is a folder with a config.yaml: "
        f"{tmp_path / folder}/NAME/config.yaml.\n"
    )


def test_stopped_by_ctrl_c_it_starts_no_other_channel_and_leaves_none_locked(channels):
    command = command_line("channels", channels, MODEL)
    with (channels / "printed.txt").open("w") as printed:
        run = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment(), stdout=printed, stderr=printed, start_new_session=True
        )
        while not (channels / "ada/data/transcripts").is_dir():
            assert run.poll() is None, (channels / "printed.txt").read_text()
            time.sleep(0.01)
        os.killpg(run.pid, signal.SIGINT)
        run.wait()
    assert run.returncode == 130, (channels / "printed.txt").read_text()
    assert not (channels / "bert/.snakemake").exists() and not (channels / "carl/.snakemake").exists()
    again = run_channels(channels, "data/videos.json")
    assert "2 of 3 channels are done." in again.stdout, again.stdout + again.stderr
