"""`understudy preview` and `understudy update`: three answers before all are paid for, and new talks without money."""

import json

from project import understudy
from understudy.commands.preview import Shown, page
from understudy.passages.support import Place, Support
from understudy.shared.files import read_json

ROWS = "data/dataset/train.jsonl"


def messages(requests: list[dict]) -> list[str]:
    return [json.dumps(request["messages"], sort_keys=True) for request in requests]


def test_three_answers_are_shown_and_the_later_run_pays_for_none_of_them(new_project, teacher):
    said = understudy("preview", "beans", cwd=new_project / "captions")
    assert said.returncode == 0, said.stdout + said.stderr
    assert [line for line in said.stderr.splitlines() if "profile" in line or "videos have" in line] == []
    asked = messages(teacher.asked())
    assert len(teacher.asked(kind="questions")) == 1 and len(teacher.asked(kind="answers")) == 3
    shown_there = said.stdout.partition("\nbeans\n")[2]
    assert shown_there.count("The **answer**") == 3
    assert "Nearest in the talk, 0:0" in said.stdout
    shown = (new_project / "data/preview/index.html").read_text()
    assert "Give beans ten litres of water a week" in shown and shown.count("<article>") == 3
    again = understudy("preview", "beans", cwd=new_project.path)
    assert again.stdout == f"\nbeans\n{shown_there}" and messages(teacher.asked()) == asked
    new_project.snakemake(ROWS)
    everything = messages(teacher.asked())
    assert len(everything) == len(set(everything)) == 2 * (1 + 3), "something was asked twice"
    assert everything[: len(asked)] == asked
    record = read_json(next(new_project.path.glob(f"data/answers/{new_project.video_ids()['beans']}/q01.json")))
    assert record["answer"].splitlines()[0] in said.stdout


def test_a_talk_that_is_not_there_is_told(new_project, teacher):
    said = understudy("preview", "turnips", cwd=new_project.path)
    assert said.returncode == 1 and "no talk with 'turnips' as its id or in its title" in said.stderr
    assert teacher.asked() == []


def test_nothing_in_a_talk_or_an_answer_gets_into_the_page():
    transcript = {"title": "<b>Soil</b>", "segments": [[0.0, 2.0, "<script>x</script>"], [None, None, "</section>"]]}
    record = {"question": "<i>Why?</i>", "status": "ok", "answer": "<img src=x> **yes** ![a](http://x/)"}
    place = Place("x", 0.0, 1.0, Support((), 1.0))
    text = page(transcript, [Shown(record, place)])
    assert "<script>" not in text and "<img" not in text and "<b>" not in text and "<i>" not in text
    assert text.count("</section>") == 2 and "<strong>yes</strong>" in text and "<mark>&lt;script&gt;" in text


def test_update_makes_a_new_talk_searchable_without_a_request_and_says_what_a_retraining_costs(project, teacher):
    project.configure(teacher={"prices": {"input": 1.0, "output": 2.0}})
    said = understudy("update", cwd=project.path)
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.strip() == "2 talks can be searched, and the model has learned from all of them."
    project.add_talk("leeks")
    said = understudy("update", cwd=project.path)
    line = said.stdout.splitlines()[-1]
    assert line.startswith(
        "3 talks can be searched; 1 is newer than the model. A retraining asks the teacher for 5 replies ("
    )
    assert "US dollars) and trains for about " in line and line.endswith(": `understudy run`")
    assert teacher.asked() == []
    found = understudy("search", "how much water do leeks need?", cwd=project.path)
    assert "leeks" in found.stdout
    planned = project.planned()
    assert planned["questions"] == planned["answers"] == 1


def test_update_before_there_is_a_model(new_project, teacher):
    said = understudy("update", cwd=new_project.path)
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.strip() == "2 talks can be searched. There is no model yet: `understudy run` makes it."
    assert teacher.asked() == []
