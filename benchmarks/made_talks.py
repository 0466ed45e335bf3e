"""Talks of an hour that nobody gave, with the demo's words as often as there, and their index: for benchmarks of many talks."""

import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from talks_to_search import WORDS_ALONE
from understudy.passages.store import INDEX, PASSAGES, RECORD
from understudy.retrieve.index import build_index
from understudy.retrieve.index_block import write_block
from understudy.shared.blocks import block_names, ids_of_block
from understudy.shared.files import read_json, write_json
from understudy.source.selection import video_record

REPOSITORY = Path(__file__).resolve().parents[1]
SEED = 1
TALK_WORDS, SEGMENT_WORDS, SEGMENT_S = 9_000, 10, 4.0
SENTENCE_WORDS = (8, 17)
VOCABULARY = 50_000


def make_demo(project: Path) -> None:
    """The demo's transcripts, by the real Snakemake in a copy of the demo."""
    made = shutil.ignore_patterns("data", "models", "logs", ".snakemake")
    shutil.copytree(REPOSITORY / "demo", project, ignore=made)
    command = [Path(sys.executable).with_name("snakemake"), "--directory", project, "--cores", "1", "--quiet", "all"]
    subprocess.run([*command, "--", INDEX / RECORD], cwd=REPOSITORY, check=True, capture_output=True)


def transcripts_in(project: Path) -> list[dict]:
    return [read_json(path) for path in sorted(project.glob("data/transcripts/*.json"))]


class Language:
    """The demo's words as often as there, then made-up ones, in all VOCABULARY; shares by Zipf's law."""

    def __init__(self, project: Path, seed: int):
        self.chance = np.random.default_rng(seed)
        counts = Counter(
            word for talk in transcripts_in(project) for word in re.findall(r"[a-z']+", talk["text"].casefold())
        )
        self.words = [word for word, _ in counts.most_common()]
        zipf = 1 / np.arange(1, VOCABULARY + 1)
        tail = zipf[len(self.words) :] / zipf.sum()
        head = np.array([counts[word] for word in self.words]) / counts.total() * (1 - tail.sum())
        self._until = np.cumsum(np.concatenate([head, tail]))
        self.words += made_up(VOCABULARY - len(self.words), set(self.words))

    def drawn(self, count: int) -> list[str]:
        places = np.searchsorted(self._until, self.chance.random(count) * self._until[-1], side="right")
        return [self.words[place] for place in places.tolist()]

    def talk(self) -> str:
        """TALK_WORDS words in sentences of about 12."""
        words = self.drawn(TALK_WORDS)
        ends = np.cumsum(self.chance.integers(*SENTENCE_WORDS, size=TALK_WORDS // SENTENCE_WORDS[0]))
        for end in (*ends[ends < TALK_WORDS].tolist(), TALK_WORDS):
            words[end - 1] += "."
        return " ".join(words)


def made_up(count: int, known: set[str]) -> list[str]:
    """So many words of 5 to 10 letters that are no others."""
    chance, made = random.Random(SEED), dict.fromkeys(known)
    while len(made) < len(known) + count:
        made["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(5, 10)))] = None
    return list(made)[len(known) :]


def video_id(number: int) -> str:
    return f"talk{number:07}"


class MadeTalks:
    """So many talks in a folder, made of the words of the demo at `demo`."""

    def __init__(self, folder: Path, demo: Path, talks: int):
        self.folder, self.demo, self.talks = folder, demo, talks

    def write(self, count: int) -> None:
        """Write so many transcripts."""
        language = Language(self.demo, SEED)
        for number in range(count):
            write_json(self._transcript(number), self._record(number, language.talk()))

    def indexed(self, talks: int, changed: str | None = None) -> float:
        """Bring the index up to date with so many talks, of which one has `changed`, or all; the seconds that it took."""
        videos = self.folder / "data/videos.json"
        ids = [video_id(number) for number in range(talks)]
        write_json(videos, [video_record(video_id(number), f"Talk {number}") for number in range(talks)])
        started = time.perf_counter()
        blocks = []
        for block in block_names(ids):
            of_block = ids_of_block(block, ids)
            blocks.append(str(self.folder / INDEX / f"blocks/{block}.json"))
            if changed is None or changed in of_block or not Path(blocks[-1]).exists():
                write_block([str(self.folder / f"data/transcripts/{one}.json") for one in of_block], blocks[-1])
        build_index(blocks, str(videos), str(self.folder / INDEX / RECORD), WORDS_ALONE)
        return round(time.perf_counter() - started, 2)

    def passages(self) -> Path:
        """The index file."""
        return self.folder / INDEX / PASSAGES

    def _record(self, number: int, text: str) -> dict:
        words = text.split()
        segments = [
            [SEGMENT_S * place, SEGMENT_S, " ".join(words[first : first + SEGMENT_WORDS])]
            for place, first in enumerate(range(0, len(words), SEGMENT_WORDS))
        ]
        record = {"video_id": video_id(number), "title": f"Talk {number}", "status": "ok", "language": "en"}
        return {**record, "segments": segments, "text": text}

    def _transcript(self, number: int) -> Path:
        return self.folder / f"data/transcripts/{video_id(number)}.json"
