"""Conversations and flags as files: whole or absent, of our own names, in one version."""

import csv
import json
import os
from pathlib import Path

import pytest

from understudy.serving.kept.conversations import LARGEST, Conflict, Conversations, NoConversation, NotDeleted
from understudy.serving.kept.flags import COLUMNS, add_flag
from understudy.shared.errors import FileNotWritten, InputFileError
from understudy.text.spreadsheets import uncovered

PLACE = {
    "heading": "Slugs (1:10)",
    "link": "slugs.vtt at 1:10",
    "href": None,
    "start_s": 70.0,
    "text": "Slugs hate beer.",
}
TURN = {
    "question": "How long does it take, and why does it take as long as that, in a wet year?",
    "answer": "Long.",
    "base": None,
    "finish_reason": "stop",
    "decision": "talks",
    "sources": [PLACE | {"number": 1, "title": "Slugs", "end_s": None}],
    "sentences": [{"start": 0, "end": 5, "claims": True, "place": PLACE, "marks": [{"kind": "name", "text": "Long"}]}],
    "flagged": False,
    "asked": "2026-11-29T08:00:00+00:00",
}
BROKEN = "0123456789abcdef"


def conversation_text(**changes) -> str:
    """A conversation's file with some keys changed; surrogates and numbers that are none are written as they are read."""
    same = {"id": BROKEN, "title": "t", "version": 2, "changed": "2026-11-29T08:00:00+00:00", "turns": [TURN]}
    return json.dumps(same | changes)


@pytest.fixture(params=["folder", "memory"])
def kept(request, tmp_path) -> Conversations:
    return Conversations(tmp_path / "conversations" if request.param == "folder" else None)


def test_a_turn_makes_a_version_and_the_first_question_the_title(kept):
    name = kept.new()["id"]
    assert kept.add_turn(name, 1, 0, TURN)["version"] == 2
    record = kept.read(name)
    assert record["title"] == "How long does it take, and why does it take as long as ..." and record["turns"] == [TURN]
    with pytest.raises(Conflict):
        kept.add_turn(name, 1, 1, TURN)
    assert kept.add_turn(name, 2, 1, TURN)["turns"] == [TURN, TURN] and kept.add_turn(name, 3, 0, TURN)["turns"] == [
        TURN
    ]


def test_what_is_read_can_be_changed_without_changing_what_is_kept(kept):
    name = kept.new()["id"]
    kept.read(name)["turns"].append(TURN)
    assert kept.read(name)["turns"] == []


def test_deleted_is_gone(kept):
    names = [kept.new()["id"] for _ in range(3)]
    kept.delete(names[0])
    for action in (
        kept.read,
        kept.delete,
        lambda name: kept.add_turn(name, 1, 0, TURN),
        lambda name: kept.flag(name, 0),
    ):
        with pytest.raises(NoConversation):
            action(names[0])
    assert {one["id"] for one in kept.listed()} == set(names[1:])
    kept.delete_all()
    assert kept.listed() == []


@pytest.mark.parametrize(
    "name", ["", "..", "../../config", "*", "0123456789abcdeF", "0123456789abcdef\n", "/etc/passwd", "%2e"]
)
def test_an_id_that_is_none_of_ours_is_no_path(kept, tmp_path, name):
    (tmp_path / "config.json").write_text("{}")
    kept.new()
    for action in (kept.read, kept.delete):
        with pytest.raises(NoConversation):
            action(name)
    assert len(kept.listed()) == 1 and (tmp_path / "config.json").exists()


