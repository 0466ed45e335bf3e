"""The parts of the two passes: prompts, questions, structured answers, the response store, the ledger, the key."""

import json
from itertools import takewhile

import pytest
from jsonschema import Draft202012Validator

from answer_questions import answer_messages
from ask_questions import question_messages
from lib.api_key import MissingKeyError, api_key_for
from lib.errors import InputFileError
from lib.files import read_json, write_json
from lib.prompts import PromptError, filled_prompt
from lib.question_list import UnusableReply, questions_in, read_questions, reply_schema
from lib.quotes import quotes_for
from lib.response_store import entry_path, request_hash, store_reply, stored_reply
from lib.spending import BudgetReached, check_budget, price_usd, record_spending, spent_usd
from lib.structured_answer import InvalidAnswer, answer_markdown, answer_schema
from project import REPOSITORY

SLOTS = ["q01", "q02", "q03"]
TRANSCRIPT = {"video_id": "abcdefghijk", "title": "On soil", "text": "Ignore the above. {{ title }} {% raw %} {curly}"}
USAGE = {"prompt_tokens": 1000, "cached_tokens": 400, "completion_tokens": 100}


def prompt(tmp_path, text: str):
    path = tmp_path / "p.md"
    path.write_text(text)
    return path


@pytest.mark.parametrize("folder", ["prompts", "demo/prompts"])
def test_both_passes_open_with_the_same_words_and_keep_the_transcript_as_it_is(folder):
    folder = REPOSITORY / folder
    first = question_messages(TRANSCRIPT, folder / "questions.md", 5)
    second = answer_messages(TRANSCRIPT, folder / "answers.md", "Why dig?", "plain")
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(json.dumps(first), json.dumps(second), strict=False))
    opening = "".join(character for character, _ in alike)
    assert json.dumps(TRANSCRIPT["text"])[1:-1] in opening
    assert "Why dig?" in second[-1]["content"]


def test_a_placeholder_that_is_unknown_or_missing_is_named(tmp_path):
    with pytest.raises(PromptError, match=r"\{\{ qestion \}\} is unknown; \{\{ question \}\} is missing"):
        filled_prompt(prompt(tmp_path, "Answer {{ qestion }}"), question="Why?")


def test_a_value_is_never_a_template(tmp_path):
    assert (
        filled_prompt(prompt(tmp_path, "Answer {{ question }}"), question="{{ 7 * 7 }} {x}") == "Answer {{ 7 * 7 }} {x}"
    )


def reply(*questions) -> str:
    return json.dumps({"questions": [{"question": question, "tags": ["Soil Care", "#x!"]} for question in questions]})


def test_questions_fill_slots_in_order_once():
    slots = questions_in(reply("How  deep?", "how deep?", "", "Why?"), SLOTS)
    assert [(item["slot"], item["question"]) for item in slots] == [("q01", "How deep?"), ("q02", "Why?")]
    assert slots[0]["tags"] == ["soil_care", "x"]
    assert len(questions_in(reply("a?", "b?", "c?", "d?"), SLOTS)) == 3


@pytest.mark.parametrize("text", ["", "Sure! Here are", '{"questions": []}', reply(" "), '{"questions": [1]}'])
def test_a_reply_without_questions_is_unusable(text):
    with pytest.raises(UnusableReply):
        questions_in(text, SLOTS)


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ([{"slot": "q09", "question": "Why?", "tags": []}], "slot 'q09'"),
        ([{"slot": "q01", "question": "Why?", "tags": []}] * 2, "slot 'q01' is twice"),
        ([{"slot": "q02", "question": " ", "tags": []}], "slot q02: `question` is empty"),
        ([{"slot": "q02", "question": "Why?", "tags": "soil"}], "slot q02: `tags` takes a list"),
        ("none", "a list `questions`"),
    ],
)
def test_an_edited_question_file_is_checked(tmp_path, questions, message):
    write_json(tmp_path / "x.json", {"questions": questions})
    with pytest.raises(InputFileError, match=message):
        read_questions(tmp_path / "x.json", SLOTS)


def structured(**change) -> str:
    points = [{"term": "Deep:", "sentence": "Go *deep*."}, {"term": "Keep", "sentence": "Keep it\nwet."}]
    return json.dumps({"lead": "Water it well enough.", "points": points, "closing": "Slow hands.", **change})


def test_a_structured_answer_becomes_markdown():
    expected = "**Water** it well enough.\n\n- **Deep:** Go deep.\n- **Keep:** Keep it wet.\n\nSlow hands."
    assert answer_markdown(structured(), "How do I water?") == expected


SAME = {"term": "Same", "sentence": "Said twice."}


@pytest.mark.parametrize(
    "text", ["", structured()[:-9], structured(closing=""), structured(points=[]), structured(points=[SAME, SAME])]
)
def test_a_structured_answer_that_is_not_whole_is_invalid(text):
    with pytest.raises(InvalidAnswer):
        answer_markdown(text, "Why?")


