"""Rows, questions and texts as the tokens that a model reads: by the tokenizer it was trained with, or, for a GGUF file from
elsewhere, by llama.cpp."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from mlx_lm.tokenizer_utils import TokenizerWrapper

from understudy.models.llama.server import ask_server, embedded_server
from understudy.models.mlx.load import load_its_tokenizer
from understudy.models.scored_rows import ScoredRow
from understudy.rows.row_tokens import RowTokens
from understudy.rows.training import common_length
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json

Messages = list[dict[str, str]]
UNLIMITED = 2**31


class RowReader(Protocol):
    """`context` is how many tokens the model takes."""

    context: int

    def prompt(self, messages: Messages) -> list[int]:
        """Return the tokens after which the model answers."""

    def row(self, messages: Messages, name: str) -> ScoredRow:
        """Return a row whose last message, the answer, is to be predicted with its end of turn."""

    def text(self, text: str, name: str) -> ScoredRow:
        """Return a plain text, all of which but the first token is to be predicted."""


class FolderReader:
    """Reads with the tokenizer of a model folder, and its chat template, exactly as the training does."""

    def __init__(self, folder: Path):
        config = read_json(folder / "config.json")
        self.context = config.get("max_position_embeddings") or UNLIMITED
        self._tokenizer: TokenizerWrapper = load_its_tokenizer(folder)
        if not self._tokenizer.has_chat_template:
            raise InputFileError(f"{folder} has no chat template, so it can't be asked: it takes a chat model.")
        self._rows = RowTokens(self._tokenizer)

    def prompt(self, messages: Messages) -> list[int]:
        return self._tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)

    def row(self, messages: Messages, name: str) -> ScoredRow:
        whole, prompt_length = self._rows.tokens(messages)
        return scored(name, messages, self._rows.pieces(messages), whole, whole[:prompt_length], self.context)

    def text(self, text: str, name: str) -> ScoredRow:
        return scored(name, [], [text], self._tokenizer.encode(text), [], self.context)


class LlamaReader:
    """Reads as llama.cpp's server does, with the tokenizer and the chat template in the GGUF file."""

    def __init__(self, base_url: str):
        self._server = base_url.removesuffix("/v1")
        self.context = ask_server(f"{base_url}/models")["data"][0]["meta"]["n_ctx_train"]
        self._end = ask_server(f"{self._server}/props")["eos_token"]

    def prompt(self, messages: Messages) -> list[int]:
        return self._tokens(self._chat(messages))

    def row(self, messages: Messages, name: str) -> ScoredRow:
        chat = self._chat(messages[:-1])
        text = chat + messages[-1]["content"] + self._end
        return scored(name, messages, [text], self._tokens(text), self._tokens(chat), self.context)

    def text(self, text: str, name: str) -> ScoredRow:
        return scored(name, [], [text], self._tokens(text), [], self.context)

    def _chat(self, messages: Messages) -> str:
        return self._ask("apply-template", {"messages": messages})["prompt"]

    def _tokens(self, text: str) -> list[int]:
        return self._ask("tokenize", {"content": text, "add_special": True, "parse_special": True})["tokens"]

    def _ask(self, endpoint: str, body: dict[str, Any]) -> Any:
        return ask_server(f"{self._server}/{endpoint}", body)


@contextmanager
def reader_of(model: Path, tokenizer_folder: Path | None) -> Iterator[RowReader]:
    """Yield what reads for a model: the tokenizer of the folder, or, without one, llama.cpp with the GGUF file `model`."""
    if tokenizer_folder is not None:
        yield FolderReader(tokenizer_folder)
        return
    # Nothing is computed here, so any context will do.
    with embedded_server(model, 512) as base_url:
        yield LlamaReader(base_url)


def scored(
    name: str, messages: Messages, pieces: list[str], whole: list[int], prompt: list[int], context: int
) -> ScoredRow:
    """Put a row together, cut off where the model's context ends; there is no prediction of the first token."""
    return ScoredRow(name, messages, pieces, whole, prompt, whole[:context], max(1, common_length(whole, prompt)))
