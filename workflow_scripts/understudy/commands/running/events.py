"""What has happened in a run until now, from its events: those of Snakemake's plugin, and those that the project's files tell.

An event is a dictionary with its `time` in seconds since the epoch. `event` is one of: plan (jobs by rule), begins, ends, fails
(of a job), says (a warning or an error), page (what was seen before the first job), talk (a transcript's bytes), rows (of the
data set), base (the model's bytes), asked (a settled request), step (of the training). A recorded run is the file of these
lines."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field


@dataclass
class Job:
    """A job of Snakemake that has begun."""

    rule: str
    wildcards: dict[str, str]
    logs: list[str]
    began: float
    ended: float | None = None
    has_failed: bool = False
    requests: int = 0

    @property
    def is_running(self) -> bool:
        return self.ended is None

    @property
    def talk(self) -> str | None:
        return self.wildcards.get("video_id")


@dataclass
class Step:
    """The training after an iteration."""

    time: float
    iteration: int
    iterations: int
    said: str = ""


@dataclass
class Run:
    """A run until now."""

    slots: int = 1
    began: float = 0.0
    planned: Counter = field(default_factory=Counter)
    jobs: dict[int, Job] = field(default_factory=dict)
    by_rule: defaultdict[str, list[Job]] = field(default_factory=lambda: defaultdict(list))
    talks: dict[str, int] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    base_bytes: int | None = None
    says: list[tuple[str, str]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    tokens: int = 0
    usd: float | None = None
    is_stopped: bool = False

    def take(self, event: dict) -> None:
        """Take in an event; of a kind that isn't known, nothing is."""
        if take := getattr(self, f"_take_{event['event']}", None):
            take(event)

    def running(self, rule: str | None = None) -> list[Job]:
        return [job for job in (self.by_rule[rule] if rule else self.jobs.values()) if job.is_running]

    def ended(self, rule: str) -> list[Job]:
        """The jobs of a rule that have ended well."""
        return [job for job in self.by_rule[rule] if not job.is_running and not job.has_failed]

    def failed(self) -> list[Job]:
        return [job for job in self.jobs.values() if job.has_failed]

    def to_come(self, rule: str) -> int:
        """How many jobs of a rule have not begun."""
        return max(0, self.planned[rule] - len(self.by_rule[rule]))

    def _take_plan(self, event: dict) -> None:
        self.planned = Counter(event["jobs"])

    def _take_begins(self, event: dict) -> None:
        self._add(event, event["of"])

    def _add(self, event: dict, wildcards: dict[str, str]) -> Job:
        job = Job(event["rule"], wildcards, event["log"], event["time"])
        self.jobs[event["job"]] = job
        self.by_rule[job.rule].append(job)
        return job

    def _take_ends(self, event: dict) -> None:
        if job := self.jobs.get(event["job"]):
            job.ended = event["time"]

    def _take_fails(self, event: dict) -> None:
        job = self.jobs.get(event["job"]) or self._add(event, {})
        job.ended, job.has_failed = event["time"], True

    def _take_says(self, event: dict) -> None:
        self.says.append((event["level"], event["text"]))

    def _take_talk(self, event: dict) -> None:
        self.talks[event["talk"]] = event["bytes"]

    def _take_rows(self, event: dict) -> None:
        self.rows = {name: event[name] for name in ("train", "valid", "train_bytes")}

    def _take_base(self, event: dict) -> None:
        self.base_bytes = event["bytes"]

    def _take_asked(self, event: dict) -> None:
        self.asked.append(event["time"])
        self.tokens += event["tokens"]
        if event["usd"] is not None:
            self.usd = (self.usd or 0.0) + event["usd"]
        for job in self.running(event["pass"]):
            if job.talk == event["talk"]:
                job.requests += 1

    def _take_step(self, event: dict) -> None:
        self.steps.append(Step(event["time"], event["iteration"], event["of"], event.get("said", "")))
