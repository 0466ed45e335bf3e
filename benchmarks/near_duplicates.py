"""Finding pairs that are nearly the same: this project beside datasketch's MinHash LSH and rapidfuzz's comparison of all
with all.

    make benchmark-duplicates

Each way gets the same pairs: questions of 5 to 9 words, answers of about 130, words as frequent as in a language (Zipf), and
for one pair in twenty a second one that is nearly the same. Each run is a process of its own, so that its memory can be
told; the medians go to docs/near_duplicates.json and docs/near_duplicates.png. The rivals are in a folder of their own
(Makefile), and stop where they would take minutes."""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / ".benchmarks"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from record_head import record_head
from understudy.dataset.duplicates.pairs import similar_pairs
from understudy.shared.files import write_json

DOCS = Path(__file__).resolve().parents[1] / "docs"
SIZES = [1_250, 2_500, 5_000, 10_000, 20_000, 40_000]
LARGEST = {"this project": 40_000, "datasketch": 40_000, "rapidfuzz": 2_500}
RUNS = 3
WORDS = 30_000
ONE_IN = 20
OPENINGS = ["How do I", "How can you", "Why does", "When should I", "What is the", "Which"]
FILLERS = ["my", "your", "the", "a", "this", "really", "then", "now", "also", "just"]
COLOURS = {"this project": "#2f6f8f", "datasketch": "#c0902d", "rapidfuzz": "#7a7a7a"}


def made_pairs(count: int) -> tuple[pd.DataFrame, set[tuple[int, int]]]:
    """Return `count` pairs, and which are nearly the same: half of those by their question, half by their answer."""
    chance = np.random.default_rng(1)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    vocabulary = ["".join(chance.choice(letters, chance.integers(3, 11))) for _ in range(WORDS)]
    frequency = 1 / np.arange(1, WORDS + 1)
    frequency /= frequency.sum()

    def words(number: int) -> list[str]:
        return [vocabulary[place] for place in chance.choice(WORDS, number, p=frequency)]

    rows, near = [], set()
    for number in range(count):
        if number % ONE_IN == ONE_IN - 1:
            question, answer = rows[number - ONE_IN // 2]
            near.add((number - ONE_IN // 2, number))
            if number % (2 * ONE_IN) < ONE_IN:
                rows.append((f"{question[:-1]} {chance.choice(FILLERS)}?", " ".join(words(130))))
            else:
                changed = answer.split()
                changed[chance.integers(len(changed))] = words(1)[0]
                rows.append((f"{chance.choice(OPENINGS)} {' '.join(words(6))}?", " ".join(changed)))
        else:
            asked = " ".join(words(int(chance.integers(5, 10))))
            rows.append((f"{chance.choice(OPENINGS)} {asked}?", " ".join(words(int(chance.integers(90, 170))))))
    return pd.DataFrame(rows, columns=["question", "answer"]), near


def this_project(pairs: pd.DataFrame) -> set[tuple[int, int]]:
    similar = similar_pairs(pairs, 0.85, 0.7)
    return set(zip(similar["left"], similar["right"], strict=True))


def datasketch(pairs: pd.DataFrame) -> set[tuple[int, int]]:
    """Words of the questions, and runs of five words of the answers, each with an index of its own."""
    from datasketch import MinHash, MinHashLSH

    found = set()
    for column, size, threshold in (("question", 1, 0.75), ("answer", 5, 0.7)):
        index = MinHashLSH(threshold=threshold, num_perm=128)
        for number, text in enumerate(pairs[column]):
            words = text.casefold().rstrip("?").split()
            sketch = MinHash(num_perm=128)
            sketch.update_batch([" ".join(words[k : k + size]).encode() for k in range(len(words) - size + 1)])
            found |= {(int(other), number) for other in index.query(sketch)}
            index.insert(str(number), sketch)
    return found


def rapidfuzz(pairs: pd.DataFrame) -> set[tuple[int, int]]:
    """All questions with all, by their sorted words, and all answers with all."""
    from rapidfuzz import fuzz, process

    found = set()
    for column, scorer, threshold in (("question", fuzz.token_sort_ratio, 90), ("answer", fuzz.ratio, 90)):
        texts = pairs[column].str.casefold().tolist()
        for start in range(0, len(texts), 1000):
            scores = process.cdist(
                texts[start : start + 1000], texts, scorer=scorer, score_cutoff=threshold, workers=-1
            )
            rows, columns = np.nonzero(scores)
            found |= {(start + int(a), int(b)) for a, b in zip(rows, columns, strict=True) if start + a < b}
    return found


WAYS: dict[str, Callable] = {"this project": this_project, "datasketch": datasketch, "rapidfuzz": rapidfuzz}


def measure(way: str, size: int) -> dict:
    """One run in this process: seconds, the process's peak memory, and how much of what was planted is found."""
    pairs, near = made_pairs(size)
    started = time.perf_counter()
    found = WAYS[way](pairs)
    seconds = time.perf_counter() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    right = len(found & near)
    return {
        "seconds": seconds,
        "peak_mb": peak_mb,
        "recall": right / len(near),
        "precision": right / max(1, len(found)),
    }


def medians(way: str, size: int) -> dict:
    """RUNS runs, each in a process of its own."""
    command = [sys.executable, __file__, "--way", way, "--size", str(size)]
    runs = [json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(RUNS)]
    middle = {key: round(statistics.median(run[key] for run in runs), 3) for key in runs[0]}
    return {"way": way, "pairs": size, **middle}


def draw(results: list[dict], path: Path) -> None:
    """Seconds over pairs, both as powers of ten."""
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    for way, colour in COLOURS.items():
        points = [(result["pairs"], result["seconds"]) for result in results if result["way"] == way]
        axes.plot(*zip(*points, strict=True), marker="o", color=colour, label=way)
    axes.axhline(30, color="#c0502d", linewidth=1, linestyle="--", label="30 s")
    axes.set(xscale="log", yscale="log", xlabel="pairs", ylabel="seconds", title="Finding near-duplicates, two cores")
    axes.set_xticks(SIZES, [f"{size:,}" for size in SIZES], minor=False)
    axes.minorticks_off()
    axes.legend(frameon=False)
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--size", type=int)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(measure(options.way, options.size)))
        return
    head, results = record_head(), []
    for size in SIZES:
        for way, largest in LARGEST.items():
            if size <= largest:
                results.append(medians(way, size))
                print(results[-1], flush=True)
    write_json(DOCS / "near_duplicates.json", {**head, "runs": RUNS, "medians": results})
    draw(results, DOCS / "near_duplicates.png")


if __name__ == "__main__":
    main()
