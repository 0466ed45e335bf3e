"""Arms and contexts: which are asked, the prompted rival, and the passages of the held-out questions."""

import re
from pathlib import Path

import pytest

from project import REPOSITORY
from random_llama import write_random_llama
from talks_to_search import WORDS_ALONE, index_talks, transcript, write_talks
from tiny_training import BASE, TRAIN, VALID, chat_row
from understudy.configuration import complete_configuration
from understudy.evaluate.context_answers import answer_in_context
from understudy.evaluate.contexts import CONTEXTS, arms_in_contexts
from understudy.evaluate.held_out_passages import write_held_out_passages
from understudy.evaluate.persona import persona_messages, takes_system, typical_pairs
from understudy.evaluate.row_reading import FolderReader
from understudy.passages.frame import INTRODUCTION, framed, question_of
from understudy.passages.sources import Passage
from understudy.shared.errors import ConfigurationError
from understudy.shared.files import read_json, read_json_lines, write_json_lines
from understudy.teacher.prompts import filled_prompt

PAIRS = "data/dataset/pairs.jsonl"
SETTINGS = {"max_examples": 20, "seed": 42, "max_tokens": 8, "repeat_penalty": 1.1, "temperature": 0, "top_p": 1}
SUBJECTS = ("leeks", "roses", "slugs")


def evaluation(**keys):
    return {"arms": [], "contexts": [], **keys}


def test_nothing_new_is_asked_unless_somebody_asks_for_it():
    assert arms_in_contexts(evaluation(), False) == []
    assert arms_in_contexts(evaluation(contexts="all"), False) == []
    assert arms_in_contexts(evaluation(arms=["tuned"]), False) == [("retrieved", "tuned")]


def test_a_grounded_project_compares_prompted_and_tuned_and_may_have_the_whole_matrix():
    assert arms_in_contexts(evaluation(), True) == [("retrieved", "prompted"), ("retrieved", "tuned")]
    whole = arms_in_contexts(evaluation(contexts="all"), True)
    assert {context for context, _ in whole} == set(CONTEXTS)
    assert {arm for _, arm in whole} == {"base", "prompted", "tuned"} and len(whole) == 12


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"arms": ["best"]}, "evaluation.arms has 'best'; it takes base, prompted, tuned, Q4_K_M"),
        ({"models": {"prompted": "x"}}, "evaluation.models has the name 'prompted'"),
        ({"contexts": "some"}, "evaluation.contexts is 'some'; it takes"),
        ({"contexts": ["some"]}, "evaluation.contexts.0 is 'some'; it takes one of none, true, retrieved, misses"),
    ],
)
def test_what_is_no_arm_or_context_is_named(keys, says):
    with pytest.raises(ConfigurationError, match=re.escape(says)):
        configuration(keys)


def test_yaml_may_take_true_for_a_truth_value():
    assert configuration({"contexts": ["none", True]})["evaluation"]["contexts"] == ["none", "true"]


def configuration(keys):
    given = {"name": "x", "source": {"captions_dir": "captions"}, "teacher": {"model": "m"}, "base_model": "b"}
    return complete_configuration({**given, "evaluation": keys}, REPOSITORY / "schemas/config.schema.yaml")


def test_a_question_is_found_again_in_its_frame():
    passage = Passage("x" * 11, "T", None, None, 1.0, 2.0, "Some\n\nQuestion: none", "", 1.0)
    for question in ("Why?", "Why?\n\nQuestion: or how?", INTRODUCTION):
        assert question_of(framed(question, [passage])) == question
        assert question_of(question) == question


def talk(number):
    """Every tenth second something about one subject, a number of its own among it."""
    subject = SUBJECTS[number]
    lines = [
        f"Now {subject} want {100 * number + part} grams, part {part} of what {subject} want." for part in range(9)
    ]
    segments = [[10.0 * place, 9.0, line] for place, line in enumerate(lines)]
    return transcript(f"talk{number:07d}", segments, f"All about {subject}")


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """A project with an index of three talks, a base model, and rows of each talk; the third talk's are held out."""
    monkeypatch.chdir(tmp_path)
    write_talks(tmp_path, [talk(number) for number in range(3)])
    index_talks(tmp_path)
    write_random_llama(BASE)
    pairs = [
        {
            "question": f"How much do {subject} want in part {part}?",
            "answer": f"Give {subject} {100 * number + part} grams, my dear, and wait.",
            "video_id": f"talk{number:07d}",
            "start_s": 10.0 * part,
            "end_s": 10.0 * part + 9,
        }
        for number, subject in enumerate(SUBJECTS)
        for part in (2, 5)
    ]
    write_json_lines(PAIRS, pairs)
    rows = [chat_row(pair["question"], pair["answer"]) for pair in pairs]
    write_json_lines(TRAIN, rows[:4])
    write_json_lines(VALID, rows[4:])
    return tmp_path


