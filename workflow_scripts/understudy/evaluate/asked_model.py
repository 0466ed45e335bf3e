"""A model that is evaluated, loaded for as long as a `with` block lasts: MLX for folders and adapters, llama.cpp for GGUF."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from understudy.models.folder import shaping_files
from understudy.models.paths import ADAPTER_CONFIG, MlxModel
from understudy.models.predictions import RowLoss, row_losses
from understudy.models.requests import Answer, Request, Sampling, hash_of
from understudy.models.scored_rows import ScoredRow
from understudy.shared.files import file_sha256


@dataclass(frozen=True)
class LoadedModel:
    """`answers` yields each request with its answer in the order in which they end, `losses` each row with what its reference
    costs."""

    answers: Callable[[Sequence[Request], Sampling], Iterator[tuple[Request, Answer]]]
    losses: Callable[[Sequence[ScoredRow]], Iterator[tuple[ScoredRow, RowLoss]]]


def engine_of(chosen: Path | MlxModel) -> str:
    return "mlx" if isinstance(chosen, MlxModel) else "llama.cpp"


def identity_of(chosen: Path | MlxModel) -> str:
    """Name the content of all files that shape what the model says."""
    files = [chosen]
    if isinstance(chosen, MlxModel):
        files = shaping_files(chosen.folder)
        files += [chosen.adapters, chosen.adapters.with_name(ADAPTER_CONFIG)] if chosen.adapters else []
    return hash_of(engine_of(chosen), [f"{path.name} {file_sha256(path)}" for path in files])


@contextmanager
def loaded(chosen: Path | MlxModel, context_length: int, threads: int | None = None) -> Iterator[LoadedModel]:
    """Load a model for prompts and rows that take, with their answers, up to `context_length` tokens.

    Raises InputFileError or EmbeddedModelError if it can't be loaded."""
    if isinstance(chosen, MlxModel):
        yield loaded_by_mlx(chosen)
        return
    from understudy.models.llama.answers import SLOTS, llama_answers
    from understudy.models.llama.predictions import served_model

    with served_model(chosen, context_length, threads, SLOTS) as served:
        yield LoadedModel(
            answers=lambda requests, sampling: llama_answers(served.server, requests, sampling),
            losses=lambda rows: with_losses(rows, served.predictions(rows, kept=1)),
        )


def loaded_by_mlx(chosen: MlxModel) -> LoadedModel:
    from understudy.models.mlx.answers import mlx_answers
    from understudy.models.mlx.load import load_to_ask
    from understudy.models.mlx.predictions import mlx_predictions
    from understudy.models.mlx.replies import put_adapters

    model, tokenizer = load_to_ask(chosen.folder)
    if chosen.adapters is not None:
        put_adapters(model, chosen)
    model.eval()
    return LoadedModel(
        answers=lambda requests, sampling: mlx_answers(model, tokenizer, requests, sampling),
        losses=lambda rows: with_losses(rows, mlx_predictions(model, rows, kept=1)),
    )


def with_losses(rows: Sequence[ScoredRow], predictions: Iterator) -> Iterator[tuple[ScoredRow, RowLoss]]:
    for row, predicted in zip(rows, predictions, strict=True):
        yield row, row_losses([predicted])[0]
