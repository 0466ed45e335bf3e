"""Truth in evaluation.json: facts found, made up and declined by arm and context, and whether a prompt would have done."""

import json
import random

import pytest

from grounded_records import context_record, flat, grounded_rows, invented, passages_record, refusal, told
from held_out_records import base_answer, record, write_records, write_training_set
from random_llama import write_small_tokenizer
from understudy.evaluate.evaluation import evaluate
from understudy.evaluate.intervals import mean_of
from understudy.evaluate.measures.voice import voice_of, words_alone
from understudy.evaluate.truth_account import row_truth, truth_statistics, tuned_and_prompted
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json, write_json

ROWS = grounded_rows()
BASE_ANSWERS = [base_answer(row["subject"], random.Random(row["row"])) for row in ROWS]
RIGHT = [told(row, row["number"], row["name"], seed=3) for row in ROWS]
INVENTED = [invented(row, seed=4) for row in ROWS]
FLAT = [flat(row, seed=5) for row in ROWS]
PASSAGES = passages_record(ROWS)


@pytest.fixture
def evaluation_of(tmp_path):
    """The evaluation of arms in contexts: `retrieved/tuned` to one answer a row."""
    write_small_tokenizer(tmp_path, 512)

    def made(arms: dict[str, list[str]], counts: tuple[bool, ...] = (True,) * len(ROWS)) -> dict:
        train, pairs, _ = write_training_set(tmp_path)
        plain = {
            "base": record("base", ROWS, BASE_ANSWERS, 3.0),
            "tuned": record("tuned", ROWS, INVENTED, 2.4, noise_seed=5),
        }
        paths = write_records(tmp_path / "evaluation", plain)
        in_context = {}
        for name, answers in arms.items():
            context, arm = name.split("/")
            paths_of_one = write_records(tmp_path / "evaluation" / context, {arm: context_record(arm, ROWS, answers)})
            in_context[name] = paths_of_one[arm]
        rows = [{**row, "counts": each} for row, each in zip(PASSAGES["rows"], counts, strict=True)]
        write_json(tmp_path / "passages.json", {**PASSAGES, "rows": rows})
        output = str(tmp_path / "evaluation.json")
        evaluate(
            paths, train, pairs, str(tmp_path / "tokenizer.json"), output, in_context, str(tmp_path / "passages.json")
        )
        return read_json(output)

    return made


def figures_of(evaluation, context, arm):
    return next(
        each["figures"] for each in evaluation["truth"]["arms"] if (each["context"], each["arm"]) == (context, arm)
    )


def test_facts_found_and_made_up_are_told_by_arm_and_context(evaluation_of):
    evaluation = evaluation_of({"retrieved/prompted": INVENTED, "retrieved/tuned": RIGHT})
    truth = evaluation["truth"]
    assert [(each["context"], each["arm"]) for each in truth["arms"]] == [
        ("none", "base"),
        ("none", "tuned"),
        ("retrieved", "prompted"),
        ("retrieved", "tuned"),
    ]
    right, wrong = (figures_of(evaluation, "retrieved", arm) for arm in ("tuned", "prompted"))
    assert right["numbers_found"]["estimate"] == right["names_found"]["estimate"] == 1
    assert right["made_up"]["estimate"] == 0 < wrong["made_up"]["estimate"]
    assert wrong["numbers_found"]["estimate"] == 0 and wrong["answers_with_made_up"]["estimate"] == 1
    assert right["facts_found"]["low"] < right["facts_found"]["estimate"] < right["facts_found"]["high"]
    assert right["voice"]["estimate"] > 0.5 and right["refused"]["estimate"] == 0
    assert truth["rows"] == len(ROWS) and truth["passage_found"] == 0.5
    assert (truth["references"]["facts_found"], truth["references"]["made_up"]) == (1, 0)
    answer = truth["answers"][0]["retrieved/prompted"]
    assert answer["made_up"][1:] == ["zimmer"] and answer["answer"] == INVENTED[0]
    # The models of every evaluation stay what they were, but for the verdict.
    assert set(evaluation["models"]) == set(evaluation["rows"][0]["answers"]) == {"base", "tuned"}
    json.dumps(evaluation, allow_nan=False)


def test_refusals_are_counted_apart_and_make_nothing_up(evaluation_of):
    half = [refusal(row) if row["row"] % 2 else answer for row, answer in zip(ROWS, INVENTED, strict=True)]
    evaluation = evaluation_of({"misses/tuned": [refusal(row) for row in ROWS], "retrieved/tuned": half})
    misses, retrieved = figures_of(evaluation, "misses", "tuned"), figures_of(evaluation, "retrieved", "tuned")
    assert misses["refused"]["estimate"] == 1 and "made_up" not in misses
    assert retrieved["refused"]["estimate"] == 0.5
    assert retrieved["made_up"]["estimate"] == pytest.approx(
        figures_of(evaluation, "none", "tuned")["made_up"]["estimate"], rel=0.2
    )
    assert evaluation["truth"]["beside_a_prompt"] is None


def test_a_prompt_that_wins_is_told_as_such(evaluation_of):
    evaluation = evaluation_of({"retrieved/prompted": RIGHT, "retrieved/tuned": FLAT})
    beside = evaluation["truth"]["beside_a_prompt"]
    assert beside["status"] == "behind"
    assert "A prompt would have done better." in evaluation["verdict"]["line"]
    assert evaluation["models"]["tuned"]["verdict"] == evaluation["verdict"]
    reasons = evaluation["verdict"]["reasons"]["Would a prompt have done?"]
    assert reasons[0] == "A prompt would have done better." and len(reasons) == 4
    assert all(reason.startswith("behind it: ") for reason in reasons[1:])


