import json
import random

import pytest

from held_out_records import (
    base_answer,
    held_out_rows,
    record,
    teacher_answer,
    write_records,
    write_training_set,
)
from random_llama import write_small_tokenizer
from understudy.evaluate.evaluation import evaluate
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json

ROWS = held_out_rows()
BASE_ANSWERS = [base_answer(row["subject"], random.Random(row["row"])) for row in ROWS]
TUNED_ANSWERS = [teacher_answer(row["subject"], random.Random(1000 + row["row"])) for row in ROWS]


@pytest.fixture
def evaluation_of(tmp_path):
    write_small_tokenizer(tmp_path, 512)

    def made(tuned: dict, base: dict | None = None, **others: dict) -> dict:
        train, pairs, _ = write_training_set(tmp_path)
        base = base or record("base", ROWS, BASE_ANSWERS, loss=3.0)
        paths = write_records(tmp_path / "evaluation", {"base": base, "tuned": tuned, **others})
        output = tmp_path / "evaluation.json"
        evaluate(paths, train, pairs, str(tmp_path / "tokenizer.json"), str(output))
        return read_json(output)

    return made


def tuned_record(answers=TUNED_ANSWERS, loss=2.4, **others) -> dict:
    return record("tuned", ROWS, answers, loss, noise_seed=5, **others)


def test_a_model_that_learned_the_voice_and_the_form_is_better(evaluation_of):
    evaluation = evaluation_of(tuned_record())
    verdict = evaluation["verdict"]
    assert verdict["status"] == "better"
    assert {"loss", "form_distance", "voice"} <= set(verdict["better"])
    assert verdict["line"].startswith("Better than the base. Better: loss of the reference answers")
    tuned = evaluation["models"]["tuned"]
    assert tuned["figures"]["loss"] == pytest.approx(2.4, abs=0.05)
    assert tuned["figures"]["form_distance"] < evaluation["models"]["base"]["figures"]["form_distance"]
    assert evaluation["teacher"]["auc"] > 0.9
    assert any("here is the thing" in phrase["words"] for phrase in evaluation["teacher"]["phrases"])


def test_an_untouched_base_called_tuned_shows_no_difference(evaluation_of):
    same = record("tuned", ROWS, BASE_ANSWERS, loss=3.0)
    verdict = evaluation_of(same)["verdict"]
    assert (verdict["status"], verdict["better"], verdict["worse"]) == ("no_difference", [], [])


def test_answers_to_other_questions_are_not_called_near(evaluation_of):
    shuffled = TUNED_ANSWERS[8:] + TUNED_ANSWERS[:8]
    verdict = evaluation_of(tuned_record(shuffled, loss=3.6))["verdict"]
    assert verdict["status"] in ("worse", "mixed")
    assert {"loss", "nearness"} <= set(verdict["worse"])
    assert verdict["beyond_bounds"] == ["off_topic"]


def test_answers_as_far_off_as_the_bases_own_are_not_the_trainings_fault(evaluation_of):
    elsewhere = BASE_ANSWERS[8:] + BASE_ANSWERS[:8]
    base, same = (record(name, ROWS, elsewhere, loss=3.0) for name in ("base", "tuned"))
    verdict = evaluation_of(same, base=base)["verdict"]
    assert (verdict["status"], verdict["beyond_bounds"]) == ("no_difference", [])


def test_repetition_is_worse(evaluation_of):
    loops = ["You see, my dear. " * 40 for _ in ROWS]
    evaluation = evaluation_of(tuned_record(loops, loss=2.9, finish_reason="length"))
    assert "flawed" in evaluation["verdict"]["worse"]
    assert evaluation["models"]["tuned"]["figures"]["repetitive"] == 1.0
    assert evaluation["models"]["tuned"]["figures"]["endless"] == 1.0


def test_a_memory_of_the_training_answers_is_beyond_its_bound(evaluation_of, tmp_path):
    _, _, trained = write_training_set(tmp_path)
    copied = [trained[number % len(trained)] for number, _ in enumerate(ROWS)]
    verdict = evaluation_of(tuned_record(copied))["verdict"]
    assert "memorising" in verdict["beyond_bounds"]
    assert verdict["status"] != "better"


def test_what_was_forgotten_is_in_the_verdict(evaluation_of):
    evaluation = evaluation_of(tuned_record(knows=60, general_loss=3.5))
    assert evaluation["verdict"]["beyond_bounds"] == ["forgetting", "general_text"]
    assert "right answers to general questions fell by" in evaluation["verdict"]["line"]
    assert evaluation["models"]["tuned"]["general_questions"]["right"] == 60
    drop = evaluation["models"]["tuned"]["forgetting"]["drop"]
    assert drop["low"] < drop["estimate"] < drop["high"]


def test_every_row_has_all_answers_with_their_form(evaluation_of):
    evaluation = evaluation_of(tuned_record(), Q4_K_M=record("Q4_K_M", ROWS, TUNED_ANSWERS, 2.45, noise_seed=6))
    assert len(evaluation["rows"]) == len(ROWS)
    first = evaluation["rows"][0]
    assert first["reference"] == ROWS[0]["reference"]
    assert set(first["answers"]) == {"base", "tuned", "Q4_K_M"}
    assert first["answers"]["tuned"]["answer"] == TUNED_ANSWERS[0]
    assert first["answers"]["tuned"]["form"]["headings"] == 1
    assert first["answers"]["base"]["form"]["headings"] == 0
    assert evaluation["models"]["Q4_K_M"]["verdict"]["status"] == "better"
    json.dumps(evaluation, allow_nan=False)


def test_models_that_were_asked_different_questions_are_not_compared(evaluation_of):
    tuned = tuned_record()
    tuned["rows"] = tuned["rows"][1:]
    with pytest.raises(InputFileError, match=r"tuned\.json has answers to other questions than .*base\.json"):
        evaluation_of(tuned)


def test_a_single_talk_has_figures_and_no_difference(evaluation_of):
    def in_one_talk(made: dict) -> dict:
        return {**made, "rows": [{**row, "video_id": "theonlytalk"} for row in made["rows"]]}

    base = in_one_talk(record("base", ROWS, BASE_ANSWERS, loss=3.0))
    evaluation = evaluation_of(in_one_talk(tuned_record()), base)
    assert evaluation["verdict"]["status"] == "no_difference"
    assert evaluation["teacher"]["auc"] is None
    assert "one video has no interval" in evaluation["verdict"]["line"]
