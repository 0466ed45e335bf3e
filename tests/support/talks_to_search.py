"""Talks as transcripts and a list of videos, indexed by the real code, to be searched by tests and benchmarks."""

import shutil
from pathlib import Path

from project import REPOSITORY, Project
from understudy.passages.search import Search
from understudy.passages.store import INDEX, PASSAGES, RECORD, open_store
from understudy.retrieve.index import build_index
from understudy.retrieve.index_block import write_block
from understudy.shared.files import write_json
from understudy.source.selection import video_record


def transcript(video_id: str, segments: list[list], title: str = "", language: str | None = "en") -> dict:
    text = " ".join(str(segment[2]) for segment in segments)
    return {
        "video_id": video_id,
        "title": title,
        "status": "ok",
        "language": language,
        "segments": segments,
        "text": text,
    }


CONFIG = "name: x\nsource: {captions_dir: captions}\nteacher: {gguf: teacher.gguf}\nbase_model: some/model\n"


def write_settings(folder: Path) -> None:
    """Write a configuration, and the files that it names, for a project of which nothing is made but the index."""
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "captions").mkdir()
    (folder / "captions/a.srt").write_text("")
    (folder / "teacher.gguf").write_bytes(b"")


def write_talks(folder: Path, transcripts: list[dict], **video: object) -> None:
    """Write data/transcripts/, and data/videos.json with a record for each of them."""
    for record in transcripts:
        write_json(folder / f"data/transcripts/{record['video_id']}.json", record)
    listed = [video_record(record["video_id"], record["title"], **video) for record in transcripts]
    write_json(folder / "data/videos.json", listed)


WORDS_ALONE = {
    "gguf": None,
    "base_url": None,
    "model": None,
    "revision": None,
    "query_prefix": "",
    "passage_prefix": "",
}
MINILM = WORDS_ALONE | {"gguf": str(REPOSITORY / ".embedder/all-MiniLM-L6-v2-F16.gguf")}


def index_talks(folder: Path, embedder: dict = WORDS_ALONE) -> None:
    """Bring data/index/ up to date with all transcripts, as the two rules do."""
    block = folder / INDEX / "blocks/1-of-1.json"
    write_block(sorted(map(str, folder.glob("data/transcripts/*.json"))), str(block))
    build_index([str(block)], str(folder / "data/videos.json"), str(folder / INDEX / RECORD), embedder, threads=2)


def indexed_demo(folder: Path) -> Path:
    """The demo's talks in a new folder, indexed by the workflow, with vectors."""
    shutil.copytree(REPOSITORY / "demo", folder, ignore=shutil.ignore_patterns("data", "models", "logs", ".snakemake"))
    Project(folder).snakemake("data/index/index.json")
    index_talks(folder, MINILM)
    return folder


def search_in(folder: Path) -> Search:
    """Search by words."""
    return Search(open_store(folder / INDEX / PASSAGES))
