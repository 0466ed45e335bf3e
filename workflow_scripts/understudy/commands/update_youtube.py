"""The newest packages that speak with YouTube, in this environment alone: understudy update-youtube

They are fetched beside it first, and tried there with the tests' recorded answers; only what passes is installed."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, version
from importlib.util import find_spec

from understudy.shared.checkout import REPOSITORY
from understudy.shared.errors import UnderstudyError
from understudy.shared.log import log

PACKAGES = ("yt-dlp", "youtube-transcript-api")
SCRIPTS, DENO = "yt-dlp-ejs", "deno"
TESTS = ("tests/source/test_youtube.py", "tests/source/test_fake_youtube.py")


class UpdateFailed(UnderstudyError):
    """The installed versions stay."""


def update_youtube(with_deno: bool = False) -> None:
    """Bring the newest packages into this environment if the tests pass with them; print old and new versions.

    Raises UpdateFailed, and leaves everything as it is, if they can't be fetched or a test fails."""
    if find_spec("pytest") is None:
        raise UpdateFailed(
            "What tries the newest packages is not installed here: `make youtube` brings it, and does the rest."
        )
    with tempfile.TemporaryDirectory() as folder:
        fetch([bounds()[name] for name in PACKAGES], folder)
        fetch([*scripts_of_yt_dlp(folder), *([DENO] if with_deno or installed(DENO) else [])], folder)
        newest = versions_in(folder)
        before = {name: installed(name) for name in newest}
        for name, found in newest.items():
            print(
                f"{name}: {before[name] or 'not installed'} -> {found}" if before[name] != found else f"{name}: {found}"
            )
        changed = [f"{name}=={found}" for name, found in newest.items() if before[name] != found]
        if not changed:
            print("Nothing newer.")
            return
        log.info("Trying them with the tests' recorded answers; some minutes.")
        try_with_tests(folder)
    install(changed)
    print("Installed. The project's files stay as they are; the next run asks again for what failed.")


def bounds() -> dict[str, str]:
    """The requirement of each package as pyproject.toml has it, by its name."""
    requirements = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    return {re.split(r"[\[<>=!~; ]", one, maxsplit=1)[0]: re.sub(r"\[.*?\]", "", one) for one in requirements}


def installer() -> list[str]:
    """What installs into this environment: uv where it is, because an environment that uv made has no pip."""
    uv = shutil.which("uv")
    return [uv, "pip", "install", "--python", sys.executable] if uv else [sys.executable, "-m", "pip", "install"]


def fetch(requirements: list[str], folder: str) -> None:
    """Install the newest of packages into a folder, nothing else with them."""
    if requirements:
        run([*installer(), "--quiet", "--no-deps", "--upgrade", "--target", folder, *requirements], "can't be fetched")


def install(requirements: list[str]) -> None:
    run([*installer(), "--quiet", "--no-deps", *requirements], "can't be installed")


def run(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
    if done.returncode:
        raise UpdateFailed(f"The newest packages {what}; the installed ones stay. {last_lines(done.stderr)}")


def scripts_of_yt_dlp(folder: str) -> list[str]:
    """The version of yt-dlp-ejs that the fetched yt-dlp wants: no other works with it."""
    needs = next(one for one in Distribution.discover(path=[folder]) if one.name == "yt-dlp").requires or []
    return [need.split(";")[0].strip() for need in needs if need.startswith(f"{SCRIPTS}==") and "'default'" in need]


def versions_in(folder: str) -> dict[str, str]:
    return {one.name: one.version for one in sorted(Distribution.discover(path=[folder]), key=lambda one: one.name)}


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def try_with_tests(folder: str) -> None:
    """Run the tests of this stage with the packages of `folder` in front of the installed ones."""
    environment = {**os.environ, "PYTHONPATH": folder}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", *TESTS]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise UpdateFailed(
            "The newest packages fail the tests of this checkout, so the installed ones stay. A newer checkout may know them: "
            f"git pull. {last_lines(done.stdout)}"
        )


def last_lines(text: str) -> str:
    return " | ".join(line for line in text.strip().splitlines()[-3:])
