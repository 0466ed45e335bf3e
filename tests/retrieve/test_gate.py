"""The rule gate: what it measures, what it does with few questions, and that nothing half made stays."""

import numpy as np
import pytest

from labelled_gate import OTHERS
from talks_to_search import WORDS_ALONE, index_talks, search_in, transcript, write_talks
from understudy.passages.gate import BY_WORDS, GATE, Gate
from understudy.passages.store import INDEX, PASSAGES, RECORD
from understudy.retrieve import gate as rule
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json, write_json_lines

THINGS = {
    "tomatoes": ("water", "stake", "feed", "prune", "harvest", "shade"),
    "bicycles": ("oil", "brake", "pedal", "saddle", "puncture", "gears"),
    "violins": ("rosin", "bow", "string", "tune", "bridge", "varnish"),
}
PAIRS = "pairs.jsonl"


@pytest.fixture
def project(tmp_path):
    """Three talks of different fields with their index, and 36 questions about them."""
    talks, pairs = [], []
    for name, words in THINGS.items():
        video_id = f"{name:_<11}"
        said = [f"About {name} and {word}: the {word} of {name} wants care each week." for word in words]
        talks.append(transcript(video_id, [[9.0 * n, 9.0, text] for n, text in enumerate(said)], name.title()))
        for word in words:
            questions = (f"How does the {word} of {name} get its care?", f"Which {word} do {name} want each week?")
            pairs += [{"question": text, "video_id": video_id, "split": "train"} for text in questions]
    write_talks(tmp_path, talks)
    index_talks(tmp_path)
    write_json_lines(tmp_path / PAIRS, pairs)
    return tmp_path


def build(project, others=OTHERS) -> dict:
    rule.build_gate(str(project / PAIRS), str(others), str(project / INDEX / RECORD), str(project / GATE), WORDS_ALONE)
    return read_json(project / GATE)


def test_a_gate_is_measured_on_talks_it_was_not_made_of(project):
    record = build(project)
    assert record["calibrated"] and record["vectors"] is None
    assert record["counts"] == {"answered": 36, "other_fields": 158, "left_out": 36, "beside_each": 4}
    words = record["words"]
    assert tuple(words["figures"]) == BY_WORDS and len(words["coefficients"]) == 3
    assert words["answered_refused"] < 0.2 < 0.5 < words["other_fields_refused"] and words["left_out_refused"] > 0.5
    gate, search = Gate.read(project / GATE), search_in(project)
    gate.check(search)
    assert gate.decide("Which oil do bicycles want each week?", None, search).kind == "talks"
    assert gate.decide("Which planet is the closest to the Sun?", None, search).kind == "not_covered"


def test_the_same_talks_give_the_same_bytes_and_the_index_stays_as_it_was(project):
    before = (project / INDEX / PASSAGES).read_bytes()
    build(project)
    first = (project / GATE).read_bytes()
    build(project)
    assert (project / GATE).read_bytes() == first and (project / INDEX / PASSAGES).read_bytes() == before
    assert not list((project / INDEX).glob(f"{rule.COPY}*"))


def test_only_questions_of_training_talks_count(project):
    rows = [{"question": f"Which {n}?", "video_id": "held-out-id", "split": "valid"} for n in range(40)]
    no_talk = [{"question": f"Why {n}?", "video_id": None, "split": "train"} for n in range(40)]
    write_json_lines(project / PAIRS, rows + no_talk)
    assert build(project)["counts"] == {"questions": 0, "talks": 0}


def test_few_questions_give_the_stated_default_which_works(project):
    write_json_lines(project / PAIRS, [])
    record = build(project)
    assert not record["calibrated"] and "their error here is not known" in record["says"]
    gate, search = Gate.read(project / GATE), search_in(project)
    assert gate.decide("Which oil do bicycles want each week?", None, search).kind == "talks"
    assert gate.decide("Who pays the deposit back when a landlord is dead?", None, search).kind == "not_covered"


def test_a_channel_with_many_pairs_takes_as_long_as_one_with_some(project):
    many = [{"question": f"Which oil number {n}?", "video_id": "bicycles___", "split": "train"} for n in range(500)]
    write_json_lines(project / PAIRS, many)
    assert len(rule.questions_of_talks(str(project / PAIRS))) == rule.MOST_QUESTIONS


@pytest.mark.parametrize("row", ['{"question": 3}', "[]", '{"answer": "x"}'])
def test_a_line_without_a_question_is_named(project, row):
    (project / PAIRS).write_text('{"question": "Why?"}\n' + row + "\n")
    with pytest.raises(InputFileError, match=r"pairs\.jsonl, line 2: there is no question"):
        build(project)


def test_a_job_that_fails_leaves_the_old_gate_and_no_copy(project, monkeypatch):
    build(project)
    before = (project / GATE).read_bytes()
    monkeypatch.setattr(rule, "calibrated_gate", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        build(project)
    assert (project / GATE).read_bytes() == before and not list((project / INDEX).glob(f"{rule.COPY}*"))


def test_logistic_finds_what_drew_the_sample():
    draw = np.random.default_rng(1)
    values = draw.normal(size=(4000, 2)) * [1, 10] + [0, 5]
    answered = draw.random(4000) < 1 / (1 + np.exp(-(2 * values[:, 0] - 0.1 * values[:, 1] + 1)))
    coefficients, intercept = rule.logistic(values, answered, np.ones(4000))
    assert coefficients == pytest.approx([2, -0.1], rel=0.15) and intercept == pytest.approx(1, abs=0.15)
