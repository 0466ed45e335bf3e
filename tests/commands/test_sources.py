"""understudy search, and the sources that understudy chat shows before an answer, with the real llama.cpp."""

import json
import sqlite3
import subprocess

import pytest

from project import in_a_process, understudy
from random_llama import packaged_model
from talks_to_search import CONFIG, MINILM, WORDS_ALONE, index_talks, search_in, transcript, write_settings, write_talks
from understudy.commands import chat, search
from understudy.commands.talks import Talks
from understudy.passages.embedder import vectors_name
from understudy.passages.gate import GATE, Gate
from understudy.passages.store import INDEX, PASSAGES, RECORD
from understudy.passages.vectors import what_shapes_vectors
from understudy.retrieve.gate import build_gate
from understudy.shared.files import read_json, write_json, write_json_lines

BRIEF = ("--temperature", "0", "--max-tokens", "12")


@pytest.fixture
def project(tmp_path):
    """Two talks with their index, and SmolLM2 as the project's model."""
    write_settings(tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models/x-Q4_K_M.gguf").symlink_to(packaged_model())
    write_talks(
        tmp_path,
        [
            transcript(
                "slugs-slugs", [[0.0, 9.0, "Hello to you all."], [133.5, 9.0, "Slugs hate beer traps."]], "Slugs"
            ),
            transcript("beans-beans", [[0.0, 9.0, "Beans like it warm."], [9.0, 9.0, "Pick beans young."]], "Beans"),
        ],
        published="2024-05-01",
    )
    index_talks(tmp_path)
    return tmp_path


def test_search_prints_place_link_and_marked_words(project):
    done = understudy("search", "what do slugs hate?", cwd=project)
    assert done.stdout.startswith(
        "1. Slugs (2024), 2:13\n   https://youtu.be/slugs-slugs?t=133\n   *Slugs* *hate* beer traps.\n"
    )


def test_search_takes_words_without_quotation_marks_and_a_limit(project):
    assert understudy("search", "beans", "--limit", "1", cwd=project).stdout.count("youtu.be") == 1


def test_json_has_what_programs_need(project):
    (passage,) = json.loads(understudy("search", "--json", "beer", cwd=project).stdout)
    assert {name: passage[name] for name in ("video_id", "title", "start_s", "link", "text")} == {
        "video_id": "slugs-slugs",
        "title": "Slugs",
        "start_s": 133.5,
        "link": "https://youtu.be/slugs-slugs?t=133",
        "text": "Slugs hate beer traps.",
    }
    assert set(passage) == {"video_id", "title", "start_s", "end_s", "text", "link", "score"}
    assert json.loads(understudy("search", "--json", "zzz", cwd=project).stdout) == []


def test_search_without_an_index_says_what_to_type(project):
    (project / INDEX / PASSAGES).unlink()
    done = understudy("search", "beer", cwd=project)
    assert done.returncode == 1 and "Make it: understudy run -f data/index/index.json" in done.stderr


def test_a_question_without_a_found_word_says_so(project):
    done = understudy("search", "zzz", cwd=project)
    assert (done.returncode, done.stdout) == (0, search.NOTHING_FOUND + "\n")


def test_chat_shows_its_sources_first(project):
    done = understudy("chat", "What do slugs hate?", *BRIEF, cwd=project)
    lines = done.stdout.split("\n")
    assert lines[:2] == ["From the talks:", "  1. Slugs (2024), 2:13  https://youtu.be/slugs-slugs?t=133"]
    assert lines[2] == "     Slugs hate beer traps." and lines[lines.index("") + 1] and done.stderr == ""


def test_the_index_is_that_of_the_project_that_the_model_lies_in(project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    done = understudy("chat", project / "models/x-Q4_K_M.gguf", "What do slugs hate?", *BRIEF, cwd=elsewhere)
    assert "slugs-slugs" in done.stdout


def test_chat_without_sources(project):
    asked = understudy("chat", "--no-sources", "What do slugs hate?", *BRIEF, cwd=project)
    assert "youtu.be" not in asked.stdout and asked.stdout.strip()
    (project / INDEX / PASSAGES).unlink()
    assert understudy("chat", "What do slugs hate?", *BRIEF, cwd=project).stdout == asked.stdout


def test_a_broken_index_is_named_and_the_model_answers_alone(project):
    (project / INDEX / PASSAGES).write_bytes(b"junk" * 4096)
    done = understudy("chat", "What do slugs hate?", *BRIEF, cwd=project)
    assert done.returncode == 0 and "answers come without sources" in done.stderr and done.stdout.strip()


def test_an_index_that_breaks_in_use_is_named_once_a_question(project):
    with sqlite3.connect(project / INDEX / PASSAGES) as connection:
        connection.execute("DROP TABLE sentences")
    connection.close()
    done = understudy("chat", "What do slugs hate?", *BRIEF, cwd=project)
    assert done.returncode == 0 and "the talks can't be searched" in done.stderr and done.stdout.strip()


def test_a_follow_up_knows_the_question_before_and_passages_go_with_the_last_one_only(project, monkeypatch):
    sent, asked = [], []
    answer = chat.answer
    monkeypatch.setattr(chat, "answer", lambda *arguments: sent.append(arguments[1]) or answer(*arguments))
    opened = search_in(project)
    passages = opened.passages
    monkeypatch.setattr(
        opened,
        "passages",
        lambda question, before, limit: asked.append((question, before)) or passages(question, before, limit),
    )
    questions = ["What do slugs hate?", "And where do I put it?"]
    chat.chat(packaged_model(), iter(questions), talks=Talks(opened), temperature=0, max_tokens=8)
    assert asked == [(questions[0], None), (questions[1], questions[0])]
    first, second = sent
    assert first[0]["content"].endswith("Question: What do slugs hate?") and "beer traps" in first[0]["content"]
    assert second[0]["content"] == questions[0]
    assert "beer traps" in second[2]["content"] and second[2]["content"].endswith(f"Question: {questions[1]}")


LARGE = ("httpx2", "jinja2", "mlx", "openai", "scipy", "transformers", "xllamacpp")
LOADED_BY_A_SEARCH = """
import json
from understudy.commands.search import search
search("What do slugs hate?", json.loads(sys.argv[1]), 1, False)
print([name for name in sys.argv[2:] if name in sys.modules])
"""


def test_a_search_by_words_loads_nothing_large(project):
    """Sources are shown at once: benchmarks/retrieval.py has the seconds."""
    done = subprocess.run(
        in_a_process(LOADED_BY_A_SEARCH, json.dumps(WORDS_ALONE), *LARGE),
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "beer" in done.stdout and done.stdout.endswith("\n[]\n")


def test_an_embedding_server_that_is_off_leaves_the_words(project):
    """The index was made with vectors; the server is no longer there."""
    index_talks(project, MINILM)
    (project / "config.yaml").write_text(
        CONFIG + "retrieval: {embedder: {base_url: 'http://127.0.0.1:9/v1', model: minilm}}\n"
    )
    index = project / INDEX / PASSAGES
    name = vectors_name(what_shapes_vectors({**WORDS_ALONE, "base_url": "http://127.0.0.1:9/v1", "model": "minilm"}))
    with sqlite3.connect(index) as connection:
        connection.execute("UPDATE vectors SET embedder = ?", (name,))
    connection.close()
    done = understudy("search", "what do slugs hate?", cwd=project)
    assert done.returncode == 0 and "Slugs (2024), 2:13" in done.stdout and "searched by words alone" in done.stderr


def gate_for(project) -> dict:
    """data/gate.json as its rule writes it for talks without questions: the default."""
    write_json_lines(project / "pairs.jsonl", [])
    write_json_lines(project / "others.jsonl", [])
    paths = ("pairs.jsonl", "others.jsonl", INDEX / RECORD, GATE)
    build_gate(*(str(project / path) for path in paths), WORDS_ALONE)
    return read_json(project / GATE)


def test_what_is_not_covered_gets_a_sentence_and_the_nearest_talks(project):
    gate_for(project)
    asked = understudy(
        "chat", "Should the landlord of beans repay my deposit for the broken window?", *BRIEF, cwd=project
    )
    assert asked.stdout.split("\n") == [
        "There is no talk about this.",
        "The nearest are:",
        "  1. Beans (2024), 0:00  https://youtu.be/beans-beans?t=0",
        "     Beans like it warm. Pick beans young.",
        "",
        "",
    ]
    assert asked.stderr == ""


def test_no_gate_asks_the_model_all_the_same(project):
    gate_for(project)
    question = "Who repairs the broken window of my landlord?"
    asked = understudy("chat", "--no-gate", question, *BRIEF, cwd=project)
    (project / GATE).unlink()
    assert asked.stdout == understudy("chat", question, *BRIEF, cwd=project).stdout
    assert "no talk about this" not in asked.stdout


def test_what_is_covered_and_greetings_reach_the_model_with_and_without_sources(project):
    gate_for(project)
    assert "slugs-slugs" in understudy("chat", "What do slugs hate?", *BRIEF, cwd=project).stdout
    greeted = understudy("chat", "Hello, who are you?", *BRIEF, cwd=project)
    assert greeted.stdout.strip() and greeted.stderr == ""
    assert not any(said in greeted.stdout for said in ("youtu.be", "no talk", search.NOTHING_FOUND))


def test_a_conversation_goes_on_after_what_is_not_covered(project):
    """The follow-up is judged with the question before it, as it is searched."""
    gate_for(project)
    said = []
    opened = search_in(project)
    gate = Gate.read(project / GATE)
    gate.check(opened)
    questions = ["Who repairs the broken window?", "thanks!", "What do slugs hate?", "And do they hate it much?"]
    decide = gate.decide
    gate.decide = lambda *arguments: said.append(decide(*arguments)) or said[-1]
    chat.chat(packaged_model(), iter(questions), talks=Talks(opened, gate), temperature=0, max_tokens=8)
    assert [decision.kind for decision in said] == ["not_covered", "small_talk", "talks", "talks"]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"index": {}}, "was made with another index or embedder"),
        ({"version": 0}, "is no gate"),
        ({"words": {"figures": ["x"]}}, "is no gate"),
        ({"words": None}, "is no gate"),
    ],
)
def test_a_gate_that_does_not_fit_is_a_warning(project, broken, says):
    write_json(project / GATE, gate_for(project) | broken)
    done = understudy("chat", "Who repairs the broken window?", *BRIEF, cwd=project)
    assert done.returncode == 0 and says in done.stderr and "understudy run -f data/gate.json" in done.stderr
    assert "no talk about this" not in done.stdout and done.stdout.strip()