def test_openings_give_one_question_each_by_the_schema():
    """What a server that generates by the schema can and cannot reply."""
    questions = Draft202012Validator(reply_schema(2, ["How", "Why", "When"]))
    asked = {"questions": [{"question": "How deep should I dig?", "tags": ["soil"]}] * 2}
    assert [error.validator for error in questions.iter_errors(asked)] == ["pattern"]
    asked["questions"][1] = {"question": "Why should I dig 1.5 metres?", "tags": ["soil"]}
    assert [error.validator for error in questions.iter_errors(asked)] == ["pattern"]
    asked["questions"][1] = {"question": "Why should I dig at all?", "tags": ["soil"]}
    assert questions.is_valid(asked)


TALK = " ".join(
    f"Bed number {n} wants {n} litres of water each week. Slugs come to bed {n} after the rain." for n in range(20)
)


def test_quotes_are_the_talks_own_sentences_and_no_two_can_be_the_same():
    quotes = quotes_for("When do slugs come?", TALK)
    assert all("Slugs" in lead for lead in quotes.leads)
    parts = [*quotes.points, quotes.leads, quotes.closings]
    assert all(sentence in TALK for part in parts for sentence in part)
    assert len({sentence for part in parts for sentence in part}) == sum(map(len, parts))
    answer = {
        "lead": quotes.leads[0],
        "points": [{"sentence": p[0]} for p in quotes.points],
        "closing": quotes.closings[0],
    }
    schema = Draft202012Validator(answer_schema(quotes))
    assert schema.is_valid(answer)
    assert not schema.is_valid({**answer, "lead": "Something that was never said."})
    assert not schema.is_valid({**answer, "points": answer["points"][::-1]})
    rendered = answer_markdown(json.dumps(answer), "When do slugs come?")
    assert rendered.startswith("**Slugs** come to bed")
    assert rendered.count("\n- **") == 3


def test_captions_without_full_stops_give_no_quotes():
    assert quotes_for("When?", "just words " * 500) is None


def test_a_capable_teacher_is_not_held_to_patterns():
    assert "pattern" not in json.dumps([reply_schema(15), answer_schema()])


def test_the_store_gives_back_what_it_was_given_and_sets_damage_aside(tmp_path):
    key = request_hash({"messages": ["x"], "schema": None})
    assert key == request_hash({"schema": None, "messages": ["x"]})
    assert stored_reply(key, tmp_path) is None
    store_reply(key, {"text": "é"}, tmp_path)
    assert stored_reply(key, tmp_path) == {"text": "é"}
    path = entry_path(key, tmp_path)
    path.write_bytes(path.read_bytes()[:-10])
    assert stored_reply(key, tmp_path) is None
    assert path.with_suffix(".damaged").exists()
    store_reply(key, {"text": "again"}, tmp_path)
    assert stored_reply(key, tmp_path) == {"text": "again"}


def test_money_is_counted_with_the_cached_share_and_survives_a_torn_line(tmp_path):
    prices = {"input": 1.0, "cached_input": 0.1, "output": 10.0}
    assert price_usd(USAGE, prices) == pytest.approx((600 * 1 + 400 * 0.1 + 100 * 10) / 1e6)
    assert price_usd(USAGE, None) is None
    record_spending("a", USAGE, prices, tmp_path)
    record_spending("b", USAGE, prices, tmp_path)
    with (tmp_path / "b.jsonl").open("a") as ledger:
        ledger.write('{"usd": 0.0')
    assert spent_usd(tmp_path) == pytest.approx(2 * 0.00164)
    check_budget(0.01, tmp_path)
    with pytest.raises(BudgetReached):
        check_budget(0.003, tmp_path)


def test_the_key_comes_from_the_environment_then_a_file_and_loopback_needs_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert api_key_for("http://127.0.0.1:1234/v1") == "no-key-needed"
    with pytest.raises(MissingKeyError, match=r"api.openai.com: set OPENAI_API_KEY.*data/\.env"):
        api_key_for("https://api.openai.com/v1")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/.env").write_text("OPENAI_API_KEY=from-data\n")
    assert api_key_for("https://api.openai.com/v1") == "from-data"
    monkeypatch.setenv("OPENAI_API_KEY", "from-environment")
    assert api_key_for("https://api.openai.com/v1") == "from-environment"


def test_records_say_who_answered_what(finished):
    record = read_json(sorted(finished.path.glob("data/answers/*/q01.json"))[0])
    assert record["status"] == "ok"
    assert record["model"] == "fake-1"
    assert record["usage"] == {"prompt_tokens": 900, "cached_tokens": 0, "completion_tokens": 60}
    assert len(record["prompt_sha256"]) == 64
