"""Several evaluations beside one another: what was asked alike is compared with intervals, what wasn't is said."""

import json
import logging
import random

import pytest

from held_out_records import base_answer, held_out_rows, record, teacher_answer, write_records, write_training_set
from random_llama import write_small_tokenizer
from understudy.evaluate.evaluation import evaluate
from understudy.report.compare import compare_evaluations
from understudy.shared.errors import ConfigurationError, InputFileError
from understudy.shared.files import read_json, write_json

ROWS = held_out_rows()
BASE = [base_answer(row["subject"], random.Random(row["row"])) for row in ROWS]
TUNED = [teacher_answer(row["subject"], random.Random(1000 + row["row"])) for row in ROWS]


@pytest.fixture
def told(monkeypatch, caplog, tmp_path):
    """Compare in a project directory; return what is said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logging.getLogger("understudy"), "propagate", True)
    caplog.set_level(logging.INFO, logger="understudy")

    def compared(*given: str) -> str:
        caplog.clear()
        compare_evaluations(given)
        return "\n".join(caplog.messages)

    return compared


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory):
    """An evaluation as it is written, of a tuned model with this loss and these answers."""
    folder = tmp_path_factory.mktemp("evaluation")
    write_small_tokenizer(folder, 512)
    train, pairs, _ = write_training_set(folder)

    def made(loss: float, answers=TUNED, rows=ROWS, **settings) -> dict:
        base = record("base", rows, BASE[: len(rows)], 3.0)
        tuned = record("tuned", rows, answers[: len(rows)], loss, noise_seed=5)
        base["settings"] |= settings
        paths = write_records(folder, {"base": base, "tuned": tuned})
        evaluate(paths, train, pairs, str(folder / "tokenizer.json"), str(folder / "evaluation.json"))
        return read_json(folder / "evaluation.json")

    return made


def test_runs_of_a_project_are_set_beside_one_another(told, evaluation):
    write_json("models/a/evaluation.json", evaluation(2.4))
    write_json("models/b/evaluation.json", evaluation(2.1, ["Too short."] * len(ROWS)))
    said = told()
    lines = {line.split("  ")[0].strip(): line for line in said.splitlines()}
    assert "b beside a" in lines
    loss = lines["loss of the reference answers, nats a token"]
    assert "2.4 " in loss
    assert "-0.3 " in loss
    assert loss.endswith("better")
    assert lines["distance to the references' form, in their standard deviations"].endswith("worse")
    assert lines["answers that are empty, cut off or repeat themselves"].endswith("no difference shown")
    assert "probability of being the teacher's" not in said
    assert "80 of 158" in said


def test_the_first_that_is_named_is_what_the_others_are_compared_with(told, evaluation, tmp_path):
    write_json("one/models/a/evaluation.json", evaluation(2.4))
    write_json("two/models/a/evaluation.json", evaluation(2.1))
    said = told("two", "one/models/a/evaluation.json")
    assert "one: a beside two: a" in said
    assert "+0.3" in said
    assert "the same" not in said


def test_other_rows_are_said_and_not_compared(told, evaluation):
    write_json("models/a/evaluation.json", evaluation(2.4))
    write_json("models/b/evaluation.json", evaluation(2.1, rows=ROWS[:20]))
    said = told()
    assert (
        "b and a are not compared: they were asked other questions (20 questions and 40, 20 of them the same)." in said
    )
    assert "beside" not in said


def test_losses_over_other_tokens_are_not_compared(told, evaluation):
    write_json("models/a/evaluation.json", evaluation(2.4))
    other = evaluation(2.1, max_tokens=64)
    for row in other["rows"]:
        row["answers"]["tuned"]["loss_tokens"] = 120
    write_json("models/b/evaluation.json", other)
    said = told()
    assert "Their losses are means over other tokens, and not compared" in said
    assert "They were asked differently: max_tokens 512 and 64." in said
    assert "loss of the reference answers" not in said
    assert "nearness to the own reference" in said


def test_one_evaluation_is_shown_with_how_to_name_others(told, evaluation):
    write_json("models/a/evaluation.json", evaluation(2.4))
    said = told()
    assert "better" in said
    assert (
        "There is one evaluation only: models/a/evaluation.json. Name others: understudy compare PROJECT PROJECT"
        in said
    )


@pytest.mark.parametrize("given", [(), ("nowhere",), ("empty",)])
def test_a_place_without_an_evaluation_is_named(told, tmp_path, given):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigurationError, match=f"'{(given or ('.',))[0]}' is no evaluation.json"):
        told(*given)


def test_a_file_of_another_kind_is_named(told, tmp_path):
    (tmp_path / "other.json").write_text(json.dumps({"models": {}}))
    with pytest.raises(InputFileError, match=r"other\.json is no evaluation of this version"):
        told("other.json")


def test_the_command_tells_and_makes_nothing(project, evaluation):
    for name, loss in (("a", 2.4), ("b", 2.1)):
        write_json(project / f"models/{name}/evaluation.json", evaluation(loss))
    (project / "data/stopped.txt").write_text("the run beside this one is stopped")
    before = project.contents("models/**/*.json")
    said = project.understudy("compare", str(project / "models/b/evaluation.json"), str(project.path))
    assert "a beside b" in said
    project.configure(evaluation={"compare": ["models/b/evaluation.json", "."]})
    assert project.understudy("compare") == said
    assert project.contents("models/**/*.json") == before
    assert (project / "data/stopped.txt").exists()