def test_each_sentence_of_an_answer_is_shown_with_its_nearest_place(project, monkeypatch, capsys):
    monkeypatch.setattr(
        chat, "answer", lambda *_: "Slugs really hate **14 beer traps** outside. Foxes dislike the moon.\n\nGood luck!"
    )
    chat.chat(packaged_model(), iter(["What do slugs hate?"]), talks=Talks(search_in(project)), temperature=0)
    said = capsys.readouterr().out
    assert "1 of 2 sentences have a place in the talks; the nearest, which proves nothing:" in said
    assert (
        "- Slugs really hate 14 beer traps outside.\n    Slugs (2024), 2:13  https://youtu.be/slugs-slugs?t=133; not there: 14"
        in said
    )
    assert "- Foxes dislike the moon.\n    no place" in said and "Good luck" not in said.split("proves nothing")[1]


@pytest.mark.hostile
def test_strict_answers_are_the_talks_own_sentences_and_no_model_is_asked(project):
    configure(project, strict=True, notice="This is no advice.")
    (project / "models/x-Q4_K_M.gguf").unlink()
    (project / "models/x-Q4_K_M.gguf").write_bytes(b"no model")
    done = understudy("chat", "What do slugs hate?", cwd=project)
    assert done.returncode == 0, done.stderr
    first, place, *_ = done.stdout.splitlines()
    assert (first, place.strip()) == (
        "Slugs hate beer traps.",
        "Slugs (2024), 2:13  https://youtu.be/slugs-slugs?t=133",
    )
    assert done.stdout.endswith("\n\nThis is no advice.\n")
    nothing = understudy("chat", "xylophone quartets", cwd=project)
    assert "The talks have nothing on this." in nothing.stdout and "This is no advice." in nothing.stdout


