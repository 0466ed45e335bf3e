"""What models answer to held-out questions and what references cost them, through MLX and llama.cpp, stopped and gone on with."""

import json
import re
import signal
from pathlib import Path

import pytest

from project import REPOSITORY
from random_models import FAMILIES, write_random_model
from tiny_training import BASE, TRAIN, VALID, chat_row
from understudy.configuration import complete_configuration
from understudy.evaluate import held_out_answers as stage
from understudy.evaluate.held_out_rows import held_out_rows, sampled
from understudy.evaluate.kept_answers import AnswerParts
from understudy.evaluate.row_reading import FolderReader, reader_of
from understudy.gguf.writing import write_gguf_file
from understudy.models.llama.answers import llama_answers
from understudy.models.llama.server import embedded_server
from understudy.models.mlx.answers import mlx_answers
from understudy.models.mlx.load import load_base
from understudy.models.requests import Request, Sampling
from understudy.rows.training import common_length
from understudy.shared.errors import ConfigurationError, InputFileError
from understudy.shared.files import read_json, read_json_lines, write_json_lines

PAIRS = "data/dataset/pairs.jsonl"
SETTINGS = {"max_examples": 20, "seed": 42, "max_tokens": 24, "repeat_penalty": 1.0, "temperature": 0, "top_p": 1}
GREEDY = Sampling(0, 1, 42)
EVALUATION = "models/tiny/evaluation"


@pytest.fixture
def evaluable(trainable, monkeypatch):
    """A project directory with a base model, its GGUF file with the same float32 weights, and rows; few general questions."""
    questions, paragraphs = stage.general_questions()[:3], stage.general_paragraphs()[:2]
    monkeypatch.setattr(stage, "general_questions", lambda: questions)
    monkeypatch.setattr(stage, "general_paragraphs", lambda: paragraphs)
    rows = [row for path in (TRAIN, VALID) for _, row in read_json_lines(path)]
    write_json_lines(PAIRS, [pair(row, f"talk{number // 4}") for number, row in enumerate(rows)])
    write_gguf_file(BASE, "F32", Path("tiny.gguf"), "tiny", 2)
    return trainable


def pair(row, video_id):
    question, answer = (message["content"] for message in row["messages"])
    return {"question": question, "answer": answer, "video_id": video_id}


def evaluated(model, output="out/x.json", tokenizer=str(BASE), rows=VALID, **settings):
    sources = {"rows": rows, "train": TRAIN, "pairs": PAIRS}
    stage.answer_held_out("x", str(model), tokenizer, sources, {**SETTINGS, **settings}, output, 2)
    return read_json(output)


def without_seconds(record):
    return {key: value for key, value in record.items() if key != "seconds"}


def requests_of(folder, questions, max_tokens=24):
    reader = FolderReader(folder)
    messages = [[{"role": "user", "content": question}] for question in questions]
    return [Request(tuple(reader.prompt(message)), max_tokens) for message in messages]


def test_both_engines_say_the_same_of_the_same_weights(evaluable):
    of_mlx, of_llama = evaluated(BASE, "out/mlx.json"), evaluated("tiny.gguf", "out/llama.json")
    assert (of_mlx["model"]["engine"], of_llama["model"]["engine"]) == ("mlx", "llama.cpp")
    assert [row["row"] for row in of_mlx["rows"]] == [1, 2] and len(of_mlx["training_rows"]) == 2
    assert {row["video_id"] for row in of_mlx["rows"]} == {"talk1"}
    for group in ("rows", "general_questions"):
        for one, other in zip(of_mlx[group], of_llama[group], strict=True):
            assert common_length(one["answer"], other["answer"]) > 0.9 * len(one["answer"]) > 0
            assert one["finish_reason"] == other["finish_reason"]
    for group in (of_mlx["rows"], of_mlx["training_rows"], [of_mlx["general_text"]]):
        assert all(row["loss"] / row["loss_tokens"] > 1 for row in group)
    for one, other in zip(losses(of_mlx), losses(of_llama), strict=True):
        assert one == pytest.approx(other, rel=1e-3)


