"""How long a run still takes: what each rule took on this machine, in this run before all, and how much work is left.

What is known before a rule's first job has ended: its seconds a unit of work from earlier runs of the project (logs/benchmarks),
else from other projects on this machine, else from another machine; times how much slower the jobs of this run have been than
that. Each job that ends counts more."""

from collections.abc import Iterable, Mapping
from heapq import heapify, heapreplace
from itertools import accumulate

from understudy.commands.running.events import Job, Run, Step
from understudy.commands.running.stages import STAGES
from understudy.commands.running.work import Project, units

SECONDS_OF_A_SMALL_JOB = 3.0
# So many seconds of jobs as expected hold the machine's pace against the jobs of this run.
STEADYING_S = 5.0
# Jobs of ten minutes ago say half as much of the machine's pace as those of now.
HALF_LIFE_S = 600.0
# The least that is left of a job that takes longer than expected, as a share of what it has taken.
LEAST_LEFT = 0.3
# Of a hosted teacher, until it is known.
SECONDS_OF_A_REQUEST, CALLS_OF_A_TALK, TALKS_AT_ONCE = 8.0, 3, 5
# The last talks tell how fast it is now.
TALKS_OF_A_RATE = 20
FAR_OFF = 2.0
LISTING = "videos"
ASKING = ("questions", "answers")


