"""What the page asks for, over HTTP, with the real model or somebody's engine."""

import contextlib
import csv
import json
from collections.abc import Iterator

import httpx2
import pytest

from chat_server import EXAMPLE, MEASURED, ChatServer, garden, http_client

PAGE = {"X-Understudy": "page"}
QUESTION = "How long does a cabbage stalk take to rot?"
ANSWER = "A cabbage stalk takes 9 years to rot. I like it."


def new(http: httpx2.Client) -> str:
    made = http.post("api/conversations", json={}, headers=PAGE).json()
    assert made["version"] == 1
    return made["id"]


def events(text: str) -> list[tuple[str, dict]]:
    """The names and data of a stream's events."""
    blocks = [block.split("\n") for block in text.split("\n\n") if block and not block.startswith(":")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


def ask(http: httpx2.Client, name: str, question: str = QUESTION, **change) -> httpx2.Response:
    body = {"question": question, "keep": 0, "version": 1, "compare": False} | change
    return http.post(f"api/conversations/{name}/turns", json=body, headers=PAGE)


@contextlib.contextmanager
def lines_of_answer(http: httpx2.Client, name: str) -> Iterator[Iterator[str]]:
    """The stream's lines as they come, after the first question of a conversation; leaving it closes the connection."""
    body = {"question": QUESTION, "keep": 0, "version": 1, "compare": False}
    with http.stream("POST", f"api/conversations/{name}/turns", json=body, headers=PAGE) as reply:
        yield reply.iter_lines()


def test_the_project_as_the_page_shows_it(http):
    assert http.get("api/project").json() == {
        "name": "garden",
        "model": "garden-Q4_K_M",
        "voice": "Nell Harrow, a plain-spoken gardener",
        "notice": "A model wrote this.",
        "strict": False,
        "measured": MEASURED,
        "examples": [EXAMPLE],
        "sources": True,
        "gate": True,
        "compare": True,
        "flags": True,
    }


def test_a_turn_has_sources_first_then_pieces_sentences_and_what_is_stored(theirs, engine):
    engine.says(ANSWER)
    with http_client(theirs) as http:
        name = new(http)
        said = events(ask(http, name).text)
        stored = http.get(f"api/conversations/{name}").json()
    assert said[0][0] == "sources" and said[0][1]["decision"] == "talks" and said[-1][0] == "end"
    assert "".join(data["text"] for kind, data in said if kind == "piece") == ANSWER
    turn = said[-1][1]["turn"]
    assert stored == {"id": name, "title": QUESTION, "version": 2, "turns": [turn], "answering": False}
    first, second = turn["sentences"]
    assert (ANSWER[first["start"] : first["end"]], second["claims"]) == ("A cabbage stalk takes 9 years to rot.", False)
    assert first["place"]["href"] == first["place"]["link"] and first["place"]["start_s"] == 70.0
    assert first["marks"] == [{"kind": "number", "text": "9 years"}] and turn["finish_reason"] == "stop"
    assert [data for kind, data in said if kind == "sentences"][-1]["sentences"] == turn["sentences"]


def test_base_and_tuned_model_are_asked_with_the_same_passages(server, http):
    name = new(http)
    said = events(ask(http, name, compare=True).text)
    turn = said[-1][1]["turn"]
    pieces = {who: "".join(d["text"] for k, d in said if k == "piece" and d["who"] == who) for who in ("tuned", "base")}
    assert pieces == {"tuned": turn["answer"], "base": turn["base"]} and pieces["base"]


@pytest.mark.hostile
def test_half_a_character_in_a_question_or_an_answer_is_replaced_and_the_turn_is_stored(theirs, engine):
    engine.says("Two \ud800 years.")
    with http_client(theirs) as http:
        name = new(http)
        body = {"question": "Do stalks rot \udfff?", "keep": 0, "version": 1, "compare": False}
        said = events(http.post(f"api/conversations/{name}/turns", content=json.dumps(body), headers=json_too()).text)
        (turn,) = http.get(f"api/conversations/{name}").json()["turns"]
        flag = json.dumps({"conversation": name, "turn": 0, "note": "\ud800"})
        assert http.post("api/flags", content=flag, headers=json_too()).status_code == 200
    assert said[-1] == ("end", {"turn": turn, "version": 2})
    assert (turn["question"], turn["answer"]) == ("Do stalks rot \ufffd?", "Two \ufffd years.")


def test_editing_a_question_keeps_the_turns_before_it_and_another_tab_is_told(theirs, engine):
    engine.says("Two years.")
    with http_client(theirs) as http:
        name = new(http)
        for number in range(3):
            ask(http, name, f"Question {number} about stalks?", keep=number, version=number + 1)
        late = ask(http, name, "From the other tab", keep=3, version=2)
        assert late.status_code == 409 and "another tab" in late.json()["error"]
        ask(http, name, "Edited, about stalks?", keep=1, version=4)
        stored = http.get(f"api/conversations/{name}").json()
    assert [turn["question"] for turn in stored["turns"]] == ["Question 0 about stalks?", "Edited, about stalks?"]
    assert stored["title"] == "Question 0 about stalks?" and stored["version"] == 5


def test_what_there_is_of_a_stopped_answer_is_stored(theirs, engine):
    engine.says("Two years, I say. " * 9, holds=2)
    with http_client(theirs) as http:
        name = new(http)
        with lines_of_answer(http, name) as lines:
            while "Two years" not in next(lines):
                pass
            assert http.get(f"api/conversations/{name}").json()["answering"] is True
            assert ask(http, name).status_code == 409
        while (stored := http.get(f"api/conversations/{name}").json())["answering"]:
            pass
    (turn,) = stored["turns"]
    assert turn["finish_reason"] == "stopped" and turn["answer"].startswith("Two years") and stored["version"] == 2


def test_a_conversation_that_is_deleted_while_it_is_answered_stays_deleted(theirs, engine):
    engine.says("Two years, I say. " * 9, holds=2)
    with http_client(theirs) as http:
        name = new(http)
        with lines_of_answer(http, name) as lines:
            assert next(lines) == "event: sources"
            assert http.delete(f"api/conversations/{name}", headers=json_too()).status_code == 200
            engine.goes_on.set()
            rest = list(lines)
        assert "event: error" in rest and "There is no such conversation." in rest[-2]
        assert http.get(f"api/conversations/{name}").status_code == 404
    assert list(theirs.project.glob("data/conversations/*")) == []


def json_too() -> dict[str, str]:
    return PAGE | {"Content-Type": "application/json"}


def test_deleting_leaves_nothing_of_what_was_asked(theirs, engine):
    engine.says("Two years.")
    with http_client(theirs) as http:
        names = [new(http) for _ in range(3)]
        ask(http, names[0], "What about the zyxwv of my stalks?")
        listed = http.get("api/conversations").json()["conversations"]
        assert [one["id"] for one in listed].count(names[0]) == 1 and len(listed) == 3
        holding = [path for path in theirs.project.rglob("*") if path.is_file() and b"zyxwv" in path.read_bytes()]
        assert [path.name for path in holding] == [f"{names[0]}.json"] and holding[0].parent.stat().st_mode & 0o77 == 0
        assert http.delete("api/conversations", headers=json_too()).json() == {}
        assert http.get("api/conversations").json() == {"conversations": []}
    assert list(theirs.project.glob("data/conversations/*")) == [] and "zyxwv" not in theirs.printed.read_text()


def test_a_flag_puts_question_answer_and_passages_into_the_project_s_file(theirs, engine):
    engine.says("=cmd|'/c calc'!A0")
    with http_client(theirs) as http:
        name = new(http)
        ask(http, name)
        body = {"conversation": name, "turn": 0, "note": "Wrong:\nit is 2"}
        assert http.post("api/flags", json=body, headers=PAGE).json() == {}
        stored = http.get(f"api/conversations/{name}").json()
        assert stored["turns"][0]["flagged"] is True and stored["version"] == 2
        assert http.post("api/flags", json=body | {"turn": 7}, headers=PAGE).status_code == 404
        (theirs.project / "data/flags.csv").rename(theirs.project / "data/kept.csv")
        (theirs.project / "data/flags.csv").mkdir()
        ask(http, name, keep=1, version=2)
        refused = http.post("api/flags", json=body | {"turn": 1}, headers=PAGE)
        assert refused.status_code == 500 and "flags.csv can't be written: " in refused.json()["error"]
        assert http.get(f"api/conversations/{name}").json()["turns"][1]["flagged"] is False
    path = theirs.project / "data/kept.csv"
    (flag,) = csv.DictReader(path.read_text("utf-8-sig").splitlines())
    assert (flag["question"], flag["answer"], flag["note"]) == (QUESTION, f"'{engine.answer}", "Wrong: it is 2")
    assert json.loads(flag["passages"])[0]["link"].startswith("https://youtu.be/")
    assert path.read_bytes().count(b"\n") == 2 and b",'=cmd" in path.read_bytes()


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "api/conversations", {"Content-Type": "application/json"}, 403),
        ("POST", "api/conversations", PAGE | {"Content-Type": "text/plain"}, 415),
        ("DELETE", "api/conversations", {}, 403),
        ("DELETE", "api/conversations/0123456789abcdef", PAGE, 415),
        ("POST", "api/flags", {"Content-Type": "application/json"}, 403),
        ("PUT", "api/conversations", PAGE, 405),
        ("GET", "api/conversations/0123456789abcdef", {}, 404),
        ("GET", "api/conversations/..%2f..%2fconfig", {}, 404),
        ("GET", "api/nothing", {}, 404),
    ],
)
def test_a_change_wants_what_only_the_page_sends(http, method, path, headers, status):
    reply = http.request(method, path, content=b"{}", headers=headers)
    assert reply.status_code == status and isinstance(reply.json()["error"], str)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"question": " "}, 400),
        ({"question": 7}, 400),
        ({"question": "x" * 20_001}, 413),
        ({"keep": 1}, 400),
        ({"keep": -1}, 400),
        ({"keep": True}, 400),
        ({"version": 2}, 409),
        ({"version": "1"}, 400),
    ],
)
def test_a_turn_that_can_t_be_is_refused(http, change, status):
    assert ask(http, new(http), **change).status_code == status