def test_a_repeat_penalty_breaks_loops_alike_in_both_engines_and_leaves_the_general_questions(evaluable):
    freely = {model: evaluated(model, f"out/{model.name}-1.json") for model in (BASE, Path("tiny.gguf"))}
    for model, free in freely.items():
        strict = evaluated(model, f"out/{model.name}-2.json", repeat_penalty=2.0)
        assert [row["answer"] for row in strict["rows"]] != [row["answer"] for row in free["rows"]]
        assert strict["general_questions"] == free["general_questions"]
        assert losses(strict) == losses(free)
    asked = Request(tuple(requests_of(BASE, ["Why?"])[0].tokens), 60, 2.0)
    (answer,) = [answer for _, answer in mlx_answers(*load_base(BASE), [asked], GREEDY)]
    with embedded_server("tiny.gguf", 256, 1) as base_url:
        (of_llama,) = [answer for _, answer in llama_answers(base_url.removesuffix("/v1"), [asked], GREEDY, 1)]
    words = [text.split() for text in (answer.text, of_llama.text)]
    assert common_length(*words) > 10, words


def losses(record):
    rows = [*record["rows"], *record["training_rows"], record["general_text"]]
    return [(row["loss"], row["loss_tokens"]) for row in rows]


def test_llama_cpp_reads_a_file_from_elsewhere_as_the_trained_tokenizer_does(evaluable):
    messages = chat_row()["messages"]
    of_folder = FolderReader(BASE)
    with reader_of(Path("tiny.gguf"), None) as of_llama:
        assert of_llama.context == of_folder.context == 2048
        assert of_llama.prompt(messages[:-1]) == of_folder.prompt(messages[:-1])
        row, trained = of_llama.row(messages, "x"), of_folder.row(messages, "x")
        assert of_llama.text("It is so.", "x").tokens == of_folder.text("It is so.", "x").tokens
    assert row.first == trained.first == len(trained.prompt)
    # The template writes a line end after the end of turn.
    assert row.tokens == trained.tokens[:-1]
    whole, own = evaluated("tiny.gguf", "out/a.json"), evaluated("tiny.gguf", "out/b.json", tokenizer=None)
    assert [row["answer"] for row in whole["rows"]] == [row["answer"] for row in own["rows"]]
    assert own["rows"][0]["loss_tokens"] == whole["rows"][0]["loss_tokens"] - 1


@pytest.mark.parametrize("family", FAMILIES)
def test_an_answer_is_the_same_alone_and_in_a_batch(tmp_path, family):
    model, tokenizer = load_base(write_random_model(tmp_path / "model", family))
    asked = requests_of(tmp_path / "model", ["Why?", "What is it, and how does one do it well?", "How?", "When is it?"])
    alone = dict(answer for request in asked for answer in mlx_answers(model, tokenizer, [request], GREEDY, batch=1))
    together = dict(mlx_answers(model, tokenizer, asked, GREEDY, batch=3))
    assert together.keys() == alone.keys()
    same = [common_length(together[request].text, alone[request].text) / len(alone[request].text) for request in asked]
    assert sum(same) / len(same) > 0.9, same


def test_drawn_answers_depend_on_the_seed_and_not_on_those_beside_them(evaluable):
    model, tokenizer = load_base(BASE)
    asked = requests_of(BASE, ["Why?", "How?", "When?"])

    def of_mlx(requests, seed):
        return dict(mlx_answers(model, tokenizer, requests, Sampling(1.0, 0.9, seed)))

    with embedded_server("tiny.gguf", 128, 4) as base_url:

        def of_llama(requests, seed):
            return dict(llama_answers(base_url.removesuffix("/v1"), requests, Sampling(1.0, 0.9, seed), 4))

        for answers in (of_mlx, of_llama):
            drawn = answers(asked, 1)
            assert len({answer.text for answer in drawn.values()}) == 3
            assert answers(asked[1:2], 1)[asked[1]] == drawn[asked[1]] != answers(asked[1:2], 2)[asked[1]]


def test_what_is_there_is_not_computed_again(evaluable, monkeypatch, caplog):
    first = evaluated(BASE)
    (parts,) = Path("out/parts").iterdir()
    whole = parts.read_bytes()
    lines = whole.splitlines(keepends=True)
    # What a kill leaves: some lines, and the beginning of another.
    parts.write_bytes(b"".join(lines[:4]) + lines[4][:9])
    assert without_seconds(evaluated(BASE)) == without_seconds(first)
    assert parts.read_bytes().startswith(b"".join(lines[:4]))
    assert sorted(keys(parts)) == sorted(json.loads(line)["key"] for line in lines)
    monkeypatch.setattr(stage, "loaded", lambda *_: pytest.fail("the model is loaded for nothing"))
    assert without_seconds(evaluated(BASE)) == without_seconds(first)
    assert list(Path("out/parts").iterdir()) == [parts]


