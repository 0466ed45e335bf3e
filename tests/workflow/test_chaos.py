"""200 videos, a server that fails one request in five and kills connections, and a run that is killed five times."""

import random
from collections import Counter

import pytest

from fake_teacher import OVERLOADED, TOO_MANY, FakeTeacher, Fault
from project import Project
from understudy.shared.files import read_json

VIDEOS = 200
KILLS = 5
FAULTS = [
    OVERLOADED,
    TOO_MANY,
    Fault(how="reset"),
    Fault(how="cut"),
    Fault(how="not_json"),
    Fault(502, "<html>Bad gateway</html>"),
]


def failing_one_in_five(seed: int):
    """The same faults for the same requests in the same order, in every run."""
    chance = random.Random(seed)
    return lambda request, number: chance.choice(FAULTS) if chance.random() < 0.2 else None


@pytest.mark.long
def test_every_slot_has_its_answer_and_nothing_was_paid_twice(tmp_path, tiny_base):
    with FakeTeacher(delay_s=0.05) as server:
        server.fault_of = failing_one_in_five(seed=7)
        project = Project.made_in(tmp_path / "project", server.base_url, tiny_base)
        for number in range(VIDEOS - 2):
            project.add_talk(f"subject {number}")
        project.configure(teacher={"backoff_s": 0.05, "retries": 12}, dataset={"valid_fraction": 0.2})
        arguments = ("--cores", "4", "--", "data/review/answers.md")
        in_flight_at_kills = 0
        for kill in range(1, KILLS + 1):
            project.killed_when(lambda reached=kill * VIDEOS * 4 // (KILLS + 1): server.served >= reached, *arguments)
            in_flight_at_kills += 16
            project.snakemake("--unlock")
        project.snakemake(*arguments)
        served = Counter(server.served_digests)
    statuses = Counter(read_json(path)["status"] for path in project.path.glob("data/answers/*/*.json"))
    assert statuses == {"ok": VIDEOS * 3, "unused": VIDEOS}
    assert len(served) == VIDEOS * 4
    twice = sum(count - 1 for count in served.values())
    broken = server.lost
    assert twice <= in_flight_at_kills + broken, (
        f"{twice} replies were made again, {broken} were broken off by the server"
    )
    print(
        f"\n{len(server.requests)} requests, {sum(served.values())} replies, {broken} of them broken off, {twice} made again"
    )
