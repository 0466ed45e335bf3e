"""The time left, replayed from recorded runs, none of which the rates were taken from: no clock is read.

A recording's first line has what the project's configuration says of the work, each other one an event with its seconds since the
beginning. demo.jsonl is the demo on two cores that were quiet at first and then shared with other work; garden.jsonl is a project
of the same talks with hand-written pairs and stored replies, and asks its model in the end; wheels.jsonl asks a teacher
behind HTTP about five talks, on two cores with a load of 28."""

import json
from pathlib import Path
from statistics import median

import pytest
import yaml

from project import REPOSITORY
from understudy.commands.running.events import Run
from understudy.commands.running.rates import OF_ANOTHER_MACHINE
from understudy.commands.running.running import stage_now
from understudy.commands.running.time_left import Steady, TimeLeft
from understudy.commands.running.work import Project

RECORDED = REPOSITORY / "tests/recorded_runs"


class Replayed:
    """A recorded run, looked at once a second: `looks` are seconds since its beginning, the stage, and the seconds left."""

    def __init__(self, path: Path):
        about, *events = map(json.loads, path.read_text().splitlines())
        began, ended = events[0]["time"], events[-1]["time"]
        self.seconds = ended - began
        run = Run(began=began)
        time_left = TimeLeft(Project(**about), yaml.safe_load(OF_ANOTHER_MACHINE.read_text()), {})
        steady, self.looks = Steady(began), []
        for second in range(int(self.seconds)):
            now = began + second
            while events and events[0]["time"] <= now:
                run.take(events.pop(0))
            stage = stage_now(run)
            self.looks.append((second, stage, steady.shown(stage, now, time_left.seconds(run, now))))

    def error(self, second: int) -> float:
        """By what share the time left was wrong."""
        _, _, said = self.looks[second]
        true = self.seconds - second
        return abs(said - true) / true

    def at_tenths(self) -> list[float]:
        return [self.error(int(self.seconds * tenth / 10)) for tenth in range(1, 10)]


@pytest.fixture(params=["demo", "garden", "wheels"])
def replayed(request):
    return Replayed(RECORDED / f"{request.param}.jsonl")


def test_after_the_first_tenth_half_of_what_is_said_is_off_by_less_than_a_fifth(replayed):
    after = range(int(replayed.seconds / 10), int(replayed.seconds))
    assert median(map(replayed.error, after)) < 0.2, [f"{error:.0%}" for error in replayed.at_tenths()]


def test_within_a_stage_the_end_moves_by_less_than_a_tenth_of_the_whole_in_a_minute(replayed):
    looks = replayed.looks
    for before, after in zip(looks, looks[60:], strict=False):
        stages = {stage for _, stage, _ in looks[before[0] : after[0] + 1]}
        if len(stages) == 1 and before[2] is not None:
            whole = before[0] + before[2]
            assert abs(after[0] + after[2] - whole) < 0.1 * whole, (before, after)


def test_nothing_is_said_before_the_talks_are_listed():
    run = Run()
    about = {"slots": 3, "extra_pairs": 0, "epochs": 1, "valid_fraction": 0.2, "passages": 0, "examples": 9}
    time_left = TimeLeft(Project(**about, base="x-135M", is_embedded=True), {}, {})
    assert time_left.seconds(run, 0) is None
    run.take({"time": 0, "event": "plan", "jobs": {"videos": 1, "dataset": 1}})
    assert time_left.seconds(run, 0) is None
    run.take({"time": 0, "event": "begins", "job": 1, "rule": "videos", "of": {}, "log": []})
    run.take({"time": 1, "event": "ends", "job": 1})
    assert time_left.seconds(run, 1) > 0