def keys(parts):
    return [json.loads(line)["key"] for line in parts.read_bytes().splitlines()]


def test_more_rows_ask_the_new_ones_alone_and_other_weights_all(evaluable):
    evaluated(BASE, rows=TRAIN, max_examples=2)
    (parts,) = Path("out/parts").iterdir()
    before = len(keys(parts))
    six = evaluated(BASE, rows=TRAIN, max_examples=6)
    assert len(six["rows"]) == 6
    # Four answers; each loss on a training row is that of an evaluated row here.
    assert before < len(keys(parts)) <= before + 4 + 4
    weights = BASE / "model.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    evaluated(BASE, rows=TRAIN, max_examples=2)
    assert len(list(Path("out/parts").iterdir())) == 2


def test_a_damaged_part_file_is_named(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"key": "a"}\nno JSON\n')
    with pytest.raises(InputFileError, match=r"x\.jsonl is damaged\. Delete it"):
        AnswerParts(path)


def test_rows_are_drawn_by_the_seed_in_their_order_and_find_their_talks(tmp_path):
    rows = [chat_row(f"What is {n}?", f"It is {n}.") for n in range(9)]
    write_json_lines(tmp_path / "rows", rows)
    write_json_lines(tmp_path / "pairs", [pair(row, None if n == 3 else f"talk{n}") for n, row in enumerate(rows[:8])])
    drawn = held_out_rows(tmp_path / "rows", tmp_path / "pairs", 9, 1)
    assert [row.video_id for row in drawn] == [
        "talk0",
        "talk1",
        "talk2",
        None,
        *(f"talk{n}" for n in range(4, 8)),
        None,
    ]
    assert (drawn[2].line, drawn[2].question, drawn[2].reference) == (3, "What is 2?", "It is 2.")
    some = [row.line for row in held_out_rows(tmp_path / "rows", tmp_path / "pairs", 4, 1)]
    assert len(some) == 4 and some == sorted(some) == [number + 1 for number in sampled(range(9), 4, 1)]
    assert some != [row.line for row in held_out_rows(tmp_path / "rows", tmp_path / "pairs", 4, 5)]


def test_rows_that_can_not_be_asked_are_named(evaluable):
    for rows, says in [
        ([chat_row(), {"text": "no row"}], r"own\.jsonl, line 2: a row is"),
        ([], r"own\.jsonl has no rows"),
        (
            [chat_row("word " * 3000)],
            r"own\.jsonl, line 1: the question has [\d,]+ tokens, and the model's context only 2,048",
        ),
    ]:
        write_json_lines("own.jsonl", rows)
        with pytest.raises(InputFileError, match=says):
            evaluated(BASE, rows="own.jsonl")


def configured(project, **evaluation):
    project.configure(evaluation={"max_tokens": 8, **evaluation})
    return project


def test_a_new_training_asks_the_tuned_models_anew_and_the_base_not(project):
    targets = [f"{EVALUATION}/{which}.json" for which in ("base", "tuned", "Q4_K_M", "early")]
    configured(project, models={"early": "models/tiny/adapters"})
    assert project.planned(*targets) == {"held_out_answers": 4}
    project.snakemake(targets[0])
    base = read_json(project / targets[0])
    assert base["model"] == {"which": "base", "path": "models/base/tiny-base", "engine": "mlx"}
    assert len(base["general_questions"]) > 100
    assert all(row["video_id"] for row in base["rows"])
    project.configure(training={"seed": 43})
    assert project.planned(*targets)["held_out_answers"] == 3
    assert project.planned(targets[0]) == {}
    project.configure(evaluation={"max_tokens": 9})
    assert project.planned(targets[0]) == {"held_out_answers": 1}


