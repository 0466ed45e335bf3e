"""What models cost, and what the project has spent at the teacher: append-only files in data/spending/, one a job, never pruned.

A request is reserved at its highest price before it is sent, and settled at its real one; so what is in flight counts, over all
jobs and machines that share the folder. Each job writes to its own file only."""

import json
import math
import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import yaml

from understudy.shared.checkout import REPOSITORY
from understudy.shared.errors import InputFileError, UnderstudyError
from understudy.shared.files import read_json, write_json
from understudy.shared.log import log
from understudy.shared.run import wait_unless_stopped

LEDGER = Path("data/spending")
MILLION = 1_000_000
# A token is three to five bytes of most texts in UTF-8; three gives the highest count.
BYTES_OF_A_TOKEN = 3
LOOK_EVERY_S = 0.3
LINES_UNTIL_SUMMARY = 200
NO_TOKENS = {"prompt_tokens": 0, "cached_tokens": 0, "completion_tokens": 0}


class BudgetReached(UnderstudyError):
    """teacher.budget_usd is spent."""


def price_usd(usage: dict, prices: dict | None) -> float | None:
    """Price of one request in US dollars, or None without prices."""
    if prices is None:
        return None
    cached = usage["cached_tokens"]
    cached_price = prices.get("cached_input", prices["input"])
    fresh = usage["prompt_tokens"] - cached
    return (fresh * prices["input"] + cached * cached_price + usage["completion_tokens"] * prices["output"]) / MILLION


def highest_usage(messages: list[dict], max_tokens: int) -> dict:
    """The most tokens that a request can take."""
    size = sum(len(message["content"].encode()) for message in messages)
    return {
        "prompt_tokens": size // BYTES_OF_A_TOKEN + 50,
        "cached_tokens": 0,
        "completion_tokens": max_tokens,
    }


class Ledger:
    """The spending of a project as a job sees it. `job` names its file, `timeout_s` is how long a request can be in flight."""

    def __init__(
        self, job: str, prices: dict | None, budget_usd: float | None, timeout_s: float, folder: Path = LEDGER
    ):
        self._path = folder / f"{job}.jsonl"
        self._folder = folder
        self._prices = prices
        self._budget_usd = budget_usd
        self._timeout_s = timeout_s
        self._books = Books(folder)
        self._is_new = True
        self._writing = Lock()

    @contextmanager
    def reserved(self, usage: dict) -> Iterator["Reservation"]:
        """Reserve the price of `usage`; yield the reservation, which takes the real usage.

        Waits where only what is in flight stands in the way. Raises BudgetReached where what is spent does."""
        reservation = Reservation(uuid.uuid4().hex)
        highest = price_usd(usage, self._prices) or 0.0
        self._reserve(reservation, highest, usage)
        began = time.monotonic()
        try:
            yield reservation
        finally:
            real = reservation.usage or NO_TOKENS
            usd = price_usd(real, self._prices)
            if reservation.may_be_paid and self._prices is not None:
                usd = price_usd({**usage, "completion_tokens": 0}, self._prices)
            seconds = round(time.monotonic() - began, 2)
            self._write({"settles": reservation.id, **real, "usd": usd, "seconds": seconds})

    def _reserve(self, reservation: "Reservation", highest: float, usage: dict) -> None:
        if self._budget_usd is None:
            return
        entry = {
            "id": reservation.id,
            "usd": highest,
            "if_lost_usd": price_usd({**usage, "completion_tokens": 0}, self._prices),
        }
        has_waited = False
        while True:
            self._write({"reserves": {**entry, "host": socket.gethostname(), "pid": os.getpid()}})
            spent, in_flight = self._books.totals(self._timeout_s)
            if spent + in_flight <= self._budget_usd:
                return
            self._write({"settles": reservation.id, **NO_TOKENS, "usd": 0.0})
            if spent + highest > self._budget_usd:
                raise BudgetReached(
                    f"teacher.budget_usd ({self._budget_usd:.2f}) is reached: {spent:.2f} US dollars are spent, and the next "
                    f"request may cost up to {highest:.2f}. What was answered is kept. Raise the budget and run the same command "
                    "again, or set dataset.allow_missing: true to go on without the rest."
                )
            if not has_waited:
                log.info("Near teacher.budget_usd: waiting for what is in flight (%.2f US dollars at most).", in_flight)
            has_waited = True
            wait_unless_stopped(LOOK_EVERY_S)

    def _write(self, line: dict) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._writing, self._path.open("a", encoding="utf-8") as file:
            # A line that a killed job left half written must not spoil the next one.
            line_end = "\n" if self._is_new and file.tell() else ""
            self._is_new = False
            file.write(line_end + json.dumps({"time": round(time.time(), 3), **line}) + "\n")
            file.flush()
            if self._prices is not None:
                os.fsync(file.fileno())


class Reservation:
    """One request. `usage` is what it took in the end, None if nothing; `may_be_paid`, if nobody knows, counts its prompt."""

    def __init__(self, id: str):
        self.id = id
        self.usage: dict | None = None
        self.may_be_paid = False


