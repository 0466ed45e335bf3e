"""Ask one arm the held-out questions in one context: a model, with a prompt or without, and passages before the question."""

from pathlib import Path
from typing import Any

from understudy.evaluate.asked_model import engine_of
from understudy.evaluate.held_out_answers import Work, answer_to, computed, request, tell
from understudy.evaluate.persona import persona_messages, takes_system, typical_pairs
from understudy.evaluate.row_reading import Messages, RowReader, reader_of
from understudy.models.paths import MlxModel, model_to_ask
from understudy.passages.frame import framed
from understudy.passages.sources import Passage
from understudy.shared.files import read_json, write_json
from understudy.teacher.prompts import filled_prompt


def answer_in_context(
    which: str,
    context: str,
    model: str,
    tokenizer_folder: str | None,
    sources: dict[str, str],
    persona: tuple[str, str] | None,
    settings: dict[str, Any],
    output: str,
    threads: int | None = None,
) -> None:
    """Write what the model at the path `model` answers to `output`, as held_out_answers does, without losses.

    `sources`: passages (what write_held_out_passages wrote), train and pairs; `persona` is the prompt file and the voice of an
    arm that is prompted."""
    chosen = model_to_ask(Path(model))
    folder = chosen.folder if isinstance(chosen, MlxModel) else tokenizer_folder and Path(tokenizer_folder)
    rows = read_json(sources["passages"])["rows"]
    questions = [framed(row["question"], passages_in(row, context)) for row in rows]
    examples = typical_pairs(sources["train"], sources["pairs"]) if persona else []
    with reader_of(chosen, folder) as reader:
        places = [f"held-out row {row['row']}" for row in rows]
        work, examples = work_on_questions(reader, questions, places, persona, examples, settings)
    parts = computed(which, model, chosen, work, settings, output, threads)
    write_json(
        output,
        {
            "model": {"which": which, "path": model, "engine": engine_of(chosen)},
            "context": context,
            "examples": [question for question, _ in examples],
            "settings": settings,
            "rows": [
                {
                    **{key: row[key] for key in ("row", "video_id", "question", "reference")},
                    **answer_to(parts, asked, "answer", "finish_reason", "tokens"),
                }
                for row, asked in zip(rows, work.requests, strict=True)
            ],
            "seconds": {"answers": round(sum(parts[key]["seconds"] for key in work.asked), 1)},
        },
    )
    tell(parts, work, f"{model}, {context}")


def passages_in(row: dict[str, Any], context: str) -> list[Passage]:
    """The passages before a row's question in a context."""
    return [] if context == "none" else [Passage(**passage) for passage in row[context]]


def work_on_questions(
    reader: RowReader,
    questions: list[str],
    places: list[str],
    persona: tuple[str, str] | None,
    pairs: list[tuple[str, str]],
    settings: dict[str, Any],
) -> tuple[Work, list[tuple[str, str]]]:
    """Questions, passages included, as work without losses; with a persona, its prompt file and voice, those of a prompted arm,
    and the `pairs` that open them. `places` name file and line for errors. Raises InputFileError if one has no room."""
    conversations, examples = [[{"role": "user", "content": question}] for question in questions], []
    if persona:
        conversations, examples = prompted(reader, persona, pairs, questions, settings["max_tokens"])
    requests = [
        request(reader, asked, settings["max_tokens"], where, settings["repeat_penalty"])
        for where, asked in zip(places, conversations, strict=True)
    ]
    return Work([], [], requests, [], [], [], []), examples


def prompted(
    reader: RowReader,
    persona: tuple[str, str],
    pairs: list[tuple[str, str]],
    questions: list[str],
    max_tokens: int,
) -> tuple[list[Messages], list[tuple[str, str]]]:
    """The conversations of a prompted arm, and the pairs that open them: as many as leave room for the longest question and an
    answer."""
    text, has_system = filled_prompt(persona[0], voice=persona[1].rstrip(".")), takes_system(reader)
    for number in range(len(pairs), -1, -1):
        conversations = [persona_messages(text, pairs[:number], question, has_system) for question in questions]
        if max(len(reader.prompt(asked)) for asked in conversations) + max_tokens <= reader.context:
            break
    return conversations, pairs[:number]
