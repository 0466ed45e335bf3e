"""Ask one model the held-out questions and the general ones, and measure what the reference answers cost it."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from understudy.evaluate.asked_model import LoadedModel, engine_of, identity_of, loaded
from understudy.evaluate.general.questions import general_questions, general_texts
from understudy.evaluate.held_out_rows import HeldOutRow, held_out_rows
from understudy.evaluate.kept_answers import AnswerParts
from understudy.evaluate.row_reading import RowReader, reader_of
from understudy.models.paths import MlxModel, model_to_ask
from understudy.models.requests import Request, Sampling, hash_of
from understudy.models.scored_rows import ScoredRow
from understudy.shared.errors import InputFileError
from understudy.shared.files import write_json
from understudy.shared.formats import as_duration, counted
from understudy.shared.log import log

# Of the general questions: a name, a number, a few items. Longer answers only cost time.
GENERAL_MAX_TOKENS = 48
SAID_EVERY_S = 60
Item = TypeVar("Item")


@dataclass(frozen=True)
class Work:
    """All that a model is asked and measured on."""

    rows: list[HeldOutRow]
    trained: list[HeldOutRow]
    requests: list[Request]
    general: list[Request]
    references: list[ScoredRow]
    trained_references: list[ScoredRow]
    texts: list[ScoredRow]

    @property
    def asked(self) -> dict[str, Request]:
        return {request.key(): request for request in [*self.requests, *self.general]}

    @property
    def scored(self) -> dict[str, ScoredRow]:
        return {loss_key(row): row for row in [*self.references, *self.trained_references, *self.texts]}

    @property
    def context_length(self) -> int:
        """How many tokens the longest of it takes."""
        answers = [len(request.tokens) + request.max_tokens for request in self.asked.values()]
        return max(answers + [len(row.tokens) for row in self.scored.values()])


def answer_held_out(
    which: str,
    model: str,
    tokenizer_folder: str | None,
    sources: dict[str, str],
    settings: dict[str, Any],
    output: str,
    threads: int | None = None,
) -> None:
    """Write what the model at the path `model` answers and what references cost it to `output`; what a stopped job has computed
    is in a folder beside it and isn't computed again.

    `sources`: rows, train and pairs, JSONL files; `settings`: max_examples, seed, max_tokens, repeat_penalty, temperature, top_p.
    A GGUF file without `tokenizer_folder` is read by llama.cpp's own tokenizer. Raises NoModelError, InputFileError,
    EmbeddedModelError, PredictionError."""
    chosen = model_to_ask(Path(model))
    folder = chosen.folder if isinstance(chosen, MlxModel) else tokenizer_folder and Path(tokenizer_folder)
    with reader_of(chosen, folder) as reader:
        work = work_for(reader, sources, settings)
    parts = computed(which, model, chosen, work, settings, output, threads)
    record = {"which": which, "path": model, "engine": engine_of(chosen)}
    write_json(output, {"model": record, "settings": settings, **all_said(parts, work)})
    tell(parts, work, model)


def computed(
    which: str,
    model: str,
    chosen: Path | MlxModel,
    work: Work,
    settings: dict[str, Any],
    output: str,
    threads: int | None,
) -> AnswerParts:
    """Have all that a model says and that references cost it in a file of the folder `parts` beside `output`; what is there isn't
    computed again."""
    sampling = Sampling(settings["temperature"], settings["top_p"], settings["seed"])
    shaping = hash_of(identity_of(chosen), asdict(sampling) if sampling.temperature else 0)[:16]
    parts = AnswerParts(Path(output).parent / "parts" / f"{which}-{shaping}.jsonl")
    if missing := [key for key in [*work.asked, *work.scored] if key not in parts]:
        log.info("%s: %s to compute, %d of them are there", model, *counts(work, missing))
        with loaded(chosen, work.context_length, threads) as model_in_memory:
            complete(parts, work, model_in_memory, sampling)
    return parts


def counts(work: Work, missing: list[str]) -> tuple[str, int]:
    answers = counted(len(work.asked), "answer")
    losses = counted(len(work.scored), "loss", "es")
    return f"{answers} and {losses}", len(work.asked) + len(work.scored) - len(missing)


def work_for(reader: RowReader, sources: dict[str, str], settings: dict[str, Any]) -> Work:
    """Read the rows and draw from them."""
    rows = held_out_rows(sources["rows"], sources["pairs"], settings["max_examples"], settings["seed"])
    trained = held_out_rows(sources["train"], sources["pairs"], len(rows), settings["seed"])
    longest, penalty = settings["max_tokens"], settings["repeat_penalty"]
    return Work(
        rows=rows,
        trained=trained,
        requests=[request(reader, row.messages[:-1], longest, place(sources["rows"], row), penalty) for row in rows],
        general=[
            request(reader, [{"role": "user", "content": general.question}], GENERAL_MAX_TOKENS, general.id)
            for general in general_questions()
        ],
        references=[reader.row(row.messages, place(sources["rows"], row)) for row in rows],
        trained_references=[reader.row(row.messages, place(sources["train"], row)) for row in trained],
        texts=[reader.text(text, name) for name, text in general_paragraphs()],
    )


def general_paragraphs() -> list[tuple[str, str]]:
    """Return the general texts in paragraphs, each with a name: llama.cpp reads as many rows at once as it has slots."""
    texts = [(name, text.split("\n\n")) for name, text in general_texts().items()]
    return [(f"{name}, paragraph {at}", text) for name, paragraphs in texts for at, text in enumerate(paragraphs, 1)]


def place(path: str, row: HeldOutRow) -> str:
    return f"{path}, line {row.line}"


def request(
    reader: RowReader, messages: list[dict[str, str]], max_tokens: int, where: str, repeat_penalty: float = 1.0
) -> Request:
    """Return the request for an answer, as long as the model's context leaves room for.

    Raises InputFileError if it leaves none."""
    prompt = reader.prompt(messages)
    if len(prompt) >= reader.context:
        raise InputFileError(
            f"{where}: the question has {len(prompt):,} tokens, and the model's context only {reader.context:,}, so it can't be "
            f"answered. Shorten it or remove the row."
        )
    return Request(tuple(prompt), min(max_tokens, reader.context - len(prompt)), repeat_penalty)


def loss_key(row: ScoredRow) -> str:
    return hash_of("loss", row.tokens, row.first)


def complete(parts: AnswerParts, work: Work, model: LoadedModel, sampling: Sampling) -> None:
    """Compute what is missing in `parts`; each piece is kept as soon as it is there."""
    requests = [request for key, request in work.asked.items() if key not in parts]
    with logging_redirect_tqdm([log]):
        done = progress(model.answers(requests, sampling), len(work.asked), len(requests), "answer")
        for (request, answer), seconds in timed(done):
            parts.add(request.key(), {**asdict(answer), "seconds": seconds})
        rows = [row for key, row in work.scored.items() if key not in parts]
        for (row, loss), seconds in timed(progress(model.losses(rows), len(work.scored), len(rows), "loss")):
            parts.add(loss_key(row), {"loss": loss.loss, "loss_tokens": loss.tokens, "seconds": seconds})


def progress(items: Iterable[Item], total: int, missing: int, unit: str) -> Iterator[Item]:
    """Yield the items under a bar with the time left; once a minute the log says it too."""
    started = said = time.monotonic()
    with tqdm(total=total, initial=total - missing, unit=unit, disable=None) as bar:
        for number, item in enumerate(items, 1):
            yield item
            bar.update()
            now = time.monotonic()
            if now - said > SAID_EVERY_S:
                said = now
                left = as_duration((now - started) / number * (missing - number))
                log.info("%s %d of %d, about %s left", unit, total - missing + number, total, left)


def timed(items: Iterable[Item]) -> Iterator[tuple[Item, float]]:
    """Yield each item with the seconds since the one before."""
    before = time.monotonic()
    for item in items:
        now = time.monotonic()
        yield item, round(now - before, 3)
        before = now


def all_said(parts: AnswerParts, work: Work) -> dict[str, Any]:
    """Return what the evaluation measures from: answers and losses, row by row."""
    texts = [loss_of(parts, row) for row in work.texts]
    return {
        "rows": [
            {
                "row": row.line,
                "video_id": row.video_id,
                "question": row.question,
                "reference": row.reference,
                **({"framed": True} if row.messages[-2]["content"] != row.question else {}),
                **answer_to(parts, request, "answer", "finish_reason", "tokens"),
                **loss_of(parts, reference),
            }
            for row, request, reference in zip(work.rows, work.requests, work.references, strict=True)
        ],
        "training_rows": [
            {"row": row.line, **loss_of(parts, reference)}
            for row, reference in zip(work.trained, work.trained_references, strict=True)
        ],
        "general_questions": [
            {"id": general.id, **answer_to(parts, request, "answer", "finish_reason")}
            for general, request in zip(general_questions(), work.general, strict=True)
        ],
        "general_text": {name: sum(text[name] for text in texts) for name in ("loss", "loss_tokens")},
        "seconds": {
            "answers": round(sum(parts[key]["seconds"] for key in work.asked), 1),
            "losses": round(sum(parts[key]["seconds"] for key in work.scored), 1),
        },
    }


def answer_to(parts: AnswerParts, request: Request, *names: str) -> dict[str, Any]:
    said = parts[request.key()]
    return {name: said["text" if name == "answer" else name] for name in names}


def loss_of(parts: AnswerParts, row: ScoredRow) -> dict[str, Any]:
    said = parts[loss_key(row)]
    return {"loss": said["loss"], "loss_tokens": said["loss_tokens"]}


def tell(parts: AnswerParts, work: Work, model: str) -> None:
    answers = [parts[key] for key in work.asked]
    tokens, seconds = (sum(answer[name] for answer in answers) for name in ("tokens", "seconds"))
    endless = sum(parts[request.key()]["finish_reason"] == "length" for request in work.requests)
    log.info(
        "%s: %s in %s, %.0f tokens/s; %d of %d answers to held-out questions were cut off",
        model, counted(len(answers), "answer"), as_duration(seconds), tokens / max(seconds, 1e-3), endless, len(work.requests),
    )  # fmt: skip
