"""What a project's runs have made: the files, the losses, the time by stage, and how to talk to the model."""

import csv
import shlex
import time
from pathlib import Path

from understudy.shared.files import read_json
from understudy.shared.formats import as_duration, counted

# Fewer held-out talks have no interval that would mean something.
TALKS_THAT_SAY = 4
STAGES = {
    "talks": ("videos.tsv", "transcripts/*.tsv"),
    "questions and answers": ("questions/*.tsv", "answers/*.tsv"),
    "data set": ("dataset.tsv", "dataset/*.tsv"),
    "base model": ("models/base/*.tsv",),
    "training": ("{name}/lora_config.tsv", "{name}/adapters.tsv"),
    "export": ("{name}/fused.tsv", "{name}/hf.tsv", "{name}/gguf-*.tsv"),
}


def summary(project: Path, name: str, started: float | None) -> str:
    """Return the lines to print at the end of a run of the model `name` that began at `started` (seconds since the epoch): what
    was made, how good it is, how to talk to it, and where the report is; of what there isn't, nothing."""
    files = sorted((project / "models").glob(f"{name}-*.gguf"))
    took = f", made in {as_duration(time.time() - started)}" if started else ""
    lines = [
        f"{file}  {file.stat().st_size / 1e6:.0f} MB{took if file.stat().st_mtime >= (started or 0) else ''}"
        for file in files
    ]
    said = [rows_line(project), loss_line(project / "models" / name / "adapters/kept.json"), time_line(project, name)]
    lines += filter(None, said)
    command = f"understudy --directory {shlex.quote(str(project))}" if project != Path() else "understudy"
    if not files:
        lines += filter(None, [index_line(project, command)])
        return "\n".join([*lines, f"No model yet: `{command} run` makes everything."])
    lines += [quality_line(project, name, command), report_line(project, name, command)]
    lines += ["", "The model has learned a voice and a form, not facts. Talk to it:", ""]
    chat, serve = ("make chat", "make serve") if project == Path("demo") else (f"{command} chat", f"{command} serve")
    lines += [f"    {chat}", f"    {serve}    # a page, with the places in the talks beside each answer"]
    return "\n".join(lines)


def rows_line(project: Path) -> str:
    """How many talks and rows went into the training."""
    path = project / "data/dataset/report.json"
    if not path.exists():
        return ""
    report = read_json(path)
    rows = report["rows"]
    return f"{report['videos']} talks, {rows['train']} training rows, {rows['valid']} rows of held-out talks"


def index_line(project: Path, command: str) -> str:
    """How many talks can be searched, and how."""
    path = project / "data/index/index.json"
    return (
        f'{counted(read_json(path)["talks"], "talk")} can be searched: `{command} search "..."`'
        if path.exists()
        else ""
    )


def loss_line(kept_file: Path) -> str:
    """Validation loss before the first step and of the adapters that are kept."""
    if not kept_file.exists():
        return ""
    record = read_json(kept_file)
    first, kept = record["first_valid_loss"], record["kept"]["valid_loss"] or record["last"]["valid_loss"]
    return f"Validation loss on the held-out talks: {first:.3f} -> {kept:.3f} ({100 * (kept / first - 1):+.0f} %)"


def quality_line(project: Path, name: str, command: str) -> str:
    """How good the model is, in one honest sentence."""
    evaluation = project / "models" / name / "evaluation.json"
    adapters = project / "models" / name / "adapters/adapters.safetensors"
    if not evaluation.exists() or (adapters.exists() and evaluation.stat().st_mtime < adapters.stat().st_mtime):
        return f"How good: not measured; `{command} run models/{name}/report.html` does it."
    record = read_json(evaluation)
    talks, rows = record["videos"], len(record["rows"])
    if talks < TALKS_THAT_SAY:
        return f"How good: {counted(rows, 'question')} of {counted(talks, 'held-out talk')} are too few to say."
    opening = record["verdict"]["opening"].removesuffix(".")
    return f"How good: {opening[0].lower()}{opening[1:]}, on {counted(rows, 'question')} of {counted(talks, 'held-out talk')}."


def report_line(project: Path, name: str, command: str) -> str:
    report = project / "models" / name / "report.html"
    return f"Report: {report}" if report.exists() else f"Report: none yet; `{command} run models/{name}/report.html`"


def time_line(project: Path, name: str) -> str:
    """Seconds of all jobs of a stage, from the rules' benchmark files."""
    spent = {
        stage: sum(benchmark_seconds(path) for pattern in patterns for path in benchmarks(project, pattern, name))
        for stage, patterns in STAGES.items()
    }
    parts = [f"{stage} {as_duration(seconds)}" for stage, seconds in spent.items() if seconds]
    return f"Time by stage: {', '.join(parts)}" if parts else ""


def benchmarks(project: Path, pattern: str, name: str) -> list[Path]:
    return sorted((project / "logs/benchmarks").glob(pattern.format(name=name)))


def benchmark_seconds(path: Path) -> float:
    """Wall time of a job: column `s` of Snakemake's benchmark file."""
    with path.open(newline="", encoding="utf-8") as opened:
        return sum(float(row["s"]) for row in csv.DictReader(opened, delimiter="\t"))
