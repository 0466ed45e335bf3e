"""What the teacher model replied, one file a request, kept outside of all rules so that nothing is asked twice.

A file's name is the hash of all that shapes the reply. It is written aside and renamed, so jobs on one machine or on a shared
file system never see half of one; two that write the same request write equally good replies."""

import hashlib
import json
from pathlib import Path

from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json, write_json
from understudy.shared.log import log
from understudy.teacher.reply_text import reply_in
from understudy.teacher.requests import Request

STORE = Path("data/responses")
PARTS = {"text", "finish_reason", "refusal", "model", "usage"}


def request_hash(identity: dict, request: Request) -> str:
    """The sha256 of all that shapes a reply, as canonical JSON. `identity` is the teacher's, with its sampling."""
    shaping = {"teacher": identity, **request._asdict()}
    canonical = json.dumps(shaping, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def is_final(reply: dict) -> bool:
    """Whether another try would change nothing: an answer, or a refusal. An empty reply is neither."""
    return bool(reply["text"].strip() or reply["refusal"] or reply["finish_reason"] == "content_filter")


class ResponseStore:
    """The replies of one teacher. Those older than `fresh_since` (seconds since the epoch) are asked for again on purpose."""

    def __init__(self, identity: dict, fresh_since: float = 0.0, folder: Path = STORE):
        self._identity = identity
        self._fresh_since = fresh_since
        self._folder = folder

    def path_of(self, request: Request) -> Path:
        """Where the reply to a request is kept."""
        key = request_hash(self._identity, request)
        return self._folder / key[:2] / f"{key}.json"

    def reply_to(self, request: Request) -> dict | None:
        """Return the stored reply, or None, also where it is older than `fresh_since`."""
        path = self.path_of(request)
        reply = self._final_reply(path)
        return reply if reply and path.stat().st_mtime >= self._fresh_since else None

    def has(self, request: Request) -> bool:
        """Whether a reply is stored, however old."""
        return self._final_reply(self.path_of(request)) is not None

    @staticmethod
    def _final_reply(path: Path) -> dict | None:
        """The reply in a file, or None. A damaged entry is set aside and counts as none; so does an empty one, which earlier
        versions kept."""
        try:
            entry = read_json(path)
            if (
                entry["request"] != path.stem
                or set(entry["reply"]) != PARTS
                or not isinstance(entry["reply"]["text"], str)
            ):
                raise InputFileError(f"{path} belongs to another request.")
        except (InputFileError, KeyError, TypeError) as error:
            if path.exists():
                log.warning("%s is damaged and set aside: %s", path, error)
                path.replace(path.with_suffix(".damaged"))
            return None
        reply = {**entry["reply"], "text": reply_in(entry["reply"]["text"])}
        return reply if is_final(reply) else None

    def keep(self, request: Request, reply: dict) -> None:
        """Keep a reply, whole or not at all; the one that it replaces stays beside it."""
        path = self.path_of(request)
        if path.exists():
            path.replace(path.with_suffix(".replaced"))
        write_json(path, {"request": path.stem, "reply": reply})

    def set_aside(self, request: Request) -> None:
        """Rename an entry that is of no use, so that the request is sent again; what was paid for is still there to read."""
        path = self.path_of(request)
        if path.exists():
            path.replace(path.with_suffix(".unusable"))
