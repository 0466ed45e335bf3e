"""What a GGUF file in llama.cpp's server says of the next token at each position of rows, as it says it to users: token by token.

The server tells no probabilities of a prompt, only of the token that it writes next. So each position is a request of its own,
for one token after all those before it, which the slot's cache has. A bias leaves it no choice but the row's own token, and the
probabilities that `n_probs` asks for are those of the logits before any sampler has touched them."""

import urllib.error
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from understudy.models.llama.server import ask_server, embedded_server
from understudy.models.predictions import KEPT, PredictionError, Predictions, RowLoss, checked_predictions, row_losses
from understudy.models.scored_rows import ScoredRow
from understudy.rows.training import common_length
from understudy.shared.errors import UnderstudyError

PARALLEL = 8
# More than any two logits are apart.
CERTAIN = 1e9
# More than any vocabulary has; the server stops at its end. 4 MB of JSON for 49,152 tokens.
ALL_TOKENS = 10**7
# Of one token: its log probability, and the likeliest tokens in its place with theirs.
Said = tuple[float | None, list[dict[str, Any]]]


class TokenizersDiffer(UnderstudyError):
    """llama.cpp reads a text as other tokens than the model was trained on."""


@contextmanager
def served_model(
    path: Path, context_length: int, threads: int | None = None, parallel: int = PARALLEL
) -> Iterator["ServedModel"]:
    """Serve a GGUF file for rows of up to `context_length` tokens.

    Raises EmbeddedModelError if llama.cpp can't load the file, or stops inside the block."""
    # One more, because the server counts the token that it writes.
    with embedded_server(path, context_length + 1, parallel, threads) as base_url:
        slots: SimpleQueue[int] = SimpleQueue()
        for slot in range(parallel):
            slots.put(slot)
        server = base_url.removesuffix("/v1")
        whole_character = ask_server(f"{server}/tokenize", {"content": "a"})["tokens"][-1]
        yield ServedModel(path, server, slots, whole_character)


@dataclass(frozen=True)
class ServedModel:
    """A GGUF file that llama.cpp serves at `server`; `slots` are those that read no row, `whole_character` any token of text."""

    path: Path
    server: str
    slots: SimpleQueue
    whole_character: int

    def reference_losses(self, rows: Sequence[ScoredRow]) -> list[RowLoss]:
        """Return what the reference answer of each row costs the model."""
        return row_losses(self.predictions(rows, kept=1))

    def predictions(self, rows: Sequence[ScoredRow], kept: int = KEPT) -> Iterator[Predictions]:
        """Yield each row's predictions; as many rows are under way at once as there are slots.

        Raises PredictionError where they are not numbers, or llama.cpp doesn't write what it is made to."""
        pool = ThreadPoolExecutor(self.slots.qsize())
        try:
            yield from pool.map(lambda row: self.predictions_of_row(row, kept), rows)
        finally:
            pool.shutdown(cancel_futures=True)

    def predictions_of_row(self, row: ScoredRow, kept: int = KEPT) -> Predictions:
        # A row keeps its slot, and so its cache.
        slot = self.slots.get()
        try:
            said = [self.said_of(row.tokens, place, kept, slot) for place in range(row.first, len(row.tokens))]
        finally:
            self.slots.put(slot)
        return checked_predictions(*as_arrays(said, kept), f"{self.path}, {row.name}")

    def said_of(self, tokens: list[int], place: int, kept: int, slot: int) -> Said:
        """Return the log probability of the token at `place` after all those before it, and the likeliest tokens there."""
        before, target = tokens[:place], tokens[place]
        entry = self.entry_of(before, target, kept, slot)
        if entry:
            return entry["logprob"], entry["top_logprobs"]
        # What a part of a character is given, the server keeps to itself, but not what others are given in its place.
        for listed in (max(kept, KEPT), ALL_TOKENS):
            likeliest = self.entry_of(before, self.whole_character, listed, slot)["top_logprobs"]
            found = next((token["logprob"] for token in likeliest if token["id"] == target), None)
            if found is not None or likeliest[0]["logprob"] is None:
                break
        return found, likeliest

    def entry_of(self, before: list[int], written: int, listed: int, slot: int) -> dict[str, Any] | None:
        """Make the server write one token after those before; return what it says of it, nothing of a part of a character."""
        asked = {"prompt": before, "n_predict": 1, "n_probs": listed, "id_slot": slot, "cache_prompt": True}
        no_choice = {"samplers": ["top_k"], "top_k": 1, "logit_bias": [[written, CERTAIN]]}
        entries = self.ask("/completion", {**asked, **no_choice}).get("completion_probabilities")
        if entries and entries[0]["id"] != written:
            raise PredictionError(f"{self.path}: llama.cpp writes another token than the one that it is made to write.")
        return entries[0] if entries else None

    def check_tokens(self, rows: Sequence[ScoredRow]) -> None:
        """Raise TokenizersDiffer unless llama.cpp reads each row, and its question in a chat, as the tokens that the model was
        trained on."""
        for row in rows:
            read = [token for piece in row.pieces for token in self.tokens_of(piece, add_special=False)]
            self.compare(read, row.whole, row.name)
            chat = self.ask("/apply-template", {"messages": row.messages[:-1]})["prompt"]
            asked = self.tokens_of(chat, add_special=True)
            self.compare(asked, row.prompt, f"the question of {row.name} under the chat template")

    def tokens_of(self, text: str, add_special: bool) -> list[int]:
        return self.ask("/tokenize", {"content": text, "parse_special": True, "add_special": add_special})["tokens"]

    def compare(self, read: list[int], trained: list[int], what: str) -> None:
        if read != trained:
            common = common_length(read, trained)
            here, there = read[common : common + 8], trained[common : common + 8]
            raise TokenizersDiffer(
                f"{self.path}: llama.cpp reads {what} as other tokens than the model was trained on: from token {common} on "
                f"{here} instead of {there}. The file's tokenizer or chat template is not the base model's, so it would answer "
                f"worse than it could. Report this with the base model's name."
            )

    def ask(self, endpoint: str, body: dict[str, Any]) -> Any:
        try:
            return ask_server(f"{self.server}{endpoint}", body)
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
            raise PredictionError(f"{self.path}: llama.cpp can't go on: {said}") from None


def as_arrays(said: Sequence[Said], kept: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the targets' log probabilities (positions,), and ids and log probabilities (positions, kept) of the likeliest."""
    # JSON has no NaN: it comes as null, which numpy makes NaN again.
    targets = np.array([logprob for logprob, _ in said], np.float32)
    tokens = np.array([[token["id"] for token in likeliest[:kept]] for _, likeliest in said])
    logprobs = np.array([[token["logprob"] for token in likeliest[:kept]] for _, likeliest in said], np.float32)
    return targets, tokens, logprobs
