"""Replies of the embedded teacher, read as they are written."""

import json
from types import SimpleNamespace

import pytest

from understudy.teach.question_list import reply_schema
from understudy.teacher.client import Job, Teacher
from understudy.teacher.requests import Request
from understudy.teacher.store import ResponseStore
from understudy.teacher.streaming import StreamingClient
from understudy.text.loops import is_loop

LOOP = "The soil is good and the soil is good for it. "
TALK = (
    "Dig the bed in autumn, when the ground is wet but not yet frozen. Leave the clods as they fall; frost breaks them. In March "
    "rake them level, and sow carrots in rows a hand apart. Thin them twice, the second time in June, and eat what you pull. "
    "Never water in the evening, because slugs come out at night and love wet leaves. A board laid between the rows is a trap. "
)
IDENTITY = {"model": None, "gguf": "m.gguf", "revision": None, "temperature": 0, "reasoning_effort": None, "seed": 7}
SETTINGS = {"prices": None, "budget_usd": None, "retries": 1, "backoff_s": 0.01, "timeout_s": 5, "base_url": None}


class Stream:
    """Chunks of a reply; counts those that were read."""

    def __init__(self, text: str, finish_reason: str):
        self.pieces = [text[at : at + 10] for at in range(0, len(text), 10)]
        self.finish_reason = finish_reason
        self.read = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_closed = True

    def __iter__(self):
        for piece in self.pieces:
            self.read += 1
            yield self.chunk(piece, None, None)
        yield self.chunk(None, self.finish_reason, None)
        yield SimpleNamespace(
            model="m",
            choices=[],
            usage=SimpleNamespace(prompt_tokens=50, completion_tokens=len(self.pieces), prompt_tokens_details=None),
        )

    def chunk(self, text, finish_reason, usage):
        delta = SimpleNamespace(content=text, refusal=None)
        return SimpleNamespace(
            model="m", usage=usage, choices=[SimpleNamespace(delta=delta, finish_reason=finish_reason)]
        )


class Server:
    """Streams `replies` in turn; keeps what it was asked."""

    def __init__(self, *replies: tuple[str, str]):
        self.streams = [Stream(*reply) for reply in replies]
        self.left = list(self.streams)
        self.asked: list[dict] = []
        self.base_url, self.api_key = SimpleNamespace(host="127.0.0.1"), "none"
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=self.create))

    def create(self, **options):
        self.asked.append(options)
        return self.left.pop(0)


@pytest.fixture
def teacher_of(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def teacher_of(server: Server) -> Teacher:
        job = Job("questions-abcdefghijk", "abcdefghijk")
        return Teacher(lambda: StreamingClient(server), job, "m", IDENTITY, SETTINGS, ResponseStore(IDENTITY))

    return teacher_of


def ask(teacher: Teacher, **more):
    return teacher.ask(Request([{"role": "user", "content": "A talk."}], 8192, **more), enough=300)


def test_a_reply_is_put_together(teacher_of):
    server = Server((TALK, "stop"))
    reply = ask(teacher_of(server))
    assert (reply.text, reply.finish_reason, reply.model) == (TALK, "stop", "m")
    assert reply.usage == {"prompt_tokens": 50, "cached_tokens": 0, "completion_tokens": len(server.streams[0].pieces)}
    (asked,) = server.asked
    assert asked["max_tokens"] == 300, "what is enough for the task, not what is allowed"
    assert (asked["seed"], asked["temperature"], asked["stream"]) == (7, 0, True)


def test_a_loop_is_ended_and_asked_for_with_another_seed(teacher_of):
    server = Server((TALK + LOOP * 500, "length"), (TALK, "stop"))
    assert ask(teacher_of(server)).text == TALK
    first = server.streams[0]
    assert first.is_closed and first.read < len(first.pieces) / 10
    assert [asked["seed"] for asked in server.asked] == [7, 8]
    assert server.asked[1]["temperature"] > 0, "or the same would come again"


def test_what_stays_a_loop_is_asked_for_three_times_and_not_at_double_length(teacher_of):
    server = Server(*[(LOOP * 500, "length")] * 3)
    reply = ask(teacher_of(server))
    assert reply.finish_reason == "length" and len(reply.text) < 3000
    assert [asked["seed"] for asked in server.asked] == [7, 8, 9]
    assert {asked["max_tokens"] for asked in server.asked} == {300}
    assert ask(teacher_of(Server())).from_store


def test_what_is_cut_off_without_a_loop_gets_twice_as_much_once(teacher_of):
    server = Server((TALK, "length"), (TALK * 2, "stop"))
    assert ask(teacher_of(server)).text == TALK * 2
    assert [asked["max_tokens"] for asked in server.asked] == [300, 600]


def test_lists_and_json_are_no_loops():
    questions = [
        {"question": f"How does {word} change a garden in {month}?", "tags": ["soil", word]}
        for word in TALK.split()[:12]
        for month in ("May",)
    ]
    for text in (TALK * 2, json.dumps({"questions": questions}, indent=2), "| a | b |\n| --- | --- |\n" + TALK):
        assert not is_loop(text)
    assert reply_schema(12)
    for text in (
        TALK + LOOP * 20,
        "-" * 500,
        '"", ' * 200,
        "好的。" * 200,
        TALK + "".join(f"{number}. {LOOP.strip()}\n" for number in range(20)),
        TALK * 4,
        json.dumps({"questions": questions[:1] * 40}),
    ):
        assert is_loop(text)