@pytest.mark.hostile
@pytest.mark.parametrize("how", ["no index", "broken index", "--no-sources"])
def test_where_strict_answers_have_no_talks_nothing_is_answered(project, how):
    configure(project, strict=True)
    index = project / INDEX / PASSAGES
    if how == "no index":
        index.unlink()
    if how == "broken index":
        index.write_bytes(b"no index")
    options = [how] if how.startswith("--") else []
    done = understudy("chat", *options, "What do slugs hate?", cwd=project)
    assert done.returncode == 1 and done.stdout == "" and done.stderr.startswith("Error: ")


@pytest.mark.hostile
@pytest.mark.parametrize("options", [(), ("--no-sources",)])
def test_where_the_configuration_cannot_be_read_no_model_answers_either(project, options):
    (project / "config.yaml").write_text(f"{CONFIG}answering:\n  strict: true\n notice: [\n")
    done = understudy("chat", *options, "What do slugs hate?", *BRIEF, cwd=project)
    assert done.returncode == 1 and done.stdout == "" and "config.yaml" in done.stderr


@pytest.mark.hostile
def test_what_was_measured_and_the_notice_stand_under_answers(project):
    configure(project, notice="This is no advice.\x1b[31m")
    write_json(project / "models/x/evaluation.json", {"truth": {"error": "Of ten such answers about 3 are made up."}})
    done = understudy("chat", "What do slugs hate?", *BRIEF, cwd=project)
    assert "\nOf ten such answers about 3 are made up.\n" in done.stdout
    assert "\n\nThis is no advice." in done.stdout and "\x1b" not in done.stdout


@pytest.mark.parametrize("strict", [True, False])
def test_what_was_measured_stands_under_no_answer_that_is_not_the_models(project, strict):
    configure(project, strict=strict)
    write_json(project / "models/x/evaluation.json", {"truth": {"error": "Of ten such answers about 3 are made up."}})
    gate_for(project)
    done = understudy("chat", "What do slugs hate?" if strict else "xylophone quartets", *BRIEF, cwd=project)
    assert done.returncode == 0 and "Of ten such" not in done.stdout


def configure(project, **answering: object) -> None:
    (project / "config.yaml").write_text(f"{CONFIG}answering: {json.dumps(answering)}\n")