@pytest.mark.hostile
@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "\udcff",
        "[" * 100_000,
        conversation_text(title="N").replace('"N"', "[" * 900 + "]" * 900),
        conversation_text(id="0" * 16),
        conversation_text(title=1),
        conversation_text(title="\ud800"),
        conversation_text(version=True),
        conversation_text(version=0).replace('"version": 0', f'"version": {"9" * 5000}'),
        conversation_text(turns=None),
        conversation_text(turns=[5]),
        conversation_text(turns=[TURN | {"answer": "\ud800"}]),
        conversation_text(turns=[TURN | {"answer": {}}]),
        conversation_text(turns=[TURN | {"sources": [[]]}]),
        conversation_text(turns=[TURN | {"sentences": [TURN["sentences"][0] | {"start": "0"}]}]),
        conversation_text(turns=[TURN | {"sources": [TURN["sources"][0] | {"start_s": float("nan")}]}]),
        conversation_text(turns=[TURN | {"sources": [TURN["sources"][0] | {"start_s": 0}]}]).replace(" 0,", " 1e999,"),
        conversation_text(turns=[{name: TURN[name] for name in TURN if name != "sources"}]),
        conversation_text(more=float("nan")),
    ],
)
def test_a_broken_file_is_passed_over_and_opening_it_says_so(tmp_path, content):
    kept = Conversations(tmp_path)
    name = kept.new()["id"]
    (tmp_path / f"{BROKEN}.json").write_text(conversation_text())
    assert {one["id"] for one in kept.listed()} == {name, BROKEN} and kept.read(BROKEN)["turns"] == [TURN]
    (tmp_path / f"{BROKEN}.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    for listing in (kept, Conversations(tmp_path)):
        assert [one["id"] for one in listing.listed()] == [name]
    for action in (kept.read, lambda name: kept.add_turn(name, 2, 1, TURN), lambda name: kept.flag(name, 0)):
        with pytest.raises(InputFileError, match=rf"{BROKEN}\.json"):
            action(BROKEN)
    kept.delete(BROKEN)
    assert list(tmp_path.iterdir()) == [tmp_path / f"{name}.json"]


@pytest.mark.hostile
@pytest.mark.parametrize("kind", ["link", "endless", "lost", "pipe", "folder", "large"])
def test_what_is_no_file_of_our_own_is_never_read(tmp_path, kind):
    """As somebody's pack may have it: a file from elsewhere would be shown, a pipe waited for."""
    kept, path = Conversations(tmp_path / "conversations"), tmp_path / f"conversations/{BROKEN}.json"
    name = kept.new()["id"]
    put_in_the_way(path, kind, conversation_text())
    assert [one["id"] for one in kept.listed()] == [name]
    with pytest.raises(InputFileError, match=rf"{BROKEN}\.json"):
        kept.read(BROKEN)


def put_in_the_way(path: Path, kind: str, content: str) -> None:
    """Put something at `path` that is no file of a usual size; a link leads to `content`."""
    outside = path.parent.parent / "outside"
    outside.write_text(content)
    match kind:
        case "link" | "endless" | "lost":
            path.symlink_to({"link": outside, "endless": "/dev/zero", "lost": "nowhere"}[kind])
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "large":
            path.write_text(content + " " * LARGEST)


@pytest.mark.parametrize("in_the_way", ["data", "data/conversations"])
def test_what_can_t_be_written_is_said_with_the_reason(tmp_path, in_the_way):
    (tmp_path / in_the_way).parent.mkdir(exist_ok=True)
    (tmp_path / in_the_way).write_text("a file")
    kept = Conversations(tmp_path / "data/conversations")
    assert kept.listed() == []
    with pytest.raises(FileNotWritten, match=r"[0-9a-f]{16}\.json can't be written: (Not a directory|File exists)\."):
        kept.new()
    with pytest.raises(NoConversation):
        kept.read(BROKEN)
    if in_the_way == "data":
        with pytest.raises(FileNotWritten, match=r"flags\.csv can't be written: (Not a directory|File exists)\."):
            flag(tmp_path / "data/flags.csv")


@pytest.mark.hostile
def test_what_can_t_be_deleted_keeps_nothing_else_and_is_named(tmp_path):
    kept = Conversations(tmp_path)
    kept.new()
    in_the_way = [tmp_path / f"{number:016x}.json" for number in range(5)]
    for path in in_the_way:
        path.mkdir()
    kept.new()
    with pytest.raises(NotDeleted, match=r"\.json can't be deleted: .*\. So it is with 2 more\.$"):
        kept.delete_all()
    assert sorted(tmp_path.iterdir()) == in_the_way
    with pytest.raises(NotDeleted, match=rf"{in_the_way[0].name} can't be deleted: [^.]+\.$"):
        kept.delete(in_the_way[0].stem)


def test_a_conversation_that_could_not_be_read_again_is_not_written(tmp_path):
    kept = Conversations(tmp_path)
    name = kept.new()["id"]
    with pytest.raises(FileNotWritten, match="too long"):
        kept.add_turn(name, 1, 0, TURN | {"answer": "x" * LARGEST})
    assert kept.read(name)["turns"] == []


def test_what_a_killed_write_has_left_goes_with_the_conversation(tmp_path):
    kept = Conversations(tmp_path)
    name, other = kept.new()["id"], kept.new()["id"]
    (tmp_path / f".{name}.json.abc.part").write_text("half of a question")
    (tmp_path / f".{other}.json.abc.part").write_text("half of a question")
    kept.delete(name)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f".{other}.json.abc.part", f"{other}.json"]
    kept.delete_all()
    assert list(tmp_path.iterdir()) == []


