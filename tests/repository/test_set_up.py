"""envs/create_venv.sh: which Python, what goes into .venv, and what is said where it can't. Package managers are stand-ins."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from project import REPOSITORY

PYTHONS = ("python3", "python3.11", "python3.12", "python3.13")
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
TOO_NEW = dict.fromkeys(PYTHONS, '[ "$1" = --version ] && echo Python 3.14.1; exit 1')
NO_MANAGERS = dict.fromkeys(("brew", "apt-cache", "dnf", "zypper", "pacman"), "exit 1")
# One that has no Python until it is told to install one, and notes what it is asked.
UV = f"""echo "$*" >> uv.log
case "$1 $2" in
    "python find") [ -e brought ] && case "$*" in *--quiet*) ;; *) echo {sys.executable} ;; esac ;;
    "python install") touch brought ;;
    "venv --quiet") mkdir -p .venv/bin
        printf 'version_info = {VERSION}.0\\n' > .venv/pyvenv.cfg
        printf '#!/bin/sh\\nexec {sys.executable} "$@"\\n' > .venv/bin/python && chmod 755 .venv/bin/python ;;
    "pip install") [ ! -e killed ] ;;
esac"""


class Checkout:
    """What the set-up reads, and programs that stand in for those of the machine."""

    def __init__(self, path: Path):
        self.path = path
        (path / "envs").mkdir(parents=True)
        shutil.copy(REPOSITORY / "envs/create_venv.sh", path / "envs")
        (path / "requirements.lock").write_text("numpy==2.0\npytest==9.0\n")
        (path / "requirements-dev.lock").write_text("pytest==9.0\n")
        # Nothing of this machine but what the script itself is written in.
        for name in (
            "sh",
            "dirname",
            "awk",
            "cmp",
            "sed",
            "grep",
            "tr",
            "paste",
            "head",
            "cat",
            "cp",
            "rm",
            "mv",
            "mkdir",
        ):
            self.link(name)
        for name in ("chmod", "touch", "printf", "id", "uname", "getconf", "readlink"):
            self.link(name)

    def link(self, name: str) -> None:
        (self.path / "bin").mkdir(exist_ok=True)
        (self.path / "bin" / name).symlink_to(shutil.which(name))

    def programs(self, **texts: str) -> None:
        for name, text in texts.items():
            program = self.path / "bin" / name
            program.unlink(missing_ok=True)
            program.write_text(f"#!/bin/sh\n{text}\n")
            program.chmod(0o755)

    def set_up(self, *words: str, **variables: str) -> subprocess.CompletedProcess:
        known = {name: value for name, value in os.environ.items() if name not in ("PYTHON", "VIRTUAL_ENV")}
        known |= {"PATH": str(self.path / "bin"), **variables}
        command = ["sh", "envs/create_venv.sh", *words]
        return subprocess.run(command, cwd=self.path, env=known, capture_output=True, text=True)

    def asked_of_uv(self) -> list[str]:
        log = self.path / "uv.log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def checkout(tmp_path) -> Checkout:
    return Checkout(tmp_path / "checkout")


@pytest.fixture
def finished(checkout) -> Checkout:
    """One that uv has set up, with a package of somebody's own."""
    checkout.programs(uv=UV)
    assert checkout.set_up().returncode == 0
    (checkout.path / ".venv/own").write_text("")
    checkout.asked_of_uv()
    return checkout


@pytest.mark.parametrize(
    ("programs", "message"),
    [
        ({"uname": '[ "$1" = -s ] && echo Linux || echo aarch64'}, "This machine is Linux aarch64."),
        ({"uname": '[ "$1" = -s ] && echo Darwin || echo x86_64'}, "This machine is Darwin x86_64."),
        (
            {"getconf": "echo glibc 2.31"},
            "too old for MLX's wheels (glibc 2.31). A container brings a newer one: envs/container.def",
        ),
        ({"getconf": "exit 1"}, "This machine has no glibc"),
        (
            {"uname": '[ "$1" = -s ] && echo Darwin || echo arm64', "sw_vers": "echo 13.6.1"},
            "This machine has macOS 13.6.1.",
        ),
        (TOO_NEW, "No supported Python on PATH (python3 is Python 3.14.1)."),
        ({}, "No supported Python on PATH (python3 is "),
    ],
    ids=["linux arm64", "macos x86", "old glibc", "musl", "old macos", "python 3.14", "no python"],
)
def test_it_stops_at_once_where_it_can_not_work(checkout, programs, message):
    checkout.programs(**programs)
    run = checkout.set_up()
    assert run.returncode == 1
    assert message in run.stderr and "Understudy runs on Linux x86-64" in run.stderr
    assert not (checkout.path / ".venv").exists()


