"""benchmarks/README.md from what the benchmarks have recorded in docs/: `make docs`."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow_scripts"))

from understudy.shared.files import read_json  # noqa: E402

PAGE, DOCS = REPOSITORY / "benchmarks/README.md", REPOSITORY / "docs"
OPENING = """# Benchmarks

Made by `make docs` from what the benchmarks have recorded in `docs/`; edit `docs/write_benchmarks_page.py`.

    make benchmarks                     # all of them, one after the other, about 3 hours on 2 cores; then this page
    make benchmark-captions             # one of them; then `make docs`

Each writes its record and its picture to `docs/`. A record begins with the day, the machine and its load before the first run.
Let nothing else run meanwhile. What is compared runs side by side, in turns; of several runs a figure is the
median.

"""


@dataclass(frozen=True)
class Benchmark:
    """One record in docs/, and how it is told on the page."""

    title: str
    script: str
    target: str
    takes: str
    compares: str
    record: str
    figures: Callable[[dict], list[str]]


def of_captions(record: dict) -> list[str]:
    ours, *others = record["cpu_seconds"].items()
    beside = ", ".join(f"{name} {seconds:.2f} s ({seconds / ours[1]:.2f} times)" for name, seconds in others)
    return [
        f"{record['hours']} hours, {record['megabytes']:.0f} MB: {ours[1]:.2f} s of one core; {beside}",
        f"from an eighth of that to the whole the time grows with the power {record['exponent']:.2f}",
    ]


def of_teach(record: dict) -> list[str]:
    setting = record["setting"]
    channel = (
        f"{setting['videos']} videos, {setting['answers']} answers each, {setting['in_flight']} requests at a time"
    )
    return [
        f"{channel}, {name}: {median['wall_s']:.0f} s, {median['ratio']:.2f} times the ideal"
        for name, median in record["medians"].items()
    ]


def of_near_duplicates(record: dict) -> list[str]:
    lines = []
    for way in dict.fromkeys(median["way"] for median in record["medians"]):
        largest = [median for median in record["medians"] if median["way"] == way][-1]
        lines.append(
            f"{largest['pairs']:,} pairs, {way}: {largest['seconds']:.1f} s, {largest['peak_mb'] / 1000:.2f} GB; finds "
            f"{largest['recall']:.1%} of what was planted, {largest['precision']:.1%} of what it finds was"
        )
    return lines


def of_retrieval(record: dict) -> list[str]:
    counts = record["questions"]
    lines = [f"within {record['words'][0]} words: {', '.join(f'{count} {kind}' for kind, count in counts.items())}"]
    return lines + [
        f"{name}: " + ", ".join(f"{kind} {shares[0]:.2f}" for kind, shares in found.items())
        for name, found in record["found"].items()
    ]


def of_train(record: dict) -> list[str]:
    return [
        f"{name}: {median['tokens_per_second']:.1f} trained tokens a second, {median['peak_memory_gb']:.2f} GB"
        for name, median in record["medians"].items()
    ]


def of_train_profile(record: dict) -> list[str]:
    return [f"{part}: {seconds:.2f} s" for part, seconds in record["seconds"].items()]


def of_evaluation(record: dict) -> list[str]:
    whole = next(value for key, value in record.items() if key.endswith("_answers"))
    return [
        *(f"{way}: {speed:.0f} tokens a second" for way, speed in record["median_tokens_per_second"].items()),
        *(
            f"{run['answers']} answers, {way}: {run['seconds']:.0f} s, of {run['goal_seconds']} s allowed"
            for way, run in whole.items()
        ),
    ]


def of_interval_coverage(record: dict) -> list[str]:
    few = [setting["covered"] for setting in record["settings"] if setting["videos"] <= 5]
    many = [setting["covered"] for setting in record["settings"] if setting["videos"] >= 12]
    return [
        f"{method}: holds it {span(few, method)} % of the time with 3 or 5 videos, {span(many, method)} % with 12 to 30"
        for method in few[0]
    ]


def of_scale(record: dict) -> list[str]:
    videos, largest = list(record["sizes"].items())[-1]
    return [
        f"{int(videos):,} videos, {run}: {figures['wall_s']:.0f} s, {figures['peak_mb']} MB; Snakemake's own time grows with the "
        f"power {record['exponents'][run]['own_s']}"
        for run, figures in largest.items()
    ]


def of_serving(record: dict) -> list[str]:
    first, many = record["first_source_ms"], record["many_clients"]
    return [
        f"first source at {record['talks']:,} talks by words: {first['median']:.0f} ms (p95 {first['p95']:.0f}, goal "
        f"{record['goal_ms']})",
        f"{many['requests']} requests of {many['clients']} clients at once, {many['left']} of which leave in the midst: "
        f"{many['mixed_up']} answers mixed up; memory of the server {', '.join(map(str, many['memory_mb']))} MB on the way",
    ]


def span(covered: list[dict[str, float]], method: str) -> str:
    values = [one[method] for one in covered]
    return f"{min(values):.0f} to {max(values):.0f}"


def of_export(record: dict) -> list[str]:
    lines = [
        f"3 billion weights, {name}: {goal['measured']:.2f} (bound {goal['bound']})"
        for name, goal in record["goals"].items()
    ]
    is_equal = all(equal for size in record["sizes"].values() for equal in size["tensors_equal"].values())
    return [
        *lines,
        f"all tensors of {', '.join(record['sizes'])} {'are' if is_equal else 'are NOT'} the rivals' to the byte",
    ]


BENCHMARKS = (
    Benchmark(
        "Reading captions",
        "captions.py",
        "benchmark-captions",
        "2 minutes",
        "the reader of automatic captions beside pysubs2 and webvtt-py, which parse and don't clean",
        "captions_benchmark.json",
        of_captions,
    ),
    Benchmark(
        "Asking the teacher",
        "teach.py",
        "benchmark-teach",
        "45 minutes",
        "the two passes over a channel beside a plain asyncio script with one request a video; the ideal is the server's own "
        "time over the requests that may be in flight",
        "teach_benchmark.json",
        of_teach,
    ),
    Benchmark(
        "Near-duplicates",
        "near_duplicates.py",
        "benchmark-duplicates",
        "10 minutes",
        "the search among 1,250 to 40,000 pairs beside datasketch's MinHash LSH and rapidfuzz's comparison of all with all",
        "near_duplicates.json",
        of_near_duplicates,
    ),
    Benchmark(
        "Retrieval",
        "retrieval.py",
        "benchmark-retrieval",
        "5 minutes and 800 MB",
        "our search beside LanceDB, txtai and Open WebUI's way with the same vectors of all-MiniLM-L6-v2: the share of the "
        "labelled questions whose place in the talks is found. Ours was made with these labels in sight, the rivals were not; "
        "with a title in front of each chunk the rivals come nearer",
        "retrieval_benchmark.json",
        of_retrieval,
    ),
    Benchmark(
        "Serving",
        "serving.py",
        "benchmark-serving",
        "15 minutes and 2 GB of disk",
        "nothing; it measures how long the page waits for its first source, and whether answers of many clients are mixed up",
        "serving_benchmark.json",
        of_serving,
    ),
    Benchmark(
        "Scale",
        "scale.py",
        "benchmark-scale",
        "12 minutes and 2 GB of disk",
        "Snakemake's own time and memory from 10 to 5,000 videos, with stand-ins for the scripts: dry run, whole run, nothing to "
        "do, one more video",
        "scale_benchmark.json",
        of_scale,
    ),
    Benchmark(
        "Training",
        "train.py",
        "benchmark-train",
        "45 minutes",
        "the rule `adapters` beside `python -m mlx_lm lora`, as it is and with both of the tricks that make it fast on a CPU",
        "train_benchmark.json",
        of_train,
    ),
    Benchmark(
        "A training step",
        "train_profile.py",
        "benchmark-train",
        "1 minute of it",
        "the parts of a step beside the whole; they overlap",
        "train_profile.json",
        of_train_profile,
    ),
    Benchmark(
        "Export",
        "export.py",
        "benchmark-export",
        "25 minutes and 24 GB of disk; `make references` before it, once",
        "F16 and Q4_K_M beside llama.cpp's own converter and quantizer, from 135 million to 3 billion weights",
        "export_benchmark.json",
        of_export,
    ),
    Benchmark(
        "Answers to held-out questions",
        "evaluation.py",
        "benchmark-evaluation",
        "30 minutes",
        "batches of MLX and llama.cpp beside one question after the other",
        "evaluation_benchmark.json",
        of_evaluation,
    ),
    Benchmark(
        "Coverage of the intervals",
        "interval_coverage.py",
        "benchmark-coverage",
        "1 minute",
        "the interval of the evaluation beside four others, how often they hold the true mean; nominal is 95 %",
        "interval_coverage.json",
        of_interval_coverage,
    ),
)


def made_page() -> str:
    """Return the whole page."""
    return OPENING + "\n".join(section(benchmark) for benchmark in BENCHMARKS)


def section(benchmark: Benchmark) -> str:
    return (
        f"## {benchmark.title}\n\n"
        f"`make {benchmark.target}` · {benchmark.takes} · [{benchmark.script}]({benchmark.script})\n\n"
        f"What it compares: {benchmark.compares}.\n\n{recorded(benchmark)}"
    )


def recorded(benchmark: Benchmark) -> str:
    """The last figures with day and machine, and the picture; or that there are none."""
    path = DOCS / benchmark.record
    if not path.exists():
        return "Not recorded yet.\n"
    record = read_json(path)
    load = record["load_before"]
    lines = "".join(f"- {line}\n" for line in benchmark.figures(record))
    picture = path.with_suffix(".png")
    shown = f"\n![{benchmark.title}](../docs/{picture.name})\n" if picture.exists() else ""
    machine = record["machine"] + ("" if load is None else f", a load of {load} before")
    head = f"[Recorded](../docs/{path.name}) on {record['date']} ({machine})"
    return f"{head}:\n\n{lines}{shown}"


if __name__ == "__main__":
    PAGE.write_text(made_page(), encoding="utf-8")
