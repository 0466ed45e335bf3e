"""Snakemake's own time and memory for a dry run of a large project with all its answers pending.

PYTHONPATH=workflow_scripts:tests .venv/bin/python benchmarks/dry_run.py --videos 5000 --slots 12"""

import argparse
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from lib.files import write_json
from lib.video_selection import video_record
from project import REPOSITORY, SNAKEMAKE, Project, environment
from random_llama import write_random_llama


def make_project(folder: Path, videos: int, slots: int) -> Project:
    """A project with a list of videos and their transcripts, and nothing else."""
    write_random_llama(folder / "base", hidden_size=64)
    project = Project.made_in(folder / "project", "http://127.0.0.1:9/v1", folder / "base")
    project.configure(source={"captions_dir": None, "channel": "@someone"}, questions={"per_video": slots})
    listed = []
    for number in range(videos):
        record = video_record(f"video{number:06}", f"Talk {number}", "https://www.youtube.com/", channel="@someone")
        listed.append(record)
        transcript = {"video_id": record["video_id"], "title": record["title"], "status": "ok", "text": "word " * 50}
        write_json(project / f"data/transcripts/{record['video_id']}.json", transcript)
    write_json(project / "data/passed_over.json", [])
    write_json(project / "data/videos.json", listed)
    project.snakemake("--touch", "--", "data/videos.json")
    return project


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=5000)
    parser.add_argument("--slots", type=int, default=12)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder), options.videos, options.slots)
        command = [
            str(SNAKEMAKE),
            "--directory",
            str(project.path),
            "-n",
            "--quiet",
            "rules",
            "--",
            "data/dataset/train.jsonl",
        ]
        started = time.monotonic()
        run = subprocess.run(command, cwd=REPOSITORY, env=environment(), capture_output=True, text=True)
        took = time.monotonic() - started
        memory_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print((run.stdout + run.stderr)[-600:])
        print(f"{options.videos} videos, {options.slots} slots: {took:.1f} s, {memory_mb:.0f} MB")


if __name__ == "__main__":
    main()