class Books:
    """All ledgers of a folder, read again only where they have grown; a summary saves the next job most of the reading."""

    def __init__(self, folder: Path = LEDGER):
        self._folder = folder
        self._summary = folder / "summary.json"
        self._read: dict[str, int] = {}
        self._spent = 0.0
        self._open: dict[str, dict] = {}
        self._lines_read = 0
        self._lock = Lock()
        try:
            known = read_json(self._summary)
            if amount(known["spent"], None) == known["spent"]:
                self._read, self._spent, self._open = dict(known["read"]), float(known["spent"]), dict(known["open"])
        except (InputFileError, LookupError, TypeError, ValueError):
            pass

    def totals(self, timeout_s: float) -> tuple[float, float]:
        """US dollars spent, and the highest price of what is in flight. A request whose job is gone counts as its prompt."""
        with self._lock:
            self._read_on()
            reservations = list(self._open.values())
        in_flight = lost = 0.0
        for reservation in reservations:
            if is_in_flight(reservation, timeout_s):
                in_flight += amount(reservation["usd"], None)
            else:
                lost += amount(reservation["if_lost_usd"], None)
        return self._spent + lost, in_flight

    def _read_on(self) -> None:
        self._read_grown_files()
        if self._lines_read >= LINES_UNTIL_SUMMARY:
            self._lines_read = 0
            write_json(self._summary, {"read": self._read, "spent": self._spent, "open": self._open})

    def _read_grown_files(self) -> None:
        for _, line in grown_lines(self._folder, self._read):
            self._lines_read += 1
            self._book(line)

    def _book(self, line: bytes) -> None:
        try:
            entry = json.loads(line)
            if "reserves" in entry:
                reserved = {**entry["reserves"], "time": entry["time"]}
                self._open[reserved["id"]] = reserved
                return
            reserved = self._open.pop(entry.get("settles"), {})
            self._spent += amount(entry["usd"], reserved.get("usd"))
        except (ValueError, LookupError, TypeError):
            # A line that a killed job left half written.
            return


def grown_lines(folder: Path, read: dict[str, int]) -> Iterator[tuple[str, bytes]]:
    """Yield the whole lines that the ledgers have grown by, each with its file's name; `read` has the bytes that are known of
    each file, and is brought up to date."""
    for entry in os.scandir(folder) if folder.is_dir() else ():
        known = read.get(entry.name, 0)
        if entry.name.endswith(".jsonl") and entry.stat().st_size > known:
            with open(entry.path, "rb") as file:
                file.seek(known)
                new = file.read()
            whole = new[: new.rfind(b"\n") + 1]
            read[entry.name] = known + len(whole)
            for line in whole.splitlines():
                yield entry.name, line


def amount(usd: Any, highest: Any) -> float:
    """US dollars of a line in a ledger; where earlier versions wrote what is no amount, the highest that was reserved."""
    for value in (usd, highest):
        if isinstance(value, int | float) and math.isfinite(value) and value >= 0:
            return float(value)
    return 0.0


def is_in_flight(reservation: dict, timeout_s: float) -> bool:
    """Whether the job that reserved may still be waiting for its reply."""
    if time.time() - reservation["time"] > timeout_s + 60:
        return False
    if reservation["host"] != socket.gethostname():
        return True
    try:
        os.kill(reservation["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def spent_usd(folder: Path = LEDGER) -> float:
    """Sum of all ledgers; what is in flight is not counted."""
    return Books(folder).totals(0.0)[0]


def ledger_lines(folder: Path = LEDGER, since: float = 0.0) -> list[dict]:
    """The settled requests of all ledgers from a time on (seconds since the epoch), each with the `pass` and the `video`."""
    lines = []
    for path in sorted(folder.glob("*.jsonl")):
        if path.stat().st_mtime < since:
            continue
        for text in path.read_text(encoding="utf-8").splitlines():
            try:
                line = json.loads(text)
            except json.JSONDecodeError:
                continue
            if isinstance(line, dict) and line.get("prompt_tokens") and line.get("time", 0) >= since:
                pass_, video = path.stem.split("-", 1)
                lines.append({**line, "pass": pass_, "video": video})
    return lines


PRICE_LIST = REPOSITORY / "prices.yaml"


def prices_of(model: str | None, configured: dict | None, price_list: Path = PRICE_LIST) -> tuple[dict | None, str]:
    """Return US dollars for a million tokens (input, cached_input, output) and where they come from; None for an unknown model.

    Raises InputFileError if the price list is not what it should be."""
    if configured is not None:
        return configured, "teacher.prices"
    if model is None:
        return None, "the embedded teacher costs no money"
    known = yaml.safe_load(price_list.read_text(encoding="utf-8"))
    if not isinstance(known, dict) or not isinstance(known.get("models"), dict):
        raise InputFileError(f"{price_list}: it takes `date`, `source` and `models`.")
    prices = known["models"].get(model)
    return (
        prices,
        f"prices.yaml of {known['date']}" if prices else f"no price of {model} in prices.yaml: set teacher.prices",
    )
