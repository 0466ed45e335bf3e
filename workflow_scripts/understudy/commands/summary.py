"""What a project's runs have made: the files, the losses, the time by stage, and how to talk to the model."""

import csv
import shlex
import time
from pathlib import Path

from understudy.shared.files import read_json
from understudy.shared.formats import as_duration

STAGES = {
    "talks": ("videos.tsv", "transcripts/*.tsv"),
    "questions and answers": ("questions/*.tsv", "answers/*.tsv"),
    "data set": ("dataset.tsv", "dataset/*.tsv"),
    "base model": ("models/base/*.tsv",),
    "training": ("{name}/lora_config.tsv", "{name}/adapters.tsv"),
    "export": ("{name}/fused.tsv", "{name}/hf.tsv", "{name}/gguf-*.tsv"),
}


def summary(project: Path, name: str, started: float | None) -> str:
    """Return the lines to print at the end of a run of the model `name` that began at `started` (seconds since the epoch)."""
    files = sorted((project / "models").glob(f"{name}-*.gguf"))
    took = f", made in {as_duration(time.time() - started)}" if started else ""
    lines = [
        f"{file}  {file.stat().st_size / 1e6:.0f} MB{took if file.stat().st_mtime >= (started or 0) else ''}"
        for file in files
    ]
    lines += [rows_line(project), loss_line(project / "models" / name / "adapters/kept.json"), time_line(project, name)]
    lines += ["", "The model has learned a voice and a form, not facts. Talk to it:", ""]
    command = f"    understudy --directory {shlex.quote(str(project))}"
    chat, serve = (
        ("    make chat", "    make serve") if project == Path("demo") else (f"{command} chat", f"{command} serve")
    )
    lines += [chat, f"{serve}    # a page, with the places in the talks beside each answer"]
    return "\n".join(lines)


def rows_line(project: Path) -> str:
    """How many talks and rows went into the training."""
    report = read_json(project / "data/dataset/report.json")
    rows = report["rows"]
    return f"{report['videos']} talks, {rows['train']} training rows, {rows['valid']} rows of held-out talks"


def loss_line(kept_file: Path) -> str:
    """Validation loss before the first step and of the adapters that are kept."""
    record = read_json(kept_file)
    first, kept = record["first_valid_loss"], record["kept"]["valid_loss"] or record["last"]["valid_loss"]
    return f"Validation loss on the held-out talks: {first:.3f} -> {kept:.3f} ({100 * (kept / first - 1):+.0f} %)"


def time_line(project: Path, name: str) -> str:
    """Seconds of all jobs of a stage, from the rules' benchmark files."""
    spent = {
        stage: sum(benchmark_seconds(path) for pattern in patterns for path in benchmarks(project, pattern, name))
        for stage, patterns in STAGES.items()
    }
    return "Time by stage: " + ", ".join(f"{stage} {as_duration(seconds)}" for stage, seconds in spent.items())


def benchmarks(project: Path, pattern: str, name: str) -> list[Path]:
    return sorted((project / "logs/benchmarks").glob(pattern.format(name=name)))


def benchmark_seconds(path: Path) -> float:
    """Wall time of a job: column `s` of Snakemake's benchmark file."""
    with path.open(newline="", encoding="utf-8") as opened:
        return sum(float(row["s"]) for row in csv.DictReader(opened, delimiter="\t"))
