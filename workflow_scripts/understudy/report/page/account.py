"""What a project took and is: time, tokens and money by stage, every setting, version and hash."""

import csv
import json
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from understudy.shared.credentials import known_secrets, without_secrets
from understudy.shared.files import file_sha256
from understudy.teacher.spending import ledger_lines

# In the order that data flows; a benchmark file's name begins with its rule's.
STAGES = {
    "videos": "list of videos",
    "transcripts": "transcripts",
    "questions": "questions",
    "answers": "answers",
    "reworded": "reworded questions",
    "grounded": "answers rewritten from passages",
    "reader": "second reader",
    "dataset": "data set",
    "models": "base model",
    "replay_rows": "general rows",
    "adapters": "training",
    "fused": "fusing",
    "hf": "Hugging Face folder",
    "gguf": "GGUF files",
    "ladder": "proof of the export",
    "held_out_answers": "answers to held-out questions",
    "held_out_passages": "passages for held-out questions",
    "context_answers": "answers with passages",
    "evaluation": "evaluation",
    "judge": "judge",
}
PACKAGES = (
    *("snakemake", "yt-dlp", "youtube-transcript-api", "openai", "xllamacpp", "pandas", "markdown-it-py", "scipy"),
    *("mlx", "mlx-lm", "tokenizers", "safetensors", "huggingface-hub", "gguf", "libgguf", "scikit-learn", "numpy"),
)
# How this machine reaches the others is nobody else's business.
NOT_SHOWN = ("source.proxy", "source.cookies")


class StageTime(NamedTuple):
    """A stage: its jobs, their seconds together, and the largest memory of one in megabytes."""

    stage: str
    jobs: int
    seconds: float
    peak_mb: float


def times_by_stage(benchmarks: Path, name: str) -> list[StageTime]:
    """Return what the last job of each file took, from Snakemake's benchmark files of the project `name`."""
    found: dict[str, list[dict[str, float]]] = {}
    for path in sorted(benchmarks.rglob("*.tsv")):
        parts = path.relative_to(benchmarks).with_suffix("").parts
        of_model = parts[1] if parts[0] == name and len(parts) > 1 else parts[0]
        stage = next((rule for rule in STAGES if of_model == rule or of_model.startswith(f"{rule}-")), None)
        if stage and (measured := numbers_of(path)):
            found.setdefault(stage, []).append(measured)
    return [
        StageTime(STAGES[rule], len(jobs), sum(job["s"] for job in jobs), max(job["max_rss"] for job in jobs))
        for rule in STAGES
        if (jobs := found.get(rule))
    ]


def numbers_of(path: Path) -> dict[str, float] | None:
    """Seconds and megabytes of a benchmark file; a job too short for a look at its memory has `NA`, which is 0 here."""
    with path.open(newline="", encoding="utf-8") as opened:
        line = next(csv.DictReader(opened, delimiter="\t"), None)
    if not line:
        return None
    return {key: float(line[key]) if line[key] not in ("NA", "-", "") else 0.0 for key in ("s", "max_rss")}


def spending_by_pass(folder: Path) -> list[dict[str, Any]]:
    """Return requests, tokens and US dollars (None without prices) of each pass, from the project's ledgers."""
    passes: dict[str, list[dict]] = {}
    for line in ledger_lines(folder):
        passes.setdefault(line["pass"], []).append(line)
    return [spent(name, lines) for name, lines in passes.items()]


def spent(name: str, lines: list[dict]) -> dict[str, Any]:
    counted = ("prompt_tokens", "cached_tokens", "completion_tokens")
    prices = [line["usd"] for line in lines if line.get("usd") is not None]
    tokens = {key: sum(line.get(key, 0) for line in lines) for key in counted}
    return {"pass": name, "requests": len(lines), **tokens, "usd": sum(prices) if prices else None}


def flat_settings(config: dict[str, Any], before: str = "") -> dict[str, str]:
    """Return every key of the configuration, `training.seed` for a nested one, with its value as text and without secrets."""
    flat: dict[str, str] = {}
    for key, value in config.items():
        name = f"{before}{key}"
        if isinstance(value, dict) and value:
            flat |= flat_settings(value, f"{name}.")
        else:
            flat[name] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if name in NOT_SHOWN and value is not None:
            flat[name] = "(set)"
    secrets = known_secrets() if not before else []
    return flat if before else {name: without_secrets(text, secrets) for name, text in flat.items()}


def versions() -> dict[str, str]:
    """Return the versions of Python, the system and the packages that shape what is made, those that are there."""
    found = {"Python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def hashes(paths: Iterable[str]) -> dict[str, str]:
    """Return the sha256 of each file by its path."""
    return {path: file_sha256(path) for path in paths}
