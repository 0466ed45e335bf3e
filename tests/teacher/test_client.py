"""The client of the teacher model against a server that misbehaves as the real ones do: what it sends, and what it keeps."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

import fake_teacher
from fake_teacher import FakeTeacher, Fault, error
from understudy.shared.files import read_json
from understudy.shared.log import log
from understudy.shared.run import RunStopped, remove_stop_file
from understudy.teach.question_list import questions_in, reply_schema
from understudy.teach.questions import holds_questions
from understudy.teacher.client import Job, Teacher
from understudy.teacher.errors import TeacherError
from understudy.teacher.habits import ServerHabits
from understudy.teacher.json_reply import fitting_json, listed_questions
from understudy.teacher.requests import Request
from understudy.teacher.servers import hosted_client
from understudy.teacher.spending import ledger_lines, spent_usd
from understudy.teacher.store import ResponseStore

SLOTS = ["q01", "q02", "q03"]
IDENTITY = {
    "model": "fake-1",
    "gguf": None,
    "revision": None,
    "temperature": None,
    "reasoning_effort": None,
    "seed": None,
}
SETTINGS = {"prices": None, "budget_usd": None, "retries": 3, "backoff_s": 0.02, "timeout_s": 1.0}
PRICES = {"input": 1.0, "output": 10.0}
VLLM_CONTEXT = (
    "This model's maximum context length is 4096 tokens and your request has 1200 input tokens (8192 > 4096 - 1200)."
)
KEPT_REPLIES = "data/responses/*/*.json"


@pytest.fixture
def server():
    with FakeTeacher() as server:
        yield server


@pytest.fixture
def make_teacher(server, tmp_path, monkeypatch):
    """A teacher as a job makes it, in a project folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-never-in-a-file")

    def make(in_flight: int = 4, identity: dict | None = None, **settings) -> Teacher:
        settings = {**SETTINGS, "base_url": server.base_url, **settings}
        identity = {**IDENTITY, **(identity or {})}
        connect = partial(hosted_client, server.base_url, settings["timeout_s"])
        job = Job("answers-abcdefghijk", "abcdefghijk", in_flight)
        return Teacher(connect, job, "fake-1", identity, settings, ResponseStore(identity))

    return make


def request(text: str = "Why dig?", max_tokens: int = 100) -> Request:
    return Request([{"role": "user", "content": f"A talk. {text}"}], max_tokens)


QUESTIONS = Request([{"role": "user", "content": "A talk."}], 100, reply_schema(3))


def ask_questions(teacher: Teacher):
    return teacher.ask(QUESTIONS, fits=lambda text: holds_questions(text, SLOTS))


def kept(tmp_path) -> int:
    return len(list(tmp_path.glob(KEPT_REPLIES)))


def test_half_of_a_character_in_a_reply_becomes_a_question_mark(server, make_teacher, tmp_path):
    """A server that cuts UTF-16 in two sends one: no file could hold it, and the paid reply would be lost."""
    server.faults = [Fault(how="half")]
    reply = make_teacher().ask(request())
    assert reply.text.endswith(" ?")
    assert kept(tmp_path) == 1


def test_what_is_stored_is_not_asked_again_and_needs_no_key(server, make_teacher, tmp_path, monkeypatch):
    reply = make_teacher().ask(request())
    monkeypatch.delenv("OPENAI_API_KEY")
    again = make_teacher().ask(request())
    assert (again.text, again.from_store, len(server.requests), kept(tmp_path)) == (reply.text, True, 1, 1)


PASSING = {
    "too many requests": fake_teacher.TOO_MANY,
    "overloaded": fake_teacher.OVERLOADED,
    "bad gateway in html": Fault(502, "<html>Bad gateway</html>"),
    "no connection": Fault(how="reset"),
    "cut in the body": Fault(how="cut"),
    "stalled in the body": Fault(how="stall"),
    "no first byte": Fault(how="slow"),
    "delivered twice": Fault(how="twice"),
    "not json": Fault(how="not_json"),
    "no choices": Fault(how="no_choices"),
}


@pytest.mark.parametrize("name", PASSING)
def test_an_error_that_passes_costs_one_more_request_and_loses_nothing(server, make_teacher, tmp_path, name):
    server.faults = [PASSING[name]]
    reply = make_teacher().ask(request())
    assert reply.text.startswith("The **answer**")
    assert (len(server.requests), kept(tmp_path)) == (2, 1)


