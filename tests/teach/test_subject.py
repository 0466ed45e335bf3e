"""Questions beside a talk's subject are noticed right after pass 1: before an answer is paid for, and never where they belong."""

import json
import re
from pathlib import Path

import pytest

from project import REPOSITORY
from understudy.shared.files import read_json, read_json_lines
from understudy.shared.run import STOP_FILE, RunStopped
from understudy.teach.questions import check_subject
from understudy.teach.subject import questions_beside_the_talk

LABELLED = REPOSITORY / "tests/labelled"
LANGUAGES = sorted(path.stem for path in (LABELLED / "languages").glob("*.json"))
TALKS = read_json(LABELLED / "talks.json")
# What the shipped prompt's example of a medical talk led a teacher to ask about bread.
MEDICAL = read_json(Path(__file__).with_name("medical_questions.json"))
# Talks about food and the body say some of these words by chance: sugar in a talk on bread, the meal in one on dogs.
NEAR_ENOUGH = ("ar", "it", "ko")


def talk_in(language: str) -> tuple[dict, list[str]]:
    """The labelled passages of a language as one talk, and questions that people asked in other words than the talk's."""
    record = read_json(LABELLED / f"languages/{language}.json")
    text = "\n".join(record["passages"])
    return talk(text, language), [question["question"] for question in record["questions"]]


def talk(text: str, language: str | None, title: str = "A talk") -> dict:
    return {"video_id": "abcdefghijk", "title": title, "status": "ok", "language": language, "text": text}


def own_questions(name: str) -> list[str]:
    pairs = [pair for _, pair in read_json_lines(LABELLED / "pairs.jsonl")]
    return [pair["question"] for pair in pairs if pair["talk"] == name and pair["label"] == "good"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_questions_on_the_subject_pass_in_every_language_even_in_a_layman_s_words(language):
    record, asked = talk_in(language)
    assert questions_beside_the_talk(record, asked) == []
    assert questions_beside_the_talk({**record, "language": None}, asked) == []


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language not in NEAR_ENOUGH])
def test_questions_on_medicine_are_noticed_in_other_talks(language):
    beside = questions_beside_the_talk(talk_in(language)[0], MEDICAL[language])
    assert len(beside) >= 2 and set(beside) <= set(MEDICAL[language])


@pytest.mark.parametrize("name", sorted(TALKS))
def test_whole_talks_know_their_own_questions_and_not_those_of_medicine(name):
    record = talk(TALKS[name]["text"], TALKS[name]["language"])
    assert questions_beside_the_talk(record, own_questions(name)) == []
    assert len(questions_beside_the_talk(record, MEDICAL[record["language"]])) >= 2


@pytest.mark.parametrize(
    "asked",
    [
        [],
        ["Why?"],
        ["How does part 1 of 3f9a work?", "How does part 2 of 3f9a work?"],
        MEDICAL["en"][:1],
        MEDICAL["fr"],
    ],
    ids=["none", "no noun", "hardly a noun", "one", "in another language"],
)
def test_what_says_too_little_or_is_in_another_language_is_not_judged(asked):
    assert questions_beside_the_talk(talk(TALKS["water"]["text"], "en"), asked) == []


def test_a_talk_about_medicine_may_be_asked_about_medicine():
    text = "When you fast, insulin falls. Sugar leaves the blood, the fatty liver heals, and the meal at noon does less harm."
    assert questions_beside_the_talk(talk(text, "en"), MEDICAL["en"]) == []


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(answers, off_topic: str = "stop", asked: list[str] = MEDICAL["en"]) -> None:
    check_subject(
        talk(TALKS["compost"]["text"], "en"),
        [{"question": question} for question in asked],
        "prompts/questions.md",
        off_topic,
        answers,
    )


def test_the_run_stops_and_the_message_names_the_prompt_and_the_key(here):
    with pytest.raises(RunStopped, match=r"3 of 3 questions .* prompts/questions\.md .* questions\.off_topic: warn"):
        check(here / "data/answers")
    assert STOP_FILE.exists()


def test_nothing_stops_a_project_that_has_answers_nor_one_that_says_so(here, caplog):
    check(here / "data/answers", "warn")
    check(here / "data/answers", "ignore")
    (here / "data/answers/abcdefghijk").mkdir(parents=True)
    (here / "data/answers/abcdefghijk/q01.json").write_text("{}")
    check(here / "data/answers")
    assert not STOP_FILE.exists()


def test_no_answer_is_asked_for_and_a_mended_prompt_goes_on(new_project, teacher, session_teacher):
    off = {"questions": [{"question": question, "tags": ["insulin"]} for question in MEDICAL["en"]]}
    session_teacher.questions_reply = json.dumps(off)
    try:
        said = new_project.snakemake("data/dataset/train.jsonl", succeeds=False)
        assert "prompts/questions.md tells the teacher model what to ask" in said
        assert teacher.asked(kind="answers") == [] and not list(new_project.path.glob("data/answers/*/*"))
        asked = len(teacher.asked())
        new_project.snakemake("data/dataset/train.jsonl", succeeds=False)
        assert len(teacher.asked()) <= 2 and len(teacher.asked()) - asked <= 1, "a stored reply was asked for again"
    finally:
        session_teacher.questions_reply = None
    prompt = new_project / "prompts/questions.md"
    prompt.write_text(prompt.read_text() + "\nOnly what the talk is about.\n")
    new_project.snakemake("data/dataset/train.jsonl")


def test_the_demo_s_questions_pass_although_its_teacher_is_tiny():
    """Each of its replies is about one of its talks, by words that this one shares."""
    folder = REPOSITORY / "demo/captions"
    spoken = {path: re.sub(r"[^\w\s'.]|\d+", " ", path.read_text()) for path in folder.iterdir()}
    talks = [talk(text, "en", path.name.split(" [")[0].removesuffix(path.suffix)) for path, text in spoken.items()]
    replies = [read_json(path)["reply"]["text"] for path in (REPOSITORY / "demo/replies").glob("*/*.json")]
    asked = [json.loads(text)["questions"] for text in replies if '"questions"' in text]
    assert len(asked) == len(talks) == 9
    for questions in ([item["question"] for item in listed] for listed in asked):
        assert any(questions_beside_the_talk(record, questions) == [] for record in talks)
        assert sum(questions_beside_the_talk(record, questions) != [] for record in talks) <= 4