@pytest.mark.long
def test_every_kind_of_model_is_asked_through_the_rules(project):
    kinds = {"tuned": "mlx", "Q4_K_M": "llama.cpp", "early": "mlx", "other": "llama.cpp"}
    configured(project, models={"early": "models/tiny/adapters", "other": "other.gguf"})
    write_gguf_file(project / "models/tiny/fused", "F16", project / "other.gguf", "other", 2)
    targets = [f"{EVALUATION}/{which}.json" for which in kinds]
    project.snakemake(*targets)
    assert project.planned(*targets) == {}
    for which, engine in kinds.items():
        record = read_json(project / f"{EVALUATION}/{which}.json")
        assert (record["model"]["which"], record["model"]["engine"]) == (which, engine)
        assert len(record["general_questions"]) > 100


@pytest.mark.long
@pytest.mark.parametrize(("which", "sign"), [("base", signal.SIGKILL), ("Q4_K_M", signal.SIGINT)])
def test_a_stopped_job_goes_on_and_ends_with_the_same(project, which, sign):
    target = f"{EVALUATION}/{which}.json"
    configured(project)
    parts = project / f"{EVALUATION}/parts"
    project.stopped_when(lambda: sum(len(keys(path)) for path in parts.glob("*")) > 20, target, sign=sign)
    assert not (project / target).exists()
    (kept,) = parts.iterdir()
    before = kept.read_bytes()
    if sign == signal.SIGKILL:
        project.snakemake("--unlock")
    project.snakemake(target)
    assert kept.read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    assert len(set(keys(kept))) == len(keys(kept))
    stopped = read_json(project / target)
    kept.unlink()
    project.snakemake("--force", target)
    at_once = read_json(project / target)
    assert stopped.keys() == at_once.keys() and stopped["model"] == at_once["model"]
    # Rounding depends on what is computed beside an answer, and a random model's tokens are nearly equally likely.
    answers = [[row["answer"] for row in record["general_questions"]] for record in (stopped, at_once)]
    assert sum(one == other for one, other in zip(*answers, strict=True)) > 0.8 * len(answers[0])
    for one, other in zip(losses(stopped), losses(at_once), strict=True):
        assert one == pytest.approx(other, rel=1e-2)


def test_what_can_not_be_evaluated_stops_the_run_before_any_job(project):
    models = {"a": "none", "b": "config.yaml", "c": "captions", "own": "models/tiny/adapters", "other": "tiny-base"}
    project.configure(evaluation={"models": models, "file": "none.jsonl"})
    output = re.sub(r"\s+", " ", project.snakemake("-n", succeeds=False))
    assert "evaluation.models.a is 'none': there is no such file or folder" in output
    assert "evaluation.models.b is 'config.yaml': it takes a .gguf file, a model folder" in output
    assert "evaluation.models.c is 'captions': captions has no model" in output
    assert "evaluation.file is 'none.jsonl': there is no such file" in output
    assert "models.own" not in output and "models.other" not in output


@pytest.mark.parametrize(
    ("evaluation", "says"),
    [
        ({"models": {"tuned": "tiny-base"}}, "evaluation.models has the name 'tuned'"),
        ({"models": {"Q8_0": "tiny-base"}}, "evaluation.models has the name 'Q8_0'"),
        ({"models": {"../x": "tiny-base"}}, r"evaluation.models has the name '../x'"),
        ({"models": {"x": 3}}, "evaluation.models.x is 3; it takes text: Path of"),
        ({"models": ["x"]}, "evaluation.models is .*; it takes a group of keys"),
        ({"quantization": "Q9"}, "evaluation.quantization is 'Q9'; it takes one of null, F32"),
        ({"temperature": -1}, "evaluation.temperature is -1; it takes a number from 0"),
        ({"top_p": 0}, "evaluation.top_p is 0; it takes a number over 0"),
        ({"repeat_penalty": 0.9}, "evaluation.repeat_penalty is 0.9; it takes a number from 1"),
        ({"max_example": 3}, "Did you mean evaluation.max_examples"),
    ],
)
def test_a_key_that_can_not_be_is_named_with_what_it_takes(evaluation, says):
    given = {"name": "x", "source": {"captions_dir": "captions"}, "teacher": {"model": "m"}, "base_model": "b"}
    with pytest.raises(ConfigurationError, match=says):
        complete_configuration({**given, "evaluation": evaluation}, REPOSITORY / "schemas/config.schema.yaml")


def test_a_model_that_nobody_named_is_told_with_those_there_are(project):
    output = project.snakemake("-n", f"{EVALUATION}/best.json", succeeds=False)
    assert "evaluation/best.json: there is no such model. There are base, tuned, and the quantizations" in output