@pytest.mark.parametrize(
    ("programs", "command"),
    [
        ({"brew": ""}, "brew install uv"),
        ({"apt-cache": '[ "$2" = python3.12-venv ] && echo found'}, "apt install python3.12-venv"),
        ({"dnf": ""}, "dnf install python3.13"),
        ({"zypper": ""}, "zypper install python313"),
        ({"pacman": ""}, "pacman -S uv"),
        ({}, "curl -LsSf https://astral.sh/uv/install.sh | sh"),
    ],
    ids=["homebrew", "debian", "fedora", "suse", "arch", "any"],
)
def test_without_a_python_it_names_the_one_command_of_this_system(checkout, programs, command):
    checkout.programs(**TOO_NEW, **programs)
    assert f"This brings one: {command}\n" in checkout.set_up().stderr


@pytest.mark.parametrize("missing", ["dnf", "apt-cache"])
def test_who_is_not_root_gets_a_command_with_sudo_or_one_that_needs_none(checkout, missing):
    checkout.programs(**TOO_NEW, **{missing: "echo found"}, id="echo 1000")
    assert "curl -LsSf" in checkout.set_up().stderr
    checkout.programs(sudo="")
    assert "This brings one: sudo " in checkout.set_up().stderr


def test_uv_brings_a_python_where_path_has_none(checkout):
    checkout.programs(**TOO_NEW, uv=UV)
    run = checkout.set_up()
    assert run.returncode == 0, run.stderr
    find = "python find --system --no-project >=3.11,<3.14"
    asked = checkout.asked_of_uv()
    assert asked[:3] == [find, "python install --quiet >=3.11,<3.14", find]
    assert asked[3] == f"venv --quiet --allow-existing --python {sys.executable} .venv"
    assert checkout.set_up().stdout == "" and checkout.asked_of_uv() == []


def test_uv_that_can_not_help_leaves_it_to_path(checkout):
    checkout.programs(**{**TOO_NEW, "python3.12": f'exec {sys.executable} "$@"'}, uv=f'{UV}\n[ "$1" != python ]')
    run = checkout.set_up()
    assert run.returncode == 0, run.stderr
    assert "venv --quiet --allow-existing --python python3.12 .venv" in checkout.asked_of_uv()


def test_a_changed_lock_is_brought_into_the_same_environment(finished):
    (finished.path / "requirements.lock").write_text("numpy==2.1\n")
    run = finished.set_up()
    assert run.returncode == 0 and "Bringing .venv up to date" in run.stdout
    install = "pip install --quiet --require-hashes --no-deps -r requirements.lock"
    # What no lock has any more goes; what somebody has installed stays.
    assert finished.asked_of_uv() == ["pip uninstall --quiet pytest", install]
    assert (finished.path / ".venv/own").exists()


def test_test_tools_come_when_they_are_wanted_and_then_stay(finished):
    install = "pip install --quiet --require-hashes --no-deps --reinstall -r requirements-dev.lock"
    assert finished.set_up("dev").returncode == 0 and finished.asked_of_uv() == [install]
    assert finished.set_up("dev").stdout == "" and finished.asked_of_uv() == []
    (finished.path / "requirements.lock").write_text("numpy==2.1\n")
    assert finished.set_up().returncode == 0
    assert finished.asked_of_uv() == ["pip install --quiet --require-hashes --no-deps -r requirements.lock"]


def test_what_was_cut_short_is_installed_anew(finished):
    (finished.path / "requirements.lock").write_text("numpy==2.1\n")
    (finished.path / "killed").touch()
    assert finished.set_up().returncode == 1
    (finished.path / "killed").unlink()
    finished.asked_of_uv()
    assert finished.set_up().returncode == 0
    assert finished.asked_of_uv() == ["pip install --quiet --require-hashes --no-deps --reinstall -r requirements.lock"]
    assert (finished.path / ".venv/own").exists()


def test_an_environment_whose_python_is_gone_gets_the_same_version_again(finished):
    (finished.path / ".venv/bin/python").unlink()
    (finished.path / ".venv/bin/python").symlink_to("/nowhere/python")
    run = finished.set_up()
    assert run.returncode == 0, run.stderr
    asked = finished.asked_of_uv()
    assert asked[0] == f"python find --system --no-project {VERSION}"
    assert asked[-1].startswith("venv --quiet --allow-existing") and (finished.path / ".venv/own").exists()


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("3.14", ".venv was made with Python 3.14, which is not here any more or not supported."),
        ("3.12" if VERSION != "3.12" else "3.13", "and .venv has 3.1"),
    ],
    ids=["not supported", "another one is wanted"],
)
def test_no_environment_is_deleted_for_another_python(finished, version, message):
    (finished.path / ".venv/pyvenv.cfg").write_text(f"version = {version}.2\n")
    if version == "3.14":
        finished.programs(uv="exit 1")
        (finished.path / ".venv/bin/python").write_text("#!/bin/sh\nexit 1\n")
        run = finished.set_up()
    else:
        run = finished.set_up(PYTHON=sys.executable)
    assert run.returncode == 1 and message in run.stderr
    assert f"mv .venv .venv-{version}" in run.stderr
    assert (finished.path / ".venv/own").exists()