def test_an_engine_that_dies_ends_the_stream_with_a_sentence(theirs, engine):
    engine.__exit__()
    with http_client(theirs) as http:
        name = new(http)
        assert events(ask(http, name).text)[-1][0] == "error"
        assert http.get(f"api/conversations/{name}").json()["turns"] == []


def test_strict_answers_are_the_talks_own_and_no_model_is_loaded(tmp_path):
    project = garden(tmp_path / "garden")
    config = (project / "config.yaml").read_text()
    (project / "config.yaml").write_text(config.replace("answering:\n", "answering:\n  strict: true\n"))
    (project / "models/garden-Q4_K_M.gguf").unlink()
    (project / "models/garden-Q4_K_M.gguf").write_bytes(b"no model")
    with ChatServer(project) as server, http_client(server) as http:
        said = events(ask(http, new(http)).text)
        title = {"messages": [{"role": "user", "content": "### Task: a title"}]}
        assert http.post("v1/chat/completions", json=title).status_code == 400
    turn = said[-1][1]["turn"]
    assert "A cabbage stalk takes two years to rot" in turn["answer"]
    assert all(one["place"]["text"] == turn["answer"][one["start"] : one["end"]] for one in turn["sentences"])


@pytest.mark.hostile
def test_half_a_character_in_the_configuration_takes_nothing_away(tmp_path, engine):
    project = garden(tmp_path / "garden")
    config = (project / "config.yaml").read_text()
    (project / "config.yaml").write_text(config.replace("A model wrote this.", '"\\ud800 A model."'))
    row = {"video_id": "a", "question": "Peas \ud800?"}
    (project / "data/dataset/pairs.jsonl").write_text(json.dumps(row) + "\n")
    with ChatServer(project, "--engine", engine.url) as server, http_client(server) as http:
        shown = http.get("api/project").json()
    assert (shown["notice"], shown["examples"]) == ("\ufffd A model.", ["Peas \ufffd?"])


def test_without_a_project_conversations_are_in_memory_alone(tmp_path):
    project = garden(tmp_path / "garden")
    model = tmp_path / "alone.gguf"
    model.symlink_to((project / "models/garden-Q4_K_M.gguf").resolve())
    with ChatServer(project, str(model)) as server, http_client(server) as http:
        shown = http.get("api/project").json()
        assert (shown["name"], shown["sources"], shown["flags"]) == ("alone", False, False)
        name = new(http)
        ask(http, name, "Who are you?")
        assert http.get(f"api/conversations/{name}").json()["turns"][0]["answer"]
        assert http.post("api/flags", json={"conversation": name, "turn": 0}, headers=PAGE).status_code == 404
    assert not (project / "data/conversations").exists() and not (tmp_path / "conversations").exists()
