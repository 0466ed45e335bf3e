"""Watches a run from outside: what Snakemake's plugin writes, and what the project's files tell meanwhile, as events."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

from understudy.configuration import base_folder_name
from understudy.shared.safe_markdown import plain_title
from understudy.teacher.spending import LEDGER, grown_lines

TRANSCRIPTS, TRAIN, VALID = Path("data/transcripts"), Path("data/dataset/train.jsonl"), Path("data/dataset/valid.jsonl")
ITERATION = re.compile(r"INFO (iteration ([\d,]+)/([\d,]+), .*)")


class Watch:
    """The events of a run of the project in the working directory, whose plugin writes to `events`."""

    def __init__(self, events: Path, config: dict):
        self._events = Tail(events)
        self._training = Tail(Path("logs") / config["name"] / "adapters.log")
        self._base = Path("models/base") / base_folder_name(config["base_model"])
        self._read: dict[str, int] = {}
        # What earlier runs have asked is of no interest.
        for _ in grown_lines(LEDGER, self._read):
            pass
        self._training.skip()
        self._known: dict[str, int] = {}

    def new_events(self) -> Iterator[dict]:
        """Yield what has happened since the last look."""
        happened = [json.loads(line) for line in self._events.new_lines()]
        is_new = any(event["event"] in ("plan", "ends") for event in happened)
        yield from happened
        yield from self._asked()
        yield from self._steps()
        if is_new:
            yield from self._sizes()

    def _asked(self) -> Iterator[dict]:
        for name, line in grown_lines(LEDGER, self._read):
            if event := asked_event(name, line):
                yield event

    def _steps(self) -> Iterator[dict]:
        for line in self._training.new_lines():
            if event := step_event(line, time.time()):
                yield event

    def _sizes(self) -> Iterator[dict]:
        now = time.time()
        for path in TRANSCRIPTS.glob("*.json"):
            if path.stem not in self._known:
                self._known[path.stem] = path.stat().st_size
                yield {"time": now, "event": "talk", "talk": path.stem, "bytes": self._known[path.stem]}
        if TRAIN.exists() and VALID.exists():
            yield {"time": now, **rows_event()}
        if (self._base / "config.json").exists():
            size = sum(path.stat().st_size for path in self._base.glob("*.safetensors"))
            yield {"time": now, "event": "base", "bytes": size}


class Tail:
    """The whole lines that a file has grown by; one that was begun anew is read from its beginning."""

    def __init__(self, path: Path):
        self._path = path
        self._read = 0

    def skip(self) -> None:
        """Leave out what is there."""
        self._read = self._path.stat().st_size if self._path.exists() else 0

    def new_lines(self) -> list[str]:
        if not self._path.exists():
            return []
        if self._path.stat().st_size < self._read:
            self._read = 0
        with self._path.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        return whole.decode("utf-8", "replace").splitlines()


def asked_event(name: str, line: bytes) -> dict | None:
    """A settled request of a ledger, None for any other line."""
    try:
        entry = json.loads(line)
        if not entry.get("prompt_tokens"):
            return None
        pass_, talk = name.removesuffix(".jsonl").split("-", 1)
        tokens = entry["prompt_tokens"] + entry["completion_tokens"]
        return {
            "time": entry["time"],
            "event": "asked",
            "pass": pass_,
            "talk": talk,
            "tokens": tokens,
            "usd": entry["usd"],
        }
    except (ValueError, LookupError, TypeError, AttributeError):
        # A line that a killed job left half written.
        return None


def step_event(line: str, at: float) -> dict | None:
    """An iteration that the training's log tells of, None for any other line."""
    if not (found := ITERATION.search(line)):
        return None
    iteration, iterations = (int(number.replace(",", "")) for number in found.groups()[1:])
    return {"time": at, "event": "step", "iteration": iteration, "of": iterations, "said": plain_title(found[1])}


def rows_event() -> dict:
    """How much there is to train on."""
    with TRAIN.open("rb") as train, VALID.open("rb") as valid:
        rows = {"train": sum(1 for _ in train), "valid": sum(1 for _ in valid)}
    return {"event": "rows", **rows, "train_bytes": TRAIN.stat().st_size}