class TimeLeft:
    """The seconds that a run of a project still takes; `rates` are seconds a unit of work by rule, `earlier` seconds of
    a job by rule, of the project's own earlier runs."""

    def __init__(self, project: Project, rates: Mapping[str, float], earlier: Mapping[str, float]):
        self._project = project
        self._rates = rates
        self._earlier = earlier

    def seconds(self, run: Run, now: float) -> float | None:
        """Seconds left at the time `now`; None while it isn't known which talks there are."""
        if run.to_come(LISTING) or run.running(LISTING) or not run.planned:
            return None
        pace = self.pace(run, now)
        running, to_come = 0.0, 0.0
        for rule in self._rules_here(run.planned):
            now_left, later = self._left_of_rule(rule, run, now, pace)
            at_once = self._at_once(rule, run, now)
            running += now_left / at_once
            to_come += later / at_once
        if self._project.is_embedded:
            return running + to_come
        # A hosted teacher takes no core: what runs beside it is for nothing.
        return max(running, self._left_of_hosted(run, now)) + to_come

    def _rules_here(self, rules: Iterable[str]) -> list[str]:
        """The rules whose jobs compute on this machine."""
        hosted = () if self._project.is_embedded else ASKING
        return [rule for rule in rules if rule in STAGES and rule not in hosted]

    def pace(self, run: Run, now: float) -> float:
        """How many times as long as expected the jobs of this run take; those that lately ended count most, and of those that run
        the part that is done, or all of one that takes too long."""
        took = expected = STEADYING_S
        here = set(self._rules_here(run.by_rule))
        for job in (job for job in run.jobs.values() if job.rule in here):
            before = self._rate_before(job.rule, run) * self._units(job.rule, job, run)
            seconds = (job.ended or now) - job.began
            if job.is_running:
                done = self._share_done(job, run)
                before = before * done if done else min(before, seconds)
                seconds = seconds if done or seconds > before else 0.0
                before = before if seconds else 0.0
            if not job.has_failed:
                weight = 0.5 ** ((now - (job.ended or now)) / HALF_LIFE_S)
                took += weight * seconds
                expected += weight * before
        return took / expected

    def _left_of_rule(self, rule: str, run: Run, now: float, pace: float) -> tuple[float, float]:
        """The seconds left of the jobs that run, and those of the jobs to come."""
        rate = self.rate(rule, run, pace)
        to_come = run.to_come(rule)
        running = sum(self._left_of_job(job, run, now, rate) for job in run.running(rule))
        return running, to_come * rate * self._units(rule, None, run) if to_come else 0.0

    def rate(self, rule: str, run: Run, pace: float) -> float:
        """Seconds a unit of a rule's work: what was known before counts as one job more than have ended."""
        ended = run.ended(rule)
        before = self._rate_before(rule, run) * pace
        if not ended:
            return before
        done = [self._units(rule, job, run) for job in ended]
        one = sum(done) / len(done)
        return (before * one + sum(job.ended - job.began for job in ended)) / (one + sum(done))

    def _left_of_job(self, job: Job, run: Run, now: float, rate: float) -> float:
        expected = rate * self._units(job.rule, job, run)
        taken = now - job.began
        if done := self._share_done(job, run):
            if job.rule == "adapters":
                return self._left_of_training(run, now)
            by_share = taken / done
            return max(0.0, (1 - done) * (done * by_share + (1 - done) * expected))
        return max(expected - taken, LEAST_LEFT * max(expected, taken))

    def _share_done(self, job: Job, run: Run) -> float:
        if job.rule == "adapters" and run.steps and run.steps[-1].time > job.began:
            return run.steps[-1].iteration / run.steps[-1].iterations
        if job.rule == "answers":
            return min(1.0, job.requests / self._project.slots)
        return 0.0

    def _left_of_training(self, run: Run, now: float) -> float:
        """By the training's own steps, of which the later half tells most; the last look takes as long as the first one."""
        began = run.by_rule["adapters"][-1].began
        steps = [step for step in run.steps if step.time >= began]
        first, last = steps[0], steps[-1]
        half = next(step for step in steps if step.iteration >= (first.iteration + last.iteration) / 2)
        first = half if half.iteration < last.iteration else first
        looking = steps[0].time - began if steps[0].iteration == 0 else 0.0
        if first.iteration == last.iteration:
            first = Step(began, 0, last.iterations)
        pace = (last.time - first.time) / (last.iteration - first.iteration)
        return max(0.0, (last.iterations - last.iteration) * pace + looking - (now - last.time))

    def _left_of_hosted(self, run: Run, now: float) -> float:
        """How long both passes still take at a hosted teacher: what a talk's answers take, for so many talks at a time as now."""
        asked = run.running("questions")
        before_answers = (
            0.0
            if run.by_rule["answers"] or not run.planned["questions"]
            else self._seconds_of_pass("questions", run, now)
        )
        answers = self._seconds_of_pass("answers", run, now)
        left = sorted(max(0.0, answers - (now - job.began)) for job in run.running("answers"))
        places = max(
            most_at_once(run.by_rule["answers"]), min(TALKS_AT_ONCE, run.planned["answers"]) if not left else 1
        )
        ends = (left + [0.0] * places)[: max(places, len(left))]
        heapify(ends)
        for _ in range(run.to_come("answers")):
            heapreplace(ends, ends[0] + answers)
        last = max(ends, default=0.0)
        return before_answers + (max(last, self._seconds_of_pass("questions", run, now)) if asked else last)

    def _seconds_of_pass(self, rule: str, run: Run, now: float) -> float:
        """What a pass takes for one talk: as those that have ended, else as far as those that run have come."""
        if ended := run.ended(rule)[-TALKS_OF_A_RATE:]:
            return sum(job.ended - job.began for job in ended) / len(ended)
        running = [job for job in run.running(rule) if job.requests]
        requests = self._project.slots if rule == "answers" else 1
        if running:
            # With each reply the next ones are under way.
            done = [min(1.0, (job.requests + 1) / requests) for job in running]
            return sum((now - job.began) / share for job, share in zip(running, done, strict=True)) / len(running)
        return requests * SECONDS_OF_A_REQUEST / (CALLS_OF_A_TALK if rule == "answers" else 1)

    def _at_once(self, rule: str, run: Run, now: float) -> float:
        """How many jobs of a rule run at a time, those that have to run alone aside."""
        if run.planned[rule] < 2:
            return 1.0
        spans = sorted((job.began, job.ended or now) for job in run.by_rule[rule])
        if sum(end < now for _, end in spans) >= 3:
            return max(1.0, sum(end - began for began, end in spans) / max(covered(spans), 1e-3))
        return 1.0

    def _rate_before(self, rule: str, run: Run) -> float:
        if rule in self._earlier:
            return self._earlier[rule] / self._units(rule, None, run)
        return self._rates.get(rule, SECONDS_OF_A_SMALL_JOB)

    def _units(self, rule: str, job: Job | None, run: Run) -> float:
        return units(rule, job, run, self._project)


def most_at_once(jobs: list[Job]) -> int:
    """The most of the jobs that have run at a time."""
    changes = sorted([(job.began, 1) for job in jobs] + [(job.ended, -1) for job in jobs if job.ended])
    return max(accumulate(change for _, change in changes), default=0)


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """The seconds in which at least one of the sorted spans was."""
    total, until = 0.0, float("-inf")
    for began, ended in spans:
        total += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return total


class Steady:
    """The time left as it is shown: within a stage the end that it comes to moves, in a minute, by less than a tenth of the whole
    run as it is expected. What was less than half of the truth is put right at once."""

    MOST_A_MINUTE = 0.09

    def __init__(self, began: float):
        self._began = began
        self._shown: tuple[str, float, float] | None = None

    def shown(self, stage: str, now: float, left: float | None) -> float | None:
        """The seconds to show at the time `now` in a stage, where `left` are expected."""
        if left is None:
            return None
        end = now + left
        if self._shown and self._shown[0] == stage and self._shown[1] - now > left / FAR_OFF:
            _, before, at = self._shown
            most = self.MOST_A_MINUTE * (before - self._began) * (now - at) / 60
            end = min(max(end, before - most), before + most)
        self._shown = (stage, end, now)
        return max(0.0, end - now)
