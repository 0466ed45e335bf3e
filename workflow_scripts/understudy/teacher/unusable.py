"""Talks whose replies can't be used, over all jobs of a run: three in a row that failed alike are not the talks' fault."""

import json
import time
from pathlib import Path

from understudy.shared.run import run_started
from understudy.teacher.habits import FOLDER

MOST_TALKS = 3


class UnusableTalks:
    """The talks of a pass that have failed since a reply could last be used, in a file of lines that all jobs add to."""

    def __init__(self, pass_: str, folder: Path = FOLDER):
        self._path = folder / f"unusable-{pass_}.jsonl"

    def add(self, video_id: str, why: str) -> int:
        """Note that a talk has failed; return how many talks of this run have failed alike."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": time.time(), "video_id": video_id, "why": why}) + "\n")
        return len({line["video_id"] for line in self._lines() if line["why"] == why and line["time"] >= run_started()})

    def clear(self) -> None:
        """A reply could be used."""
        self._path.unlink(missing_ok=True)

    def _lines(self) -> list[dict]:
        lines = []
        for text in self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else ():
            try:
                line = json.loads(text)
                lines += [line] if {"time", "video_id", "why"} <= set(line) else []
            except (ValueError, TypeError):
                # Half of a line, of a job that was killed.
                continue
        return lines