def passages_of(rows=VALID, most=10_000):
    sources = {"rows": rows, "pairs": PAIRS, "index": "data/index"}
    write_held_out_passages(sources, SETTINGS, lambda text: len(text.split()), WORDS_ALONE, "out/passages.json")
    return read_json("out/passages.json")["rows"]


def test_each_question_has_its_true_passage_those_found_and_those_that_miss_its_talk(asked):
    rows = passages_of()
    assert [(row["row"], row["video_id"], row["language"], row["counts"]) for row in rows] == [
        (1, "talk0000002", "en", True),
        (2, "talk0000002", "en", True),
    ]
    (true,) = rows[0]["true"]
    assert (true["text"], true["start_s"], true["end_s"]) == (
        "Now slugs want 202 grams, part 2 of what slugs want.",
        20.0,
        29.0,
    )
    assert rows[0]["is_found"] and "202 grams" in " ".join(each["text"] for each in rows[0]["retrieved"])
    missing = {each["video_id"] for each in rows[0]["misses"]}
    assert missing and "talk0000002" not in missing


def test_rows_in_the_frame_are_found_by_their_question_and_refusals_do_not_count(asked):
    passage = Passage("talk0000000", "T", None, None, 1.0, 2.0, "Leeks.", "", 1.0)
    question = "How much do slugs want in part 2?"
    rows = [
        chat_row(framed(question, [passage]), "Slugs want 202 grams, as I say in this talk."),
        chat_row(framed(question, [passage]), "Slugs? I have never talked about them."),
        chat_row("Hello!", "Good morning, my dear."),
    ]
    write_json_lines("own.jsonl", rows)
    found = passages_of("own.jsonl")
    assert [(row["question"], row["video_id"], row["counts"]) for row in found] == [
        (question, "talk0000002", True),
        (question, "talk0000002", False),
        ("Hello!", None, False),
    ]


def test_typical_pairs_are_of_usual_length_and_of_many_talks_and_always_the_same(tmp_path):
    def pair(talk, question, answer):
        return {"question": question, "answer": answer, "video_id": talk}

    usual = [
        pair(f"talk{n % 4}", f"How {n}?", f"You see my dear, patience and {word} {n}.")
        for n, word in enumerate("abcdefgh")
    ]
    odd = [pair("talk9", "Short?", "No."), pair("talk9", "Long?", "You see my dear, patience. " * 30)]
    pairs = [*odd, *usual]
    rows = [chat_row(each["question"], each["answer"]) for each in pairs]
    write_json_lines(tmp_path / "pairs", pairs)
    passage = Passage("x" * 11, "T", None, None, 1.0, 2.0, "You see.", "", 1.0)
    others = [
        chat_row(framed("How 0?", [passage]), usual[0]["answer"]),
        chat_row("Who are you?", "You see my dear, I."),
    ]
    write_json_lines(tmp_path / "train", [*rows, *others])
    chosen = typical_pairs(tmp_path / "train", tmp_path / "pairs")
    talks = [next(each["video_id"] for each in pairs if each["question"] == question) for question, _ in chosen]
    assert len(chosen) == 5 and set(talks) == {"talk0", "talk1", "talk2", "talk3"}
    write_json_lines(tmp_path / "train", [*others, *rows])
    assert typical_pairs(tmp_path / "train", tmp_path / "pairs") == chosen
    write_json_lines(tmp_path / "train", others)
    assert typical_pairs(tmp_path / "train", tmp_path / "pairs") == []


@pytest.mark.parametrize(
    "answers", [["Patience."], ["Patience.", "You see my dear, patience."], ["豆子能放三年。", "生菜七年。", "🙂"]]
)
def test_of_few_pairs_all_that_have_words_are_typical(tmp_path, answers):
    pairs = [{"question": f"How {n}?", "answer": each, "video_id": "talk"} for n, each in enumerate(answers)]
    write_json_lines(tmp_path / "pairs", pairs)
    write_json_lines(tmp_path / "train", [chat_row(each["question"], each["answer"]) for each in pairs])
    chosen = typical_pairs(tmp_path / "train", tmp_path / "pairs")
    assert [answer for _, answer in chosen] == [answer for answer in answers if answer != "🙂"]


def test_the_persona_is_a_system_message_where_the_template_has_one(tmp_path):
    write_random_llama(tmp_path / "model")
    reader = FolderReader(tmp_path / "model")
    assert takes_system(reader) == (reader.prompt(SYSTEM) != reader.prompt(SYSTEM[1:]))
    with_system, without = (
        persona_messages("Be me.", [("A?", "B.")], "C?", has_system) for has_system in (True, False)
    )
    assert [message["role"] for message in with_system] == ["system", "user", "assistant", "user"]
    assert without[0] == {"role": "user", "content": "Be me.\n\nA?"} and without[1:] == with_system[2:]


SYSTEM = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Why?"}]