def test_what_is_asked_is_for_nobody_else_on_this_machine(tmp_path):
    kept = Conversations(tmp_path / "data/conversations")
    name = kept.new()["id"]
    kept.add_turn(name, 1, 0, TURN)
    flag(tmp_path / "data/flags.csv")
    for path in (kept.folder, kept.folder / f"{name}.json", tmp_path / "data/flags.csv"):
        assert path.stat().st_mode & 0o77 == 0, path


def test_a_title_of_another_process_is_seen(tmp_path):
    kept, other = Conversations(tmp_path), Conversations(tmp_path)
    name = kept.new()["id"]
    assert other.listed()[0]["title"] == ""
    kept.add_turn(name, 1, 0, TURN)
    assert other.listed()[0]["title"].startswith("How long")
    with pytest.raises(Conflict):
        other.add_turn(name, 1, 0, TURN)


def flag(path, **change) -> None:
    same = {
        "when": "2026-11-29",
        "conversation": "0f",
        "turn": 0,
        "question": "q",
        "answer": "a",
        "passages": [],
        "note": "",
    }
    add_flag(path, **same | change)


def flags_in(path) -> list[dict[str, str]]:
    """The lines of the file, each cell as it was given."""
    rows = csv.DictReader(path.read_text("utf-8-sig").splitlines())
    return [{name: uncovered(cell) for name, cell in row.items()} for row in rows]


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "'=1", "''", 'a "quoted", one', "ünïcode ▸", "x;y", "0x1", ""]
)
def test_a_cell_comes_back_as_it_was_and_is_no_formula(tmp_path, text):
    path = tmp_path / "data/flags.csv"
    flag(path, answer=text, passages=[{"text": text}])
    flag(path, note=text)
    first, second = flags_in(path)
    assert (first["answer"], second["note"]) == (text, text) and json.loads(first["passages"]) == [{"text": text}]
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == ",".join(COLUMNS) and len(lines) == 3


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_a_flag_is_one_line_whatever_is_in_it(tmp_path, end):
    flag(tmp_path / "flags.csv", answer=f"one{end}two", note=f"three{end}{end}four")
    assert (tmp_path / "flags.csv").read_bytes().count(b"\n") == 2
    assert flags_in(tmp_path / "flags.csv")[0]["answer"] == "one two"


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r"])
def test_a_flag_begins_a_line_whatever_program_wrote_the_one_before(tmp_path, end):
    path = tmp_path / "flags.csv"
    flag(path, note="first")
    path.write_bytes(path.read_bytes().rstrip(b"\n") + end.encode())
    flag(path, note="second")
    assert [one["note"] for one in flags_in(path)] == ["first", "second"] and len(path.read_text().splitlines()) == 3


@pytest.mark.hostile
@pytest.mark.parametrize("kind", ["link", "endless", "lost", "pipe", "folder"])
def test_a_flag_is_written_into_no_other_file(tmp_path, kind):
    (tmp_path / "data").mkdir()
    put_in_the_way(tmp_path / "data/flags.csv", kind, "theirs")
    with pytest.raises(FileNotWritten, match=r"flags\.csv can't be written: "):
        flag(tmp_path / "data/flags.csv")
    assert (tmp_path / "outside").read_text() == "theirs" and not (tmp_path / "data/nowhere").exists()
