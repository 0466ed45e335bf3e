"""Reading 100 hours of automatic captions: this project's reader beside pysubs2 and webvtt-py, which only parse.

    make benchmark-captions

Each reader gets the same file, in turns, RUNS times; the medians and their ratios are printed, and for this project's reader the
exponent of its growth from an eighth of the file to the whole."""

import io
import math
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pysubs2
import webvtt

from lib.captions import read_segments

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
    "this project: parsed, overlap removed, cleaned": this_project,
    "pysubs2: parsed": with_pysubs2,
    "webvtt-py: parsed": with_webvtt,
}


def seconds_of(reader: Callable[[Path], int], path: Path) -> float:
    started = time.process_time()
    reader(path)
    return time.process_time() - started


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = {hours: Path(folder) / f"{hours:g}.vtt" for hours in (HOURS / 8, HOURS)}
        for hours, path in files.items():
            path.write_text(automatic_captions(hours))
        print(f"{HOURS} hours, {files[HOURS].stat().st_size / 1e6:.0f} MB, CPU seconds, medians of {RUNS}")
        took: dict[str, list[float]] = {name: [] for name in READERS}
        for _ in range(RUNS):
            for name, reader in READERS.items():
                took[name].append(seconds_of(reader, files[HOURS]))
        medians = {name: statistics.median(times) for name, times in took.items()}
        ours = next(iter(medians.values()))
        for name, median in medians.items():
            print(f"{median:7.2f} s  {median / ours:5.2f} x  {name} ({READERS[name](files[HOURS])} segments)")
        small = statistics.median(seconds_of(this_project, files[HOURS / 8]) for _ in range(RUNS))
        print(
            f"from {HOURS / 8} to {HOURS} hours: {small:.2f} s to {ours:.2f} s, exponent {math.log(ours / small, 8):.2f}"
        )


if __name__ == "__main__":
    main()