def answered(context, persona=None, which="x", **settings):
    sources = {"passages": "out/passages.json", "train": TRAIN, "pairs": PAIRS}
    output = f"out/{context}/{which}.json"
    answer_in_context(which, context, str(BASE), None, sources, persona, {**SETTINGS, **settings}, output, 2)
    return read_json(output)


def test_an_arm_is_asked_in_each_context_and_a_prompt_changes_what_it_says(asked):
    rows = passages_of()
    said = {context: answered(context) for context in CONTEXTS}
    for record in said.values():
        assert [row["row"] for row in record["rows"]] == [1, 2] and record["examples"] == []
        assert all(row["answer"] and row["tokens"] == 8 for row in record["rows"])
    # A random model may say the same; what it was asked differs.
    asked_for = [line["key"] for path in Path("out").glob("*/parts/*") for _, line in read_json_lines(path)]
    assert len(set(asked_for)) == len(asked_for) == 8
    persona = (str(REPOSITORY / "prompts/persona.md"), "a gardener")
    prompted = answered("none", persona, "prompted")
    assert len(prompted["examples"]) >= 1
    (of_prompted,) = Path("out/none/parts").glob("prompted-*")
    assert {line["key"] for _, line in read_json_lines(of_prompted)}.isdisjoint(asked_for)
    # What is there is not computed again.
    before = {path: path.read_bytes() for path in Path("out").glob("*/parts/*")}
    assert answered("none", persona, "prompted")["rows"] == prompted["rows"]
    assert {path: path.read_bytes() for path in Path("out").glob("*/parts/*")} == before
    assert rows == read_json("out/passages.json")["rows"]


def test_examples_that_leave_no_room_are_left_out(asked):
    passages_of()
    persona = (str(REPOSITORY / "prompts/persona.md"), "a gardener")
    context = FolderReader(BASE).context
    text = filled_prompt(persona[0], voice=persona[1])
    alone = len(FolderReader(BASE).prompt([{"role": "user", "content": text}]))
    assert answered("none", persona, max_tokens=context - alone - 30)["examples"] == []


def test_the_rules_ask_for_what_the_configuration_says(project):
    plain = {"held_out_answers": 3, "evaluation": 1}
    both = {"held_out_passages": 1, "context_answers": 2, "index": 1, "index_block": 1, "gate": 1}

    def planned() -> dict[str, int]:
        """The jobs of the evaluation, without those that grounded rows ask for."""
        jobs = project.planned("models/tiny/evaluation.json")
        return {rule: count for rule, count in jobs.items() if rule in plain | both}

    assert planned() == plain
    project.configure(grounding={"rows": True})
    assert planned() == plain | both
    project.configure(evaluation={"contexts": "all"})
    assert planned() == plain | both | {"context_answers": 12}
    project.configure(grounding={"rows": False}, evaluation={"contexts": [], "arms": ["base", "Q4_K_M"]})
    assert planned() == plain | both


def test_an_arm_is_made_by_its_rules_and_anew_only_for_what_shapes_it(project):
    prompted, tuned = (f"models/tiny/evaluation/retrieved/{arm}.json" for arm in ("prompted", "tuned"))
    project.configure(grounding={"rows": True}, evaluation={"max_tokens": 8})
    project.snakemake(prompted, tuned)
    record = read_json(project / prompted)
    assert record["model"] == {"which": "prompted", "path": "models/base/tiny-base", "engine": "mlx"}
    assert record["context"] == "retrieved" and record["examples"]
    passages = read_json(project / "models/tiny/held_out_passages.json")["rows"]
    assert [row["row"] for row in passages] == [row["row"] for row in record["rows"]]
    assert project.planned(prompted, tuned) == {}
    (project / "prompts/persona.md").write_text("Be {{ voice }}.")
    assert project.planned(prompted, tuned) == {"context_answers": 1}
    project.configure(evaluation={"max_tokens": 9})
    assert project.planned(prompted, tuned) == {"context_answers": 2}
    project.configure(retrieval={"embedder": {"base_url": "http://127.0.0.1:9/v1", "model": "m"}})
    assert project.planned(tuned) == {"index": 1, "held_out_passages": 1, "context_answers": 1}


@pytest.mark.long
def test_the_whole_matrix_ends_in_report_and_card(project):
    project.configure(grounding={"rows": True}, evaluation={"max_tokens": 8, "contexts": "all"})
    project.snakemake("models/tiny/report.html", "models/tiny/README.md")
    truth = read_json(project / "models/tiny/evaluation.json")["truth"]
    asked = {(arm["context"], arm["arm"]) for arm in truth["arms"]}
    assert asked == {(context, arm) for context in CONTEXTS for arm in ("base", "prompted", "tuned")} | {
        ("none", "Q4_K_M")
    }
    assert "Base with a good prompt" in (project / "models/tiny/report.html").read_text()
