"""How much work a job is, in units that take about the same time on one machine whatever the project: a short embedded model, a
talk of ten minutes, a hundred short rows."""

import re
from dataclasses import dataclass
from pathlib import Path

from understudy.commands.running.events import Job, Run

# A talk's transcript of ten minutes; a base model of 135 million parameters at two bytes each.
TALK_BYTES, BASE_BYTES = 10_000, 270_000_000
# A row of a taught pair, of a hand-written one, and what passages add to one, in bytes.
ROW_BYTES, PASSAGES_BYTES = 700, 1_200
PARAMETERS = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)([bm])(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class Project:
    """What a configuration says of the work: answers a talk, pairs written by hand, epochs, held-out share, share of rows with
    passages, questions of the evaluation, the base's name, and whether the teacher is embedded."""

    slots: int
    extra_pairs: int
    epochs: float
    valid_fraction: float
    passages: float
    examples: int
    base: str
    is_embedded: bool

    @classmethod
    def of(cls, config: dict) -> "Project":
        """Of a checked configuration, in the project's folder."""
        extra = config["source"]["pairs"] or config["dataset"]["extra_pairs"]
        grounding = config["grounding"]
        return cls(
            slots=config["questions"]["per_video"],
            extra_pairs=sum(1 for _ in open(extra, "rb")) if extra and Path(extra).is_file() else 0,
            epochs=config["training"]["epochs"],
            valid_fraction=config["dataset"]["valid_fraction"],
            passages=1 - grounding["plain_fraction"] if grounding["rows"] else 0.0,
            examples=config["evaluation"]["max_examples"],
            base=config["base_model"],
            is_embedded=config["teacher"]["gguf"] is not None,
        )


def units(rule: str, job: Job | None, run: Run, project: Project) -> float:
    """How much work a job of a rule is; one that isn't known yet is as much as those of the other talks."""
    talk = talk_units(rule, job, run)
    base = (run.base_bytes or bytes_of_name(project.base)) / BASE_BYTES
    match rule:
        case "questions":
            return 0.5 + talk
        case "answers" | "grounded":
            return (0.5 + talk) * project.slots / 3
        case "adapters":
            return 0.1 + base * train_bytes(run, project) * project.epochs / (100 * ROW_BYTES)
        case "held_out_answers" | "context_answers":
            return base * (2 + min(project.examples, held_out_rows(run, project)) / 10)
        case "base_model" | "fused" | "hf" | "gguf" | "mlx" | "ladder":
            return 0.2 + 0.8 * base
    return 1.0


def talk_units(rule: str, job: Job | None, run: Run) -> float:
    """The length of the job's talk, or the mean length of the talks that the rule hasn't begun with."""
    if job and job.talk in run.talks:
        return run.talks[job.talk] / TALK_BYTES
    begun = {other.talk for other in run.by_rule[rule]}
    left = [size for talk, size in run.talks.items() if talk not in begun] or list(run.talks.values())
    return sum(left) / len(left) / TALK_BYTES if left else 1.0


def pairs_expected(run: Run, project: Project) -> float:
    """How many pairs the talks will give."""
    return project.extra_pairs + project.slots * max(run.planned["answers"], len(run.talks), 1)


def train_bytes(run: Run, project: Project) -> float:
    row = ROW_BYTES + project.passages * PASSAGES_BYTES
    return run.rows.get("train_bytes") or pairs_expected(run, project) * (1 - project.valid_fraction) * row


def held_out_rows(run: Run, project: Project) -> float:
    return run.rows.get("valid") or pairs_expected(run, project) * project.valid_fraction


def bytes_of_name(base: str) -> float:
    """What a base model takes as its name tells, at two bytes a parameter; without a number in it, as much as a usual one."""
    if not (found := PARAMETERS.search(re.sub(r"[-_/]", " ", base))):
        return BASE_BYTES
    return float(found[1]) * {"b": 1e9, "m": 1e6}[found[2].lower()] * 2