@pytest.mark.parametrize("name", PASSING)
def test_an_error_that_stays_is_given_up_after_the_configured_tries(server, make_teacher, tmp_path, name):
    server.faults = [PASSING[name]] * 20
    with pytest.raises(TeacherError, match=r"abcdefghijk: .*, 3 times. Run again later; what was answered is kept"):
        make_teacher(retries=2).ask(request())
    assert (len(server.requests), kept(tmp_path)) == (3, 0)
    server.faults = []
    assert make_teacher().ask(request()).text


FATAL = {
    "wrong key": (
        error(401, "Incorrect API key provided: sk-test-never-in-a-file", "invalid_api_key"),
        "refuses the API key",
    ),
    "no right": (error(403, "Country not supported"), "does not allow this: .*Country not supported"),
    "wrong key as a bad request": (
        Fault(400, {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: xx***yy."}),
        "refuses the API key",
    ),
    "no model as a bad request": (error(400, "fake-1 is not a valid model ID"), "has no model 'fake-1'"),
    "no credit inside of a success": (
        Fault(200, {"error": {"message": "Insufficient credits", "code": 402}}),
        "there is no credit left",
    ),
    "no credit": (fake_teacher.NO_CREDIT, "there is no credit left"),
    "payment": (error(402, "Insufficient balance"), "there is no credit left"),
    "no model": (fake_teacher.NO_MODEL, "has no model 'fake-1'"),
}


@pytest.mark.parametrize("name", FATAL)
def test_what_every_request_would_meet_stops_the_run_after_one(server, make_teacher, tmp_path, name):
    fault, said = FATAL[name]
    server.faults = [fault] * 5
    with pytest.raises(RunStopped, match=said) as raised:
        make_teacher().ask(request())
    assert "sk-test" not in str(raised.value)
    with pytest.raises(RunStopped, match=said):
        make_teacher().ask(request("Another question"))
    assert len(server.requests) == 1
    server.faults = []
    remove_stop_file()
    assert make_teacher().ask(request()).text


def test_a_missing_key_stops_the_run_before_any_request(server, make_teacher, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    teacher = make_teacher()
    teacher._connect = partial(hosted_client, "https://api.example.org/v1", 1.0)
    with pytest.raises(RunStopped, match="No API key for api"):
        teacher.ask(request())
    with pytest.raises(RunStopped, match="No API key"):
        make_teacher().ask(request("Another"))
    assert server.requests == []


@pytest.mark.parametrize(
    ("headers", "least_s"),
    [({"Retry_After": "1"}, 1.0), ({"retry_after_ms": "400"}, 0.4)],
    ids=["seconds", "milliseconds"],
)
def test_the_server_s_own_wait_is_kept(server, make_teacher, headers, least_s):
    server.faults = [error(429, "Rate limit", "rate_limit_exceeded", None, **headers)]
    started = time.monotonic()
    make_teacher().ask(request())
    assert time.monotonic() - started >= least_s


def test_too_many_requests_halve_what_is_in_flight(server, make_teacher):
    server.delay_s = 0.1
    server.faults = [fake_teacher.TOO_MANY] * 8
    teacher = make_teacher(in_flight=8)
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(teacher.ask, [request(f"Question {number}") for number in range(24)]))
    assert len({reply.text for reply in replies}) == 24
    assert len(server.requests) == 24 + 8
    assert 4 < server.most_in_flight <= 8, "all at once at first, as far as a busy machine lets them"
    assert teacher._limit.now > 1


def test_a_context_that_is_too_long_names_the_video_and_both_numbers(server, make_teacher):
    server.faults = [fake_teacher.TOO_LONG] * 3
    with pytest.raises(TeacherError, match=r"abcdefghijk: .* \(9311 tokens asked for, 8192 possible\)"):
        make_teacher().ask(request())
    assert len(server.requests) == 1


def test_a_request_that_no_wait_makes_fit_is_asked_once(server, make_teacher):
    server.faults = [error(429, "Request too large for fake-1 in organization org-1 on tokens per min (TPM)")] * 3
    with pytest.raises(TeacherError, match=r"abcdefghijk: .* never takes a request as large as this one"):
        make_teacher().ask(request())
    assert len(server.requests) == 1


def test_a_reply_longer_than_the_context_is_not_told_as_a_long_transcript(server, make_teacher):
    server.faults = [error(400, "'max_tokens' or 'max_completion_tokens' is too large: 8192. " + VLLM_CONTEXT)]
    with pytest.raises(
        TeacherError, match=r"abcdefghijk: .* can't write a reply as long .* Lower questions.max_tokens"
    ):
        make_teacher().ask(request())
    assert len(server.requests) == 1


def test_an_error_inside_of_a_success_that_passes_is_waited_for(server, make_teacher):
    server.faults = [Fault(200, {"error": {"message": "Provider returned error", "code": 502}})]
    assert make_teacher().ask(request()).text
    assert len(server.requests) == 2


def test_a_prompt_that_the_server_cut_is_told(server, make_teacher, caplog, monkeypatch):
    monkeypatch.setattr(log, "propagate", True)
    server.caches = True  # counts the tokens of the prompt itself
    make_teacher().ask(request("word " * 5000))
    assert not caplog.messages
    server.caches = False  # always says 900
    make_teacher().ask(request("Why? " * 5000))
    assert "read 900 tokens of a request of 25008 characters: it has cut the transcript" in caplog.text


REFUSED = {
    "max_tokens": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    "temperature": "Unsupported value: 'temperature' does not support 0.4 with this model. Only the default (1) is supported.",
    "prompt_cache_key": "Unrecognized request argument supplied: prompt_cache_key",
}


@pytest.mark.parametrize(
    "fault",
    [
        error(400, "The response was filtered due to the prompt triggering the content policy.", "content_filter"),
        Fault(400, {"error": {"message": "Invalid prompt", "code": "invalid_prompt"}}),
    ],
    ids=["azure", "openai"],
)
def test_a_refusal_that_comes_as_an_error_is_kept_as_one(server, make_teacher, fault):
    server.faults = [fault]
    assert make_teacher().ask(request()).is_refused
    assert make_teacher().ask(request()).is_refused
    assert len(server.requests) == 1


UNUSUAL = {
    "text alone": {"error": "the request exceeds the available context size"},
    "detail": {"detail": [{"msg": "prompt is too long: maximum context length is 4096 tokens, requested 5000"}]},
    "a list": [{"error": {"message": "This model's maximum context length is 4096 tokens"}}],
}


@pytest.mark.parametrize("body", UNUSUAL.values(), ids=UNUSUAL)
def test_what_a_server_says_in_an_unusual_place_is_read(server, make_teacher, body):
    server.faults = [Fault(400, json.dumps(body))]
    with pytest.raises(TeacherError, match="the transcript is too long for fake-1"):
        make_teacher().ask(request())


def test_a_longer_reply_that_the_server_refuses_leaves_the_one_that_was_cut_off(server, make_teacher):
    server.faults = [Fault(how="length"), error(400, "max_tokens is too large: 200")]
    reply = make_teacher().ask(request())
    assert (reply.finish_reason, len(server.requests)) == ("length", 2)


def test_reasoning_in_front_of_a_reply_is_not_kept(server, make_teacher, monkeypatch):
    monkeypatch.setattr(server, "reply", lambda request: "<think>Let me see.\nHm.</think>\n\nThe **answer**.")
    assert make_teacher().ask(request()).text == "The **answer**."


def test_nothing_is_booked_for_a_server_that_is_not_there(make_teacher, tmp_path):
    teacher = make_teacher(prices=PRICES, retries=1)
    teacher._connect = partial(hosted_client, "http://127.0.0.1:9/v1", 1.0)
    with pytest.raises(TeacherError, match="can't be reached"):
        teacher.ask(request())
    assert spent_usd() == 0


def test_what_a_model_refuses_is_learned_once(server, make_teacher):
    server.refuses = REFUSED
    sampling = {"temperature": 0.4, "seed": 7}
    make_teacher(identity=sampling).ask(request())
    assert len(server.requests) == 1 + len(REFUSED)
    make_teacher(identity=sampling).ask(request("Another question"))
    assert len(server.requests) == 2 + len(REFUSED)
    last = server.requests[-1]
    assert last["seed"] == 7 and last["max_completion_tokens"] == 100
    assert not set(REFUSED) & set(last)


def test_a_value_that_is_wrong_is_not_taken_for_a_parameter_that_is_not_known(server, make_teacher):
    server.faults = [error(400, "temperature 9 is too hot for sk-test-never-in-a-file")]
    with pytest.raises(TeacherError, match=r"temperature 9 is too hot for \[key\]"):
        make_teacher(identity={"temperature": 1.9}).ask(request())
    assert len(server.requests) == 1


def test_a_reply_that_was_cut_off_is_asked_for_once_more_with_twice_the_tokens(server, make_teacher, tmp_path):
    server.faults = [Fault(how="length")]
    reply = make_teacher().ask(request())
    assert (reply.finish_reason, [sent["max_tokens"] for sent in server.requests]) == ("stop", [100, 200])
    server.forget()
    assert make_teacher().ask(request()).from_store
    assert server.requests == []
    server.faults = [Fault(how="length")] * 2
    assert make_teacher().ask(request("A long one")).finish_reason == "length"
    assert len(server.requests) == 2
    assert make_teacher().ask(request("A long one")).finish_reason == "length"
    assert len(server.requests) == 2, "what stays cut off is kept, too"


@pytest.mark.parametrize("how", ["refusal", "content_filter"])
def test_a_refusal_is_a_reply(server, make_teacher, how):
    server.faults = [Fault(how=how)]
    assert make_teacher().ask(request()).is_refused
    assert make_teacher().ask(request()).is_refused
    assert len(server.requests) == 1


def test_a_reply_without_usage_counts_nothing(server, make_teacher):
    server.faults = [Fault(how="no_usage")]
    assert make_teacher().ask(request()).usage == {"prompt_tokens": 0, "cached_tokens": 0, "completion_tokens": 0}


LADDER = {  # what the server does with json_schema and with json_object, the rung that is found, and the requests that it takes
    "takes schemas": (True, True, "json_schema", 1),
    "refuses schemas": (False, True, "json_object", 2),
    "refuses both": (False, False, "prompt", 3),
    "ignores schemas": (None, True, "json_object", 2),
    "ignores both": (None, None, "prompt", 3),
}


@pytest.mark.parametrize("name", LADDER)
def test_the_way_to_ask_for_json_is_found_once_and_remembered(server, make_teacher, name):
    server.json_schema, server.json_object, rung, requests = LADDER[name]
    assert len(questions_in(ask_questions(make_teacher()).text, SLOTS)) == 3
    assert len(server.requests) == requests
    assert ServerHabits(server.base_url, "fake-1").rung == rung
    another = QUESTIONS._replace(messages=[{"role": "user", "content": "Another talk."}])
    make_teacher().ask(another, fits=lambda text: holds_questions(text, SLOTS))
    assert len(server.requests) == requests + 1


def test_a_reply_against_the_schema_from_a_server_that_keeps_it_is_not_asked_for_in_other_ways(server, make_teacher):
    ask_questions(make_teacher())
    server.faults = [Fault(how="no_schema")]
    another = QUESTIONS._replace(messages=[{"role": "user", "content": "Another talk."}])
    reply = make_teacher().ask(another, fits=lambda text: holds_questions(text, SLOTS))
    assert reply.text == "Sure! Here you are."
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("shares", "first_alone"),
    [([0.0, 0.9, 0.9], True), ([0.9, 0.9, 0.9], False), ([0.0, 0.0, 0.0], False), ([0.0], True)],
    ids=["cached from the second on", "warmed by pass 1", "no cache, or not told", "one answer tells nothing"],
)
def test_whether_the_first_answer_goes_alone_is_learned_from_what_was_cached(tmp_path, shares, first_alone):
    habits = ServerHabits("http://x", "m", tmp_path)
    assert habits.first_alone
    habits.learn_from_cached_shares(shares)
    assert ServerHabits("http://x", "m", tmp_path).first_alone is first_alone


def test_a_damaged_memory_of_a_server_is_made_anew(server, make_teacher, tmp_path):
    ask_questions(make_teacher())
    habits = next((tmp_path / "data/teacher").glob("*.json"))
    assert read_json(habits)["rung"] == "json_schema"
    habits.write_text("{half")
    server.forget()
    make_teacher().ask(request())
    assert len(server.requests) == 1


def test_the_budget_stops_before_the_request_that_could_exceed_it(server, make_teacher):
    """A request of the fake costs 900 x 1 + 60 x 10 = 1,500 millionths of a dollar; these may cost up to 2,050 before."""
    server.delay_s = 0.05
    teacher = make_teacher(in_flight=4, prices=PRICES, budget_usd=0.008)
    asked = 0
    with ThreadPoolExecutor(4) as pool:
        pending = [pool.submit(teacher.ask, request(f"{'soil ' * 600}{number}")) for number in range(20)]
        for done in pending:
            try:
                done.result()
                asked += 1
            except RunStopped as stopped:
                assert "teacher.budget_usd (0.01) is reached" in str(stopped)
    assert 3 <= asked == len(server.requests)
    assert sum(line["usd"] for line in ledger_lines()) == pytest.approx(asked * 0.0015)
    assert asked * 0.0015 <= 0.008


def test_a_broken_connection_counts_as_its_prompt(server, make_teacher, tmp_path):
    server.faults = [Fault(how="reset")]
    make_teacher(prices=PRICES).ask(request())
    lines = (tmp_path / "data/spending/answers-abcdefghijk.jsonl").read_text().splitlines()
    assert '"usd": 5' in lines[0], lines
    assert '"usd": 0.0015' in lines[1]


def test_the_first_answer_warms_the_cache_and_the_others_find_it(server, make_teacher):
    """OpenAI puts the schema before the messages, so pass 1 warms nothing for pass 2, and the first answer does."""
    server.caches = True
    talk = "A long talk about soil. " * 1000
    pass_1 = Request([{"role": "user", "content": f"{talk} Ask."}], 100, reply_schema(3))
    teacher = make_teacher()
    teacher.ask(pass_1, fits=lambda text: holds_questions(text, SLOTS))
    answers = [teacher.ask(Request([{"role": "user", "content": f"{talk} {number}"}], 100)) for number in range(12)]
    assert answers[0].usage["cached_tokens"] == 0
    shares = [reply.usage["cached_tokens"] / reply.usage["prompt_tokens"] for reply in answers]
    assert sum(shares) / len(shares) >= 0.8
    assert {sent["prompt_cache_key"] for sent in server.requests} == {"abcdefghijk"}


EMPTY = {
    "nothing": {"content": None},
    "no text": {"content": " \n"},
    "reasoning in a field of its own": {"content": None, "reasoning_content": "Let me see. {}"},
    "reasoning alone": {"content": "<think>hm</think>"},
    "reasoning that is not closed": {"content": "<thinking>hm"},
    "control tokens": {"content": "<|im_end|>\0"},
    "no parts": {"content": []},
}


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_reply_is_asked_for_again_and_not_kept(server, make_teacher, tmp_path, name):
    server.faults = [Fault(message=EMPTY[name])] * 2
    assert make_teacher().ask(request()).text.startswith("The **answer**")
    assert (len(server.requests), kept(tmp_path)) == (3, 1)
    server.faults = [Fault(message=EMPTY[name])] * 9
    with pytest.raises(TeacherError, match=r"abcdefghijk: .* sent an empty reply, or one of reasoning alone, 3 times"):
        make_teacher(retries=2).ask(request("Another"))
    assert kept(tmp_path) == 1


def test_a_reply_of_reasoning_that_was_cut_off_is_not_kept(server, make_teacher, tmp_path):
    server.faults = [Fault(how="length", message={"content": "<think>hm"})] * 2
    with pytest.raises(TeacherError, match=r"has written no answer within 200 tokens.* Raise questions.max_tokens"):
        make_teacher().ask(request())
    assert ([sent["max_tokens"] for sent in server.requests], kept(tmp_path)) == ([100, 200], 0)


def test_an_empty_reply_that_an_earlier_version_kept_is_asked_for_again(server, make_teacher, tmp_path):
    make_teacher().ask(request())
    (path,) = tmp_path.glob(KEPT_REPLIES)
    entry = read_json(path)
    for text in ("", "<think>hm</think>"):
        path.write_text(json.dumps({**entry, "reply": {**entry["reply"], "text": text}}))
        assert not make_teacher().has_reply(request()), "so that understudy plan counts it"
        assert make_teacher().ask(request()).text == entry["reply"]["text"]
        assert make_teacher().has_reply(request())
    path.write_text(json.dumps({**entry, "reply": {**entry["reply"], "text": f"hm</think>{entry['reply']['text']}"}}))
    again = make_teacher().ask(request())
    assert (again.text, again.from_store, len(server.requests)) == (entry["reply"]["text"], True, 3)


def test_parts_tokens_and_a_fence_are_no_fault(server, make_teacher):
    said = "<think>hm</think>```markdown\nThe **answer**.\n```<|im_end|>"
    server.faults = [Fault(message={"content": [{"type": "text", "text": said}]})]
    assert make_teacher().ask(request()).text == "The **answer**."
    assert len(server.requests) == 1


NEARLY_RIGHT = {
    "an extra key": '{"reason": "x", "questions": [{"question": "Why dig?", "tags": ["soil"], "id": 1}]}',
    "a bare array": '[{"question": "Why dig?", "tags": ["soil"]}]',
    "no tags": '{"questions": [{"question": "Why dig?"}]}',
    "tags of null": '{"questions": [{"question": "Why dig?", "tags": null}]}',
    "strings": '{"questions": ["Why dig?"]}',
    "another name": '{"items": [{"question": "Why dig?", "tags": []}]}',
    "deeper": '{"properties": {"questions": [{"question": "Why dig?", "tags": []}]}}',
    "trailing commas": '{"questions": [{"question": "Why dig?", "tags": ["soil",],},]}',
    "single quotes": "{'questions': [{'question': 'Why dig?', 'tags': []}]}",
    "not closed": '{"questions": [{"question": "Why dig?", "tags": []}',
    "one that is none": '{"questions": [null, {"question": 3}, {"question": "Why dig?", "tags": []}]}',
    "words around": 'Here you are:\n```json\n{"questions": [{"question": "Why dig?", "tags": []}]}\n```\nEnjoy!',
    "a map under questions": '{"questions": {"q01": {"question": "Why dig?", "tags": ["soil"]}}}',
    "other names": '{"fragen": [{"frage": "Why dig?", "themen": ["soil"]}]}',
    "capitals": '{"Questions": [{"Question": "Why dig?", "Tags": ["soil"]}]}',
    "by subject": '{"soil": [{"question": "Why dig?", "tags": []}], "seed": []}',
    "pairs of text and tags": '{"questions": [["Why dig?", ["soil"]]]}',
    "one alone": '{"question": "Why dig?", "tags": []}',
    "JSON in a text": '{"questions": "[{\\"question\\": \\"Why dig?\\", \\"tags\\": []}]"}',
    "a call of a tool": '{"name": "QuestionList", "arguments": {"questions": [{"question": "Why dig?", "tags": []}]}}',
    "a draft": '{"questions": [{"question": "A draft?", "tags": []}]} Better: {"questions": [{"question": "Why dig?"}]}',
}


@pytest.mark.parametrize("name", NEARLY_RIGHT)
def test_json_that_is_nearly_right_is_taken_at_once(server, make_teacher, name):
    server.questions_reply = NEARLY_RIGHT[name]
    (question,) = questions_in(ask_questions(make_teacher()).text, SLOTS)
    assert question["question"] == "Why dig?"
    assert len(server.requests) == 1


def test_a_numbered_list_is_taken_where_no_way_of_asking_gives_json(server, make_teacher):
    server.questions_reply = (
        "Here are some:\n\n1. **Why dig?** (soil)\n2) Why wait?\n- When?\n\nLet me know if you need more!"
    )
    assert [q["question"] for q in questions_in(ask_questions(make_teacher()).text, SLOTS)] == [
        "Why dig?",
        "Why wait?",
        "When?",
    ]
    assert len(server.requests) == 3
    another = QUESTIONS._replace(messages=[{"role": "user", "content": "Another talk."}])
    make_teacher().ask(another, fits=lambda text: holds_questions(text, SLOTS))
    assert len(server.requests) == 4, "it was learned"


LISTED = {
    "bold numbers": "**1.** Why dig?\n**2.** Why wait?",
    "in brackets": "(1) Why dig?\n(2) Why wait?",
    "letters": "a) Why dig?\nb) Why wait?",
    "named": "**Question 1:** Why dig?\nTags: soil\n\n**Question 2:** Why wait?\nTags: time",
    "headings": "### 1. Why dig?\nTags: soil\n### 2. Why wait?",
    "lines": "Why dig?\nWhy wait?",
    "a table": "| # | Question | Tags |\n|---|---|---|\n| 1 | Why dig? | soil |\n| 2 | Why wait? | time |",
    "YAML": "questions:\n  - question: Why dig?\n    tags: [soil]\n  - question: Why wait?\n    tags: []",
    "elements": "<questions><question>Why dig?</question><question>Why wait?</question></questions>",
}


@pytest.mark.parametrize("name", LISTED)
def test_a_list_in_words_is_read_however_it_is_marked(name):
    assert json.loads(listed_questions(LISTED[name])) == ["Why dig?", "Why wait?"]


def test_one_object_a_line_and_a_map_from_slots_are_lists():
    for text in (
        '{"question": "Why dig?", "tags": []}\n{"question": "Why wait?"},\n',
        '{"q01": "Why dig?", "q02": "Why wait?"}',
    ):
        taken = fitting_json(text, True, lambda text: holds_questions(text, SLOTS))
        assert [item["question"] for item in questions_in(taken, SLOTS)] == ["Why dig?", "Why wait?"]


@pytest.mark.parametrize(
    "text", ["I can't see the talk. Could you paste it?", "Which talk do you mean?", "It is short."]
)
def test_what_is_asked_back_is_no_list(text):
    assert listed_questions(text) is None
    assert not holds_questions(json.dumps({"message": text}), SLOTS)


def test_a_reply_that_was_cut_off_is_not_repaired(server, make_teacher):
    cut = '{"questions": [{"question": "Why dig?", "tags": []}, {"question": "Why wa'
    server.faults = [Fault(how="length", message={"content": cut})] * 2
    assert ask_questions(make_teacher()).text == cut


def test_three_talks_in_a_row_that_failed_alike_stop_the_run(server, make_teacher):
    server.questions_reply = "I like this talk."

    def failed(name: str):
        teacher = make_teacher()
        teacher._job = Job("questions-x", name)
        asked = QUESTIONS._replace(messages=[{"role": "user", "content": name}])
        assert teacher.ask(asked, fits=lambda text: holds_questions(text, SLOTS)).text == "I like this talk."
        teacher.forget(asked, "it is not the JSON asked for")

    for name in ("one", "two", "two"):
        failed(name)
    good, server.questions_reply = server.questions_reply, None
    ask_questions(make_teacher())
    server.questions_reply = good
    for name in ("three", "four"):
        failed(name)
    with pytest.raises(
        RunStopped, match="3 talks in a row can't be used, for the same reason: it is not the JSON asked for"
    ):
        failed("five")
    with pytest.raises(RunStopped, match="3 talks in a row"):
        make_teacher().ask(request())


@pytest.mark.parametrize(
    ("characters", "read"),
    [(31_200, 4096), (20_000, 4095), (17_500, 4096), (37_000, 4096), (40_000, 8192), (70_000, 8192)],
)
def test_a_prompt_that_was_cut_to_a_context_is_noticed(server, make_teacher, caplog, monkeypatch, characters, read):
    monkeypatch.setattr(log, "propagate", True)
    server.said_usage = {"prompt_tokens": read, "completion_tokens": 60}
    make_teacher().ask(request("x" * (characters - 8)))
    assert f"read {read} tokens of a request of {characters} characters: it has cut the transcript" in caplog.text


def test_the_same_count_for_prompts_of_different_length_is_noticed_over_jobs(server, make_teacher, caplog, monkeypatch):
    monkeypatch.setattr(log, "propagate", True)
    server.said_usage = {"prompt_tokens": 5000, "completion_tokens": 60}
    make_teacher().ask(request("x" * 23_000))
    make_teacher().ask(request("y" * 23_100))
    assert "has cut" not in caplog.text
    make_teacher().ask(request("x" * 25_000))
    assert "read 5000 tokens of a request of 25008 characters: it has cut the transcript" in caplog.text


def test_nobody_who_listens_is_an_error_at_once_that_says_how_to_start_a_server(make_teacher):
    teacher = make_teacher(retries=8, backoff_s=1000, base_url="http://127.0.0.1:9/v1")
    teacher._connect = partial(hosted_client, "http://127.0.0.1:9/v1", 1.0)
    with pytest.raises(TeacherError, match=r"http://127\.0\.0\.1:9/v1 can't be reached") as raised:
        teacher.ask(request())
    for words in ("lms server start", "ollama serve", "llama-server -m model.gguf --port 9", "teacher.base_url"):
        assert words in str(raised.value)


def test_a_server_that_has_answered_is_waited_for(server, make_teacher):
    teacher = make_teacher(retries=1)
    teacher.ask(request())
    teacher._client = hosted_client("http://127.0.0.1:9/v1", 1.0)
    with pytest.raises(TeacherError, match=r"127\.0\.0\.1 can't be reached, or broke off.*, 2 times"):
        teacher.ask(request("Another"))


WRONG_NUMBERS = {
    "cached beside the prompt": {"prompt_tokens": 100, "cached": 900, "completion_tokens": 60},
    "negative": {"prompt_tokens": -900, "completion_tokens": -60},
    "negative cached": {"prompt_tokens": 900, "cached": -900_000, "completion_tokens": 60},
    "NaN": {"prompt_tokens": float("nan"), "completion_tokens": float("nan")},
    "infinite": {"prompt_tokens": float("inf"), "completion_tokens": 60},
    "huge": {"prompt_tokens": 10**400, "completion_tokens": 10**30},
    "strings": {"prompt_tokens": "900", "completion_tokens": "60"},
    "booleans": {"prompt_tokens": True, "completion_tokens": True},
    "halves": {"prompt_tokens": 0.5, "completion_tokens": 0.5},
    "zero": {"prompt_tokens": 0, "completion_tokens": 0},
    "lists": {"prompt_tokens": [900], "completion_tokens": {}},
    "null": {"prompt_tokens": None, "completion_tokens": 60},
}


@pytest.mark.parametrize("name", WRONG_NUMBERS)
def test_with_numbers_that_can_t_be_the_budget_holds_and_nothing_waits(server, make_teacher, name):
    """The highest estimate of a request is 250 tokens of prompt and 100 of reply, 1,300 millionths of a dollar."""
    said = dict(WRONG_NUMBERS[name])
    server.said_usage = {**said, "prompt_tokens_details": {"cached_tokens": said.pop("cached", 0)}}
    teacher = make_teacher(prices=PRICES, budget_usd=0.0065)
    asked = 0
    with pytest.raises(RunStopped, match=r"teacher\.budget_usd"):
        for number in range(40):
            reply = teacher.ask(request("soil " * 118 + str(number)))
            asked += 1
            assert all(type(value) is int and value >= 0 for value in reply.usage.values())
    assert 4 <= asked <= 8
    assert all(0 < line["usd"] <= 0.0015 for line in ledger_lines())


def test_reasoning_that_is_in_the_total_alone_is_paid_for(server, make_teacher):
    server.said_usage = {"prompt_tokens": 150, "completion_tokens": 10, "total_tokens": 400}
    assert make_teacher().ask(request()).usage["completion_tokens"] == 250
    server.said_usage = {"prompt_tokens": 150, "completion_tokens": 10, "total_tokens": float("nan")}
    assert make_teacher().ask(request("Another")).usage["completion_tokens"] == 10


@pytest.mark.parametrize("usd", ["NaN", "-5.0", "Infinity", '"1"', "null"])
def test_an_amount_that_is_none_in_an_old_ledger_keeps_nobody_waiting(server, make_teacher, tmp_path, usd):
    ledger = tmp_path / "data/spending/answers-old.jsonl"
    ledger.parent.mkdir(parents=True)
    ledger.write_text(f'{{"time": 1.0, "settles": "x", "usd": {usd}, "prompt_tokens": 1}}\n')
    (ledger.parent / "summary.json").write_text(f'{{"read": {{}}, "spent": {usd}, "open": {{}}}}')
    assert make_teacher(prices=PRICES, budget_usd=1.0).ask(request()).text
    assert 0 < spent_usd() < 0.01


LOOP = "The soil is good and the soil is good for it. " * 40


def test_a_reply_that_repeats_itself_is_not_asked_for_at_double_length(server, make_teacher, tmp_path):
    server.faults = [Fault(how="length", message={"content": LOOP})]
    assert make_teacher().ask(request()).finish_reason == "length"
    assert make_teacher().ask(request()).from_store
    assert (len(server.requests), kept(tmp_path)) == (1, 1)


def test_json_that_the_server_throws_away_again_and_again_is_asked_for_in_another_way(server, make_teacher):
    spoilt = error(400, "Failed to generate JSON. See 'failed_generation'.", "json_validate_failed")
    server.faults = [spoilt] * 2
    ask_questions(make_teacher())
    assert len(server.requests) == 3 and ServerHabits(server.base_url, "fake-1").rung == "json_schema"
    server.faults = [spoilt] * 3
    another = QUESTIONS._replace(messages=[{"role": "user", "content": "Another talk."}])
    make_teacher().ask(another, fits=lambda text: holds_questions(text, SLOTS))
    assert [sent["response_format"]["type"] for sent in server.requests[3:]] == ["json_schema"] * 3 + ["json_object"]
