"""understudy ask: a list of questions to base, prompted and tuned model, with the real llama.cpp and MLX."""

import csv
import json

import pytest

from project import MODEL, REPOSITORY
from understudy.commands.ask import compare_with_last_time, folder_name, read_questions
from understudy.report.asked.page import write_csv, write_page
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json_lines

QUESTIONS = "note;question\nfirst;What about the soil?\nsecond;When does it begin?\n"
LABELS = REPOSITORY / "tests/labelled/shared"
# The demo's talks that its split holds out.
HELD_OUT = (
    "Watering without waste",
    "Getting the soil ready",
    "Sowing seeds that come up",
    "Compost in a small corner",
)
HOSTILE = '</style><script>alert(1)</script> =HYPERLINK("x") \x1b[31m'


@pytest.fixture
def asked(project):
    """A finished project with its index and a list of questions; short answers."""
    project.configure(evaluation={"max_tokens": 16}, answering={"notice": "Not <b>advice</b>."})
    project.snakemake("data/index/index.json")
    (project / "questions.csv").write_text(QUESTIONS, encoding="utf-8-sig")
    return project


def test_a_page_and_a_csv_have_the_answers_of_all_three(asked):
    said = asked.understudy("ask", "questions.csv")
    folder = asked / "models/tiny/asked/questions"
    assert "models/tiny/asked/questions/index.html" in said
    with open(folder / "answers.csv", newline="", encoding="utf-8-sig") as table:
        rows = list(csv.DictReader(table))
    assert [(row["question"], row["model"]) for row in rows] == [
        (question, model)
        for question in ("What about the soil?", "When does it begin?")
        for model in ("base", "prompted", "tuned")
    ]
    page = (folder / "index.html").read_text()
    assert all(f"<li>{word}" in page for word in ("Base: ", "Time by stage: ", "The teacher model cost $", "Asked on "))
    assert "Not &lt;b&gt;advice&lt;/b&gt;." in page and "first time" in page
    assert all(source["link"] in page for asked_one in record(asked)["questions"] for source in asked_one["sources"])


def test_asking_again_computes_nothing_and_another_model_is_compared_with_the_last(asked):
    asked.understudy("ask", "questions.csv")
    before = record(asked)
    assert "answers and 0 losses to compute" not in asked.understudy("ask", "questions.csv")
    assert record(asked) == before
    asked.configure(training={"learning_rate": 1e-2})
    asked.snakemake(MODEL)
    asked.understudy("ask", "questions.csv")
    answers = [one["answers"] for one in record(asked)["questions"]]
    old = [one["answers"]["tuned"]["answer"] for one in before["questions"]]
    assert [one["tuned"]["before"]["answer"] for one in answers] == old
    assert all(one["base"]["before"] is None for one in answers)


def record(project) -> dict:
    return json.loads((project / "models/tiny/asked/questions/answers.json").read_text())


def test_without_an_index_it_says_what_to_type(project):
    (project / "questions.txt").write_text("What about the soil?\n")
    assert "understudy run data/index/index.json" in project.understudy("ask", "questions.txt", succeeds=False)


def test_without_a_trained_model_it_says_what_to_type(project):
    (project / "questions.txt").write_text("What about the soil?\n")
    project.snakemake("data/index/index.json")
    (project / "data/dataset/pairs.jsonl").unlink()
    assert "`understudy run` makes both" in project.understudy("ask", "questions.txt", succeeds=False)


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("q.txt", "One?\n\n  Two?  \n", ["One?", "Two?"]),
        ("q.csv", "Question,who\nOne?,me\n,\n", ["One?"]),
        ("q.CSV", '"One, or two?"\n"Three?"\n', ["One, or two?", "Three?"]),
        ("q.csv", "sep=;\nid;question\n1;One?\n2\n", ["One?"]),
    ],
)
def test_questions_are_read_as_people_have_them(tmp_path, name, content, found):
    (tmp_path / name).write_text(content)
    assert [question.text for question in read_questions(tmp_path / name)] == found


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("q.csv", b"who,what\nme,One?\n", "line 1: there is no column `question`"),
        ("q.csv", b"", "has no question"),
        ("q.txt", b"\n \n", "has no question"),
        ("q.txt", b"One?\n\xff\xfe?\n", "line 2: not UTF-8"),
        ("q.xlsx", b"PK", "it takes a .csv file"),
        ("q.csv", b'question\n"One\n', "line 2: not CSV"),
        ("q.csv", b"question\nOne?\nTwo, or three?\n", "line 3: 2 cells under 1 columns"),
    ],
)
def test_a_file_that_is_no_list_of_questions_is_named(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputFileError) as error:
        read_questions(tmp_path / name)
    assert name in str(error.value) and says in str(error.value)


@pytest.mark.hostile
@pytest.mark.parametrize("name", ["...csv", "..csv.csv", "a/../b c.csv", "\x1b[31m.txt", "-.txt"])
def test_the_folder_is_one_of_its_own(tmp_path, name):
    assert (tmp_path / folder_name(tmp_path / name)).resolve().parent == tmp_path.resolve()


def made_record() -> dict:
    sentence = {
        "text": f"Use 14 cm. {HOSTILE}",
        "claims": True,
        "place": {"heading": HOSTILE, "link": HOSTILE, "text": HOSTILE},
        "marks": [{"kind": "number", "text": "14 cm", "start": 4, "end": 9}],
    }
    answer = {"answer": f"={HOSTILE}", "finish_reason": "length", "sentences": [sentence], "before": None}
    return {
        "made": "2026-11-28",
        "name": HOSTILE,
        "notice": HOSTILE,
        "made_with": [HOSTILE],
        "models": {"tuned": {"path": HOSTILE, "identity": "a", "before": None}},
        "questions": [
            {
                "question": f"={HOSTILE}",
                "decision": "not_covered",
                "sources": [{"heading": HOSTILE, "link": "javascript:alert(1)", "text": HOSTILE}],
                "answers": {"tuned": answer},
            }
        ],
    }


@pytest.mark.hostile
def test_nothing_in_it_does_anything(tmp_path):
    write_page(made_record(), tmp_path / "index.html")
    page = (tmp_path / "index.html").read_text()
    assert "<script" not in page and "href" not in page and "default-src &#39;none&#39;" in page
    assert '<mark title="number: not at the nearest place">14 cm</mark>' in page
    write_csv(made_record(), tmp_path / "answers.csv")
    with open(tmp_path / "answers.csv", newline="", encoding="utf-8-sig") as table:
        assert not any(cell.startswith(("=", "+", "-", "@")) for row in csv.reader(table) for cell in row)


@pytest.mark.hostile
@pytest.mark.parametrize("damaged", ["{", "[]", "{}", '{"models": {"tuned": {}}, "questions": [1], "made": "x"}'])
def test_a_damaged_record_of_last_time_is_no_error(tmp_path, damaged, caplog):
    (tmp_path / "answers.json").write_text(damaged)
    compare_with_last_time(made_record(), tmp_path / "answers.json")


def test_the_examples_are_the_first_labelled_questions_whose_talk_the_demo_holds_out():
    labels = [row for _, row in read_json_lines(LABELS / "questions.jsonl")]
    of_held_out = [
        (row["id"], row["question"])
        for row in labels
        if row.get("sources") and all(source["file"].startswith(HELD_OUT) for source in row["sources"])
    ]
    with open(REPOSITORY / "demo/example/questions.csv", newline="", encoding="utf-8") as table:
        assert [tuple(row.values()) for row in csv.DictReader(table)] == of_held_out[:20]
