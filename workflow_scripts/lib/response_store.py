"""What the teacher model replied, one file a request, kept outside of all rules so that nothing is asked twice."""

import hashlib
import json
from pathlib import Path

from lib.errors import InputFileError
from lib.files import read_json, write_json
from lib.job_log import log

STORE = Path("data/responses")


def request_hash(request: dict) -> str:
    """The sha256 of all that shapes a reply, as canonical JSON."""
    canonical = json.dumps(request, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def stored_reply(key: str, store: Path = STORE) -> dict | None:
    """Return the stored reply of a request, or None. A damaged entry is set aside and counts as none."""
    path = entry_path(key, store)
    try:
        entry = read_json(path)
        if entry["request"] == key and isinstance(entry["reply"], dict):
            return entry["reply"]
        raise InputFileError(f"{path} belongs to another request.")
    except (InputFileError, KeyError, TypeError) as error:
        if path.exists():
            log.warning("%s is damaged and set aside: %s", path, error)
            set_aside(key, store)
        return None


def store_reply(key: str, reply: dict, store: Path = STORE) -> None:
    """Keep a reply, whole or not at all."""
    write_json(entry_path(key, store), {"request": key, "reply": reply})


def set_aside(key: str, store: Path = STORE) -> None:
    """Rename an entry that is of no use, so that the request is sent again; what was paid for is still there to read."""
    path = entry_path(key, store)
    path.replace(path.with_suffix(".damaged"))


def entry_path(key: str, store: Path) -> Path:
    return store / key[:2] / f"{key}.json"
