"""Reading 100 hours of automatic captions: this project's reader beside pysubs2 and webvtt-py, which only parse.

    make benchmark-captions

Each reader gets the same file, in turns, RUNS times; the medians, and for this project's reader the exponent of its growth from
an eighth of the file to the whole, go to docs/captions_benchmark.json and docs/captions_benchmark.png."""

import io
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / ".benchmarks"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

import pysubs2
import webvtt

from bar_chart import draw_bars
from record_head import record_head
from understudy.shared.files import write_json
from understudy.source.captions.formats import read_segments

RECORD = Path(__file__).resolve().parents[1] / "docs/captions_benchmark.json"
HOURS = 100
CUE_MS = 2010
RUNS = 3


def automatic_captions(hours: float) -> str:
    """WebVTT as YouTube makes it: each line is shown alone, then again above the next one, with a time for every word."""
    lines, now, before = ["WEBVTT", "Kind: captions", "Language: en", ""], 0, ""
    for number in range(int(hours * 3_600_000 / CUE_MS)):
        words = f"line {number} keeps the books and pays".split()
        timed = words[0] + "".join(f"<{stamp(now + 200 * n)}><c> {word}</c>" for n, word in enumerate(words[1:], 1))
        lines += [f"{stamp(now)} --> {stamp(now + 2000)} align:start position:0%", before or " ", timed, ""]
        before = " ".join(words)
        lines += [f"{stamp(now + 2000)} --> {stamp(now + CUE_MS)} align:start position:0%", before, " ", ""]
        now += CUE_MS
    return "\n".join(lines)


def stamp(ms: int) -> str:
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


def this_project(path: Path) -> int:
    return len(read_segments(path)[0])


def with_pysubs2(path: Path) -> int:
    return len([event.plaintext for event in pysubs2.SSAFile.from_string(path.read_text(), format_="vtt")])


def with_webvtt(path: Path) -> int:
    return len([caption.text for caption in webvtt.from_buffer(io.StringIO(path.read_text()), format="vtt")])


READERS: dict[str, Callable[[Path], int]] = {
    "this project": this_project,
    "pysubs2": with_pysubs2,
    "webvtt-py": with_webvtt,
}


def seconds_of(reader: Callable[[Path], int], path: Path) -> float:
    started = time.process_time()
    reader(path)
    return time.process_time() - started


def measured(folder: Path) -> dict:
    """Medians of all readers on the whole file, and of this project's on an eighth of it."""
    small, whole = (folder / f"{hours:g}.vtt" for hours in (HOURS / 8, HOURS))
    small.write_text(automatic_captions(HOURS / 8))
    whole.write_text(automatic_captions(HOURS))
    took: dict[str, list[float]] = {name: [] for name in READERS}
    for _ in range(RUNS):
        for name, reader in READERS.items():
            took[name].append(seconds_of(reader, whole))
    medians = {name: round(statistics.median(times), 3) for name, times in took.items()}
    eighth = round(statistics.median(seconds_of(this_project, small) for _ in range(RUNS)), 3)
    return {
        "hours": HOURS,
        "megabytes": round(whole.stat().st_size / 1e6, 1),
        "runs": RUNS,
        "cpu_seconds": medians,
        "segments": {name: reader(whole) for name, reader in READERS.items()},
        "cpu_seconds_of_an_eighth": eighth,
        "exponent": round(math.log(medians["this project"] / eighth, 8), 2),
    }


def main() -> None:
    head = record_head()
    with tempfile.TemporaryDirectory() as folder:
        record = {**head, **measured(Path(folder))}
    write_json(RECORD, record)
    title = f"Reading {HOURS} hours of automatic captions"
    draw_bars(record["cpu_seconds"], ["this project"], "CPU seconds", title, RECORD.with_suffix(".png"))
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
