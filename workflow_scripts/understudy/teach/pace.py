"""How long the teacher takes, before it was asked and after: by what this project's requests took, else by where it runs."""

import math
import os
import sys
from dataclasses import dataclass
from statistics import mean

from understudy.models.paths import gguf_source
from understudy.shared.errors import InputFileError
from understudy.teacher.api_key import is_loopback

# Seconds of one request at a hosted server: a published run of this kind, and twice as much for models that reason first.
HOSTED_S = {"questions": (8, 40), "answers": (4, 20), "reworded": (4, 25), "grounded": (3, 15), "reader": (4, 25)}
# At a server on this machine, whose model nobody has told: a small one on a GPU, a large one without. It computes them in turn.
LOCAL_S = {"questions": (8, 240), "answers": (4, 120), "reworded": (4, 120), "grounded": (3, 90), "reader": (4, 120)}
# llama.cpp, low and high. Floating-point operations a second and core while it reads, and bytes of the model a second while it
# writes; measured with 135 million parameters on two cores (300 tokens read and 80 written a second), guessed for a Mac.
READS = {"darwin": (60e9, 600e9)}
WRITES = {"darwin": (30e9, 300e9)}
READS_ELSEWHERE, WRITES_ELSEWHERE = (20e9, 60e9), (6e9, 15e9)
# Four bits and scales; a multiplication and an addition for each weight.
BITS_OF_A_WEIGHT, OPERATIONS_OF_A_WEIGHT = 5, 2
# Snakemake's local executor runs five more jobs at a time than it has cores.
MORE_JOBS = 5


@dataclass(frozen=True)
class Work:
    """What a pass has left: its requests, their tokens that no cache has, and those of a reply; each low and high."""

    calls: int
    read: tuple[float, float]
    written: tuple[float, float]


@dataclass(frozen=True)
class Pace:
    """Where the teacher runs and how many requests it gets at a time: `total` over all jobs, `question_jobs` in pass 1."""

    teacher: dict
    total: int
    question_jobs: int
    videos: int

    @classmethod
    def of(cls, teacher: dict, limits: dict[str, int], videos: int) -> "Pace":
        """`limits` are those of the profile: llm and question_jobs."""
        total = limits["llm"]
        if teacher["gguf"] is not None:
            # One job at a time has all calls, and a job has no more than `concurrency`.
            total = min(total, teacher["concurrency"])
        else:
            jobs = min(videos or 1, (os.cpu_count() or 1) + MORE_JOBS)
            total = min(total, jobs * min(math.ceil(total / jobs), teacher["concurrency"]))
        return cls(teacher, total, limits.get("question_jobs", total), videos)

    def in_flight(self, pass_: str) -> int:
        """Requests of a pass at a time. Pass 1 sends one a job."""
        if self.teacher["gguf"] is not None:
            return 1 if pass_ in ("questions", "reworded") else self.total
        return min(self.total, self.question_jobs, self.videos or 1) if pass_ == "questions" else self.total

    def seconds(self, pass_: str, work: Work, lines: list[dict]) -> tuple[float, float]:
        """Low and high for the whole pass; `lines` are those of the ledger."""
        if not work.calls:
            return 0.0, 0.0
        in_flight = min(self.in_flight(pass_), work.calls)
        taken = [line["seconds"] for line in lines if line["pass"] == pass_ and line.get("seconds") is not None]
        if taken:
            return 0.8 * mean(taken) * work.calls / in_flight, 1.2 * mean(taken) * work.calls / in_flight
        if self.teacher["gguf"] is not None:
            return self._computed(work)
        if is_loopback(self.teacher["base_url"]):
            low, high = LOCAL_S[pass_]
            return work.calls * low / in_flight, float(work.calls * high)
        low, high = HOSTED_S[pass_]
        return work.calls * low / in_flight, work.calls * high / in_flight

    def _computed(self, work: Work) -> tuple[float, float]:
        """By the model's size: the requests share the machine, so their number at a time makes none faster than `high`.

        Raises InputFileError where the file is empty."""
        path = gguf_source(self.teacher["gguf"], "teacher.gguf")
        size = path.stat().st_size
        if not size:
            raise InputFileError(f"{path}: the file is empty. Fetch the model of teacher.gguf anew.")
        operations = OPERATIONS_OF_A_WEIGHT * size * 8 / BITS_OF_A_WEIGHT
        cores = os.cpu_count() or 1
        reads = [each * cores / operations for each in READS.get(sys.platform, READS_ELSEWHERE)]
        writes = [each / size for each in WRITES.get(sys.platform, WRITES_ELSEWHERE)]
        low, high = (
            (work.read[end] / reads[1 - end] + work.calls * work.written[end] / writes[1 - end]) for end in (0, 1)
        )
        return low, high
