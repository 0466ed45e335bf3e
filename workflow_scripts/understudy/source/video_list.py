"""data/videos.json as the rules look at it: read again only when the file has changed."""

from pathlib import Path

from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json


class VideoList:
    """The records of a list of videos, by position and by id."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._read_at = None
        self._records: dict[str, dict] = {}

    def records(self) -> list[dict]:
        """Return all records in the list's order."""
        return list(self._current().values())

    def record(self, video_id: str) -> dict:
        """Return one record. Raises InputFileError if the list doesn't have it."""
        try:
            return self._current()[video_id]
        except KeyError:
            raise InputFileError(f"{self.path} lists no video with the id {video_id}.") from None

    def _current(self) -> dict[str, dict]:
        changed_at = self.path.stat().st_mtime_ns
        if changed_at != self._read_at:
            self._records = {record["video_id"]: record for record in read_json(self.path)}
            self._read_at = changed_at
        return self._records
