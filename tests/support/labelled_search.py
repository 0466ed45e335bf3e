"""How well passages answer the labelled questions: tests/labelled/shared/README.md says how it is measured."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from project import REPOSITORY
from understudy.passages.time_span import SpokenSegments
from understudy.shared.files import read_json, read_json_lines

LABELS = REPOSITORY / "tests/labelled/shared"
WORDS = 300


@dataclass(frozen=True)
class Found:
    """What a search gives for a question: the text that is read, and where it is."""

    video_id: str
    start_s: float
    end_s: float
    text: str


# The question, and the one before it in a dialogue or None, to passages, best first.
Searched = Callable[[str, str | None], Sequence[Found]]


class Labels:
    """The labelled questions, dialogues and the demo's pairs, for a project with the demo's transcripts in data/transcripts/."""

    def __init__(self, project: Path):
        videos = read_json(project / "data/videos.json")
        self._ids = {Path(video["source_file"]).name: video["video_id"] for video in videos}
        self._transcripts = {
            video["video_id"]: read_json(project / f"data/transcripts/{video['video_id']}.json") for video in videos
        }
        self.questions = [row for _, row in read_json_lines(LABELS / "questions.jsonl") if row["kind"] != "not_covered"]
        dialogues = [row for _, row in read_json_lines(LABELS / "dialogues.jsonl") if row["kind"] != "not_covered"]
        self.dialogues = [row for row in dialogues if len(row["sources"]) == 1]
        self.pairs = [row for _, row in read_json_lines(REPOSITORY / "demo/extra_pairs.jsonl")]

    def measured(self, searched: Searched, words: int = WORDS) -> dict[str, float]:
        """The share of each kind whose sources are found within so many words: fact, two_talks, pairs, dialogues."""
        found = defaultdict(list)
        for row in self.questions:
            read = self.read(searched(row["question"], None), words)
            sources = [self._is_found(source, read) for source in row["sources"]]
            also = any(self._is_found(source, read) for source in row.get("also", []))
            found[row["kind"]].append(all(sources) if row["kind"] == "two_talks" else sources[0] or also)
        for row in self.pairs:
            video_id = self._ids[row["source_file"]]
            span = SpokenSegments(self._transcripts[video_id]["segments"]).span_of(row["answer"])
            found["pairs"].append(is_read(video_id, *span, self.read(searched(row["question"], None), words)))
        for row in self.dialogues:
            read = self.read(searched(row["follow"], row["first"]), words)
            places = [*row["sources"], *row.get("also", [])]
            found["dialogues"].append(any(self._is_found(source, read) for source in places))
        return {kind: sum(hits) / len(hits) for kind, hits in found.items()}

    def _is_found(self, source: dict, read: list[Found]) -> bool:
        return is_read(self._ids[source["file"]], source["start_s"], source["end_s"], read)

    def read(self, passages: Sequence[Found], words: int) -> list[Found]:
        """The passages in their order until `words` are reached; one that would pass it ends the list, a first one is cut."""
        read, left = [], words
        for passage in passages:
            length = len(passage.text.split())
            if length > left:
                if not read:
                    end_s = passage.start_s + (passage.end_s - passage.start_s) * left / length
                    read.append(Found(passage.video_id, passage.start_s, end_s, passage.text))
                break
            read.append(passage)
            left -= length
        return read


def is_read(video_id: str, start_s: float, end_s: float, read: list[Found]) -> bool:
    """Whether half of the seconds lie in what is read of the talk."""
    covered, until = 0.0, start_s
    for place in sorted((passage.start_s, passage.end_s) for passage in read if passage.video_id == video_id):
        covered += max(min(place[1], end_s) - max(place[0], until), 0.0)
        until = max(until, place[1])
    return covered >= (end_s - start_s) / 2
