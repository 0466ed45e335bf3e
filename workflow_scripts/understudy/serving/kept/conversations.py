"""Conversations, kept in data/conversations/ID.json: whole or absent, with a version that grows with each turn."""

import contextlib
import copy
import datetime
import json
import os
import re
import secrets
import textwrap
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from understudy.serving.kept.conversation_form import is_conversation
from understudy.serving.kept.own_files import read_own_json, what_hinders_is_told
from understudy.shared.errors import FileNotWritten, InputFileError, UnderstudyError
from understudy.shared.files import FOR_OUR_USER, write_text

FOLDER = "conversations"
ID = re.compile(r"[0-9a-f]{16}")
LONGEST_TITLE = 60
# Bytes of a file: 400 turns with 12 passages each.
LARGEST = 8_000_000
# Of what can't be deleted.
MOST_NAMED = 3
CHANGED = "The conversation has changed meanwhile, maybe in another tab. Load it again."
Conversation = dict[str, Any]


class NoConversation(UnderstudyError):
    """There is no conversation of that id, or it has been deleted."""


class Conflict(UnderstudyError):
    """The conversation has changed since it was read."""


class NotDeleted(UnderstudyError):
    """Something of a conversation is still there; the message says what, and why."""


def now() -> str:
    """The time as ISO 8601, in UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


@dataclass
class Conversations:
    """Those in a folder, which is made when it is needed; without a folder they are kept in memory. Threads may share it."""

    folder: Path | None
    _in_memory: dict[str, Conversation] = field(default_factory=dict)
    # By file: its time and size, and what the list says of it.
    _listed: dict[Path, tuple[tuple[int, int], dict]] = field(default_factory=dict)
    # Between the reading and the writing of a change nothing else may change.
    _changing: threading.Lock = field(default_factory=threading.Lock)

    def listed(self) -> list[dict[str, str]]:
        """Id, title and time of the last change, the newest first; files that are none are passed over."""
        entries = [entry_of(one) for one in list(self._in_memory.values())]
        if self.folder is not None:
            entries = [entry for path in self.folder.glob("*.json") if (entry := self._entry(path))]
        return sorted(entries, key=lambda entry: (entry["changed"], entry["id"]), reverse=True)

    def new(self) -> Conversation:
        """Begin an empty one."""
        made = {"id": secrets.token_hex(8), "title": "", "version": 1, "changed": now(), "turns": []}
        self._write(made)
        return made

    def read(self, name: str) -> Conversation:
        """Raises NoConversation, InputFileError for a broken file."""
        if self.folder is None:
            if name not in self._in_memory:
                raise NoConversation("There is no such conversation.")
            return copy.deepcopy(self._in_memory[name])
        path = self._path(name)
        if not os.path.lexists(path):
            raise NoConversation("There is no such conversation.")
        return _read(path)

    def add_turn(self, name: str, version: int, keep: int, turn: dict) -> Conversation:
        """Put a turn behind the first `keep` ones.

        Raises NoConversation where it has been deleted meanwhile, Conflict where it has changed since `version`."""
        with self._changing:
            record = self.read(name)
            if record["version"] != version:
                raise Conflict(CHANGED)
            turns = [*record["turns"][:keep], turn]
            title = textwrap.shorten(turns[0]["question"], LONGEST_TITLE, placeholder=" ...") or "..."
            record |= {"title": title, "version": version + 1, "changed": now(), "turns": turns}
            self._write(record)
            return record

    def turn(self, name: str, number: int) -> dict:
        """One turn. Raises as `read`, NoConversation also where there is no such turn."""
        return _turn(self.read(name), number)

    def flag(self, name: str, number: int) -> None:
        """Note that a turn was flagged. The version stays: what was said doesn't change."""
        with self._changing:
            record = self.read(name)
            _turn(record, number)["flagged"] = True
            self._write(record)

    def delete(self, name: str) -> None:
        """Leave nothing of a conversation. Raises NoConversation, NotDeleted."""
        with self._changing:
            if self.folder is None:
                if self._in_memory.pop(name, None) is None:
                    raise NoConversation("There is no such conversation.")
                return
            if not os.path.lexists(self._path(name)):
                raise NoConversation("There is no such conversation.")
            self._remove(name)

    def delete_all(self) -> None:
        """Leave nothing of any conversation. Raises NotDeleted when all others are gone."""
        with self._changing:
            self._in_memory.clear()
            if self.folder is not None:
                self._remove("*")

    def _remove(self, pattern: str) -> None:
        left = []
        # A killed write leaves its part.
        for path in [*self.folder.glob(f"{pattern}.json"), *self.folder.glob(f".{pattern}.json.*.part")]:
            try:
                path.unlink(missing_ok=True)
                self._listed.pop(path, None)
            except OSError as error:
                left.append(f"{path} can't be deleted: {error.strerror}.")
        if left:
            rest = f" So it is with {len(left) - MOST_NAMED} more." if len(left) > MOST_NAMED else ""
            raise NotDeleted(" ".join(left[:MOST_NAMED]) + rest)

    def _path(self, name: str) -> Path:
        # The id becomes a file name: nothing but what `new` gives.
        if not ID.fullmatch(name):
            raise NoConversation("There is no such conversation.")
        return self.folder / f"{name}.json"

    def _write(self, record: Conversation) -> None:
        if self.folder is None:
            self._in_memory[record["id"]] = copy.deepcopy(record)
            return
        path = self._path(record["id"])
        text = json.dumps(record, ensure_ascii=False, indent=1) + "\n"
        if len(text.encode("utf-8")) > LARGEST:
            raise FileNotWritten("The conversation has become too long to be kept. Begin a new one.")
        with what_hinders_is_told(path):
            # What somebody asks is for no other user of the machine.
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_text(path, text, FOR_OUR_USER)

    def _entry(self, path: Path) -> dict | None:
        with contextlib.suppress(OSError, UnderstudyError):
            state = path.lstat()
            seen = (state.st_mtime_ns, state.st_size)
            known = self._listed.get(path)
            if known is None or known[0] != seen:
                self._listed[path] = known = (seen, entry_of(_read(path)))
            return known[1]
        return None


def _read(path: Path) -> Conversation:
    """Raises InputFileError for a file that is no whole conversation."""
    record = read_own_json(path, LARGEST)
    if not is_conversation(record) or record["id"] != path.stem:
        raise InputFileError(f"{path} is no conversation that the page can show. Delete it.")
    return record


def _turn(record: Conversation, number: int) -> dict:
    if number >= len(record["turns"]):
        raise NoConversation("There is no such turn.")
    return record["turns"][number]


def entry_of(record: Conversation) -> dict[str, str]:
    """What the list says of a conversation."""
    return {name: record[name] for name in ("id", "title", "changed")}