def test_a_prompt_that_is_level_would_have_done(evaluation_of):
    evaluation = evaluation_of({"retrieved/prompted": INVENTED, "retrieved/tuned": INVENTED})
    assert evaluation["truth"]["beside_a_prompt"]["status"] == "level"
    assert "A prompt would have done: no difference" in evaluation["verdict"]["line"]


def test_a_tuned_model_that_is_ahead_does_more_than_a_prompt(evaluation_of):
    evaluation = evaluation_of({"retrieved/prompted": FLAT, "retrieved/tuned": RIGHT})
    assert evaluation["truth"]["beside_a_prompt"]["status"] == "ahead"
    assert "It does more than a prompt." in evaluation["verdict"]["line"]


def test_facts_without_the_voice_are_a_mixed_result(evaluation_of):
    evaluation = evaluation_of({"retrieved/prompted": INVENTED, "retrieved/tuned": factual_in_the_bases_voice()})
    assert evaluation["truth"]["beside_a_prompt"]["status"] == "mixed"


def factual_in_the_bases_voice():
    return [
        f"{said} It takes {row['number']} grams, as in the case of {row['name']}."
        for said, row in zip(BASE_ANSWERS, ROWS, strict=True)
    ]


def test_same_arms_show_no_difference_95_times_of_100():
    """Answers of one kind, drawn anew for each arm: right, invented, flat or a refusal, and cut at random."""
    arms = {f"arm{number}": drawn_answers(random.Random(number)) for number in range(200)}
    texts = {"reference": [row["reference"] for row in ROWS], "base": BASE_ANSWERS, **arms}
    video_ids = [row["video_id"] for row in ROWS]
    probabilities = voice_of(texts, video_ids).probabilities
    statistics = [
        truth_statistics(
            [row_truth(said, row, "retrieved") for said, row in zip(answers, PASSAGES["rows"], strict=True)]
        )
        | {"voice": mean_of(probabilities[name])}
        for name, answers in arms.items()
    ]
    compared = [
        tuned_and_prompted({("retrieved", "tuned"): one, ("retrieved", "prompted"): other}, video_ids)
        for one, other in zip(statistics[::2], statistics[1::2], strict=True)
    ]
    assert len(compared) == 100
    assert sum(each["status"] == "level" for each in compared) >= 95


def drawn_answers(rng: random.Random) -> list[str]:
    answers = []
    for row in ROWS:
        seed = rng.randrange(10_000)
        kinds = (told(row, row["number"], row["name"], seed), invented(row, seed), flat(row, seed), refusal(row))
        words = rng.choice(kinds).split(" ")
        answers.append(" ".join(words[: rng.randrange(len(words) // 2, len(words)) + 1]))
    return answers


def test_rows_that_do_not_count_change_no_figure_and_no_interval(evaluation_of):
    arms = {"retrieved/tuned": RIGHT, "retrieved/prompted": FLAT}
    alone = figures_of(evaluation_of(arms, (True,) * 20 + (False,) * 20), "retrieved", "tuned")
    wrong_elsewhere = {"retrieved/tuned": RIGHT[:20] + FLAT[20:], "retrieved/prompted": FLAT}
    beside = evaluation_of(wrong_elsewhere, (True,) * 20 + (False,) * 20)
    figures = figures_of(beside, "retrieved", "tuned")
    assert beside["truth"]["rows"] == 20
    assert figures == {name: pytest.approx(interval) for name, interval in alone.items()}
    assert figures["voice"]["videos"] == figures["facts_found"]["videos"] == 5


def test_where_no_row_counts_nothing_is_claimed(evaluation_of):
    truth = evaluation_of({"retrieved/tuned": RIGHT, "retrieved/prompted": FLAT}, (False,) * 40)["truth"]
    assert (truth["rows"], truth["beside_a_prompt"], truth["error"], truth["references"]) == (0, None, None, {})
    assert all(arm["figures"] == {} for arm in truth["arms"])


def test_what_the_misses_say_is_made_up_by_nobody_who_was_given_them():
    row = PASSAGES["rows"][0]
    answer = f"It takes {ROWS[4]['number']} grams."
    assert row_truth(answer, row, "misses").made_up.count == 0
    assert row_truth(answer, row, "retrieved").made_up.numbers == (ROWS[4]["number"],)


def test_the_words_alone_have_nothing_of_the_form():
    answer = (
        "## A Title\n\n**Water:** Give *it* rain.\n\n- **Soil** wants air\n- **Only bold**\n\n```\ncode\n```\n1. One."
    )
    assert words_alone(answer) == "give it rain wants air only bold one"


def test_arms_that_were_asked_other_questions_are_named(evaluation_of, tmp_path):
    write_records(tmp_path / "x", {"tuned": context_record("tuned", ROWS[1:], RIGHT[1:])})
    with pytest.raises(InputFileError, match=r"tuned\.json has answers to other questions than .*base\.json"):
        paths = write_records(tmp_path / "y", {"base": record("base", ROWS, BASE_ANSWERS, 3.0)})
        evaluate(paths, "", "", "", "", {"retrieved/tuned": str(tmp_path / "x/tuned.json")}, "")
