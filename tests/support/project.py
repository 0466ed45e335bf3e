"""A user's project in a temporary folder, and the real Snakemake run on it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from understudy.shared.files import read_json

REPOSITORY = Path(__file__).resolve().parents[2]
SNAKEMAKE = Path(sys.executable).with_name("snakemake")
MODEL = "models/tiny-Q4_K_M.gguf"

TRAINING = {
    "epochs": 4,
    "num_layers": 1,
    "lora_parameters": {"rank": 4},
    "learning_rate": "1e-3",
    "grad_accumulation_steps": 1,
    "grad_checkpoint": False,
    "steps_per_report": 1,
    "steps_per_eval": 10,
}
TALK = """1
00:00:00,000 --> 00:00:04,000
Today we talk about {subject}, and why it matters to you.

2
00:00:04,000 --> 00:00:08,000
Give {subject} ten litres of water a week, never more.

3
00:00:08,000 --> 00:00:12,000
And if {subject} looks tired, feed the soil first.
"""


class Project:
    """A project directory with its configuration, run with the code of `checkout`."""

    def __init__(self, path: Path, checkout: Path = REPOSITORY):
        self.path = path
        self.checkout = checkout

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @classmethod
    def made_in(cls, path: Path, base_url: str, base_model: Path) -> "Project":
        """Two talks, a teacher at `base_url`, and a tiny base model."""
        project = cls(path)
        (path / "captions").mkdir(parents=True)
        shutil.copytree(REPOSITORY / "prompts", path / "prompts")
        shutil.copytree(base_model, path / "tiny-base")
        for subject in ("tomatoes", "beans"):
            project.add_talk(subject)
        config = {
            "name": "tiny",
            "source": {"captions_dir": "captions"},
            "teacher": {"model": "fake-1", "base_url": base_url},
            "questions": {"per_video": 4},
            "dataset": {"valid_fraction": 0.5},
            "base_model": "tiny-base",
            "training": TRAINING,
            # A random model has nothing to say.
            "export": {"quantizations": ["Q4_K_M"], "bad_answers": "warn"},
        }
        project.write_config(config)
        return project

    def copied_to(self, path: Path) -> "Project":
        shutil.copytree(self.path, path)
        return Project(path)

    def config(self) -> dict:
        return yaml.safe_load((self / "config.yaml").read_text())

    def write_config(self, config: dict) -> None:
        (self / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    def configure(self, **groups) -> None:
        """Change keys of groups: configure(teacher={"concurrency": 2}); a plain value replaces its key."""
        config = self.config()
        for name, change in groups.items():
            config[name] = {**config.get(name, {}), **change} if isinstance(change, dict) else change
        self.write_config(config)

    def add_talk(self, subject: str) -> None:
        (self / f"captions/{subject}.srt").write_text(TALK.format(subject=subject))

    def command(self, *arguments: str) -> list[str]:
        return [str(SNAKEMAKE), "--directory", str(self.path), "--cores", "2", *arguments]

    def snakemake(self, *arguments: str, succeeds: bool = True) -> str:
        """Run Snakemake as a user in the repository does; return all that it prints."""
        run = subprocess.run(
            self.command(*arguments), cwd=self.checkout, env=environment(), capture_output=True, text=True, timeout=600
        )
        output = run.stdout + run.stderr
        assert (run.returncode == 0) == succeeds, output
        return output

    def understudy(self, *arguments: str, succeeds: bool = True) -> str:
        """Run a command of `understudy` on the project; return all that it prints."""
        run = understudy("--directory", self.path, *arguments, cwd=self.checkout)
        output = run.stdout + run.stderr
        assert (run.returncode == 0) == succeeds, output
        return output

    def killed_when(self, reached: Callable[[], bool], *arguments: str) -> None:
        """Start Snakemake and send SIGKILL to its whole process group as soon as `reached()`."""
        self.stopped_when(reached, *arguments, sign=signal.SIGKILL)

    def stopped_when(self, reached: Callable[[], bool], *arguments: str, sign: int = signal.SIGINT) -> str:
        """Start Snakemake, send a signal to its whole process group as soon as `reached()`, and return what it printed."""
        printed = self / "stopped.txt"
        with printed.open("w") as output:
            run = subprocess.Popen(
                self.command(*arguments),
                cwd=self.checkout,
                env=environment(),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            while not reached():
                assert run.poll() is None, "it ended before it could be stopped: " + printed.read_text()
                time.sleep(0.001)
            os.killpg(run.pid, sign)
            run.wait()
        return printed.read_text()

    def planned(self, *arguments: str) -> dict[str, int]:
        """Jobs of a dry run by rule; empty when there is nothing to be done."""
        output = self.snakemake("--dry-run", "--quiet", "rules", "--", *(arguments or [MODEL]))
        if "Nothing to be done" in output:
            return {}
        table = output.rsplit("Job stats:", 1)[1].split("total", 1)[0]
        return {rule: int(count) for rule, count in re.findall(r"^(\w+)\s+(\d+)$", table, re.MULTILINE)}

    def video_ids(self) -> dict[str, str]:
        """Title to id, as listed."""
        return {video["title"]: video["video_id"] for video in read_json(self / "data/videos.json")}

    def contents(self, pattern: str) -> dict[str, bytes]:
        """The files that match, by path, with their bytes."""
        return {str(path.relative_to(self.path)): path.read_bytes() for path in sorted(self.path.glob(pattern))}


def command_line(*arguments) -> list[str]:
    """The command `understudy` of this checkout, with its arguments."""
    return [sys.executable, str(REPOSITORY / "workflow_scripts/command_line.py"), *map(str, arguments)]


def understudy(*arguments, cwd: Path | str = REPOSITORY, **options) -> subprocess.CompletedProcess:
    """Run a command of `understudy` to its end; `options` are those of subprocess.run."""
    return subprocess.run(
        command_line(*arguments), cwd=cwd, env=environment(), capture_output=True, text=True, check=False, **options
    )


def in_a_process(code: str, *arguments) -> list[str]:
    """The command that runs Python code with the package of this checkout first on its path, as a rule's door has it."""
    first = f"import sys; sys.path.insert(0, {str(REPOSITORY / 'workflow_scripts')!r})\n"
    return [sys.executable, "-c", first + code, *map(str, arguments)]


def tracked_files() -> list[Path]:
    """The files of the repository as someone else gets it, relative to it."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for path in map(Path, listed.stdout.splitlines()) if (REPOSITORY / path).is_file()]


def copied_checkout(folder: Path) -> Path:
    """Copy the tracked files of this checkout into `folder`, and return it."""
    for path in tracked_files():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / path, folder / path)
    return folder


def environment() -> dict[str, str]:
    """The tests' environment without what would let a project's key leak in, and with a key of no worth."""
    return {**os.environ, "OPENAI_API_KEY": "sk-test-never-in-a-file"}
