"""Three held-out questions to a GGUF file in llama.cpp: is what comes back text, and does it come to an end?

The file is judged here, not how much the model has learned. Small models repeat themselves under greedy decoding (Holtzman
et al. 2019, arXiv 1904.09751): the demo's model looped on 15 of 18 held-out questions at temperature 0.3, on none of those asked
with the penalty below. A file with a lost end token, permuted rows or a wrong tokenizer fails with any sampling."""

import json
import unicodedata
import urllib.error
import urllib.request
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from understudy.models.llama.server import EmbeddedModelError, embedded_server
from understudy.shared.errors import UnderstudyError
from understudy.shared.files import read_json_lines

QUESTIONS = 3
# What Ollama asks with unless a Modelfile says otherwise.
SAMPLING = {"temperature": 0.8, "top_k": 40, "top_p": 0.9, "min_p": 0.0, "repeat_penalty": 1.1, "repeat_last_n": 64}
# A question is asked again before its answer counts as bad: at this temperature one of many may go astray.
SEEDS = (1, 2)
CHARACTERS_OF_A_TOKEN = 3
TIMES_THE_LONGEST_REFERENCE = 2
FEWEST_TOKENS, MOST_TOKENS = 128, 1024
MOST_CHARACTERS_OF_A_QUESTION = 3000
# A prompt's tokens, at the most: what the chat template writes, and one for each two bytes of the question.
TOKENS_OF_THE_TEMPLATE, BYTES_OF_A_TOKEN = 256, 2
# How much shorter zlib makes a text: Whisper takes 2.4 and more for a loop (its compression_ratio_threshold). The demo's answers,
# held-out and generated, are below 1.8.
LOOP, SAME_AGAIN_AND_AGAIN = 2.4, 5.0
MOST_REPLACED, FEWEST_LETTERS, FEWEST_FAMILIAR = 0.01, 0.4, 0.25
SHOWN = 80


class BadAnswerError(UnderstudyError):
    """llama.cpp loads the file, but what it answers is no answer."""


@dataclass(frozen=True)
class Answer:
    """What llama.cpp said: the text, its tokens by their ids, and whether the model ended it."""

    text: str
    tokens: list[int]
    ended: bool

    @cached_property
    def times_zipped(self) -> float:
        """The length of the text over what zlib makes of it, in bytes: about 1.5 for prose, 10 in a loop."""
        encoded = self.text.encode("utf-8", "replace")
        return len(encoded) / len(zlib.compress(encoded))

    @cached_property
    def marks(self) -> list[str]:
        """The text's characters but for white space."""
        return [mark for mark in self.text if not mark.isspace()]


class HeldOutRows:
    """What a validation file says of how answers look: three questions, the longest answer, the tokens that occur."""

    def __init__(self, path: Path, tokenizer_file: Path):
        """Raises InputFileError if `path` is not JSON lines."""
        self.rows = [row["messages"] for _, row in read_json_lines(path)]
        self._tokenizer = Tokenizer.from_file(str(tokenizer_file)) if tokenizer_file.is_file() else None

    @property
    def questions(self) -> list[list[dict[str, str]]]:
        """The conversations up to the answer: of the first, a middle and the last row, long ones left out."""
        prompts = [row[:-1] for row in self.rows]
        short = [prompt for prompt in prompts if _characters(prompt) <= MOST_CHARACTERS_OF_A_QUESTION]
        places = {round(number * (len(short) - 1) / (QUESTIONS - 1)) for number in range(QUESTIONS)} if short else set()
        return [short[place] for place in sorted(places)]

    @property
    def most_tokens(self) -> int:
        """Where an answer is cut off, in tokens: twice the longest of the rows."""
        longest = max(len(row[-1]["content"]) for row in self.rows) // CHARACTERS_OF_A_TOKEN
        return min(MOST_TOKENS, max(FEWEST_TOKENS, TIMES_THE_LONGEST_REFERENCE * longest))

    @property
    def context_length(self) -> int:
        """What the longest of the questions with its answer may take, in tokens."""
        texts = ["".join(message["content"] for message in question) for question in self.questions]
        longest = max((len(text.encode("utf-8", "replace")) for text in texts), default=0)
        return TOKENS_OF_THE_TEMPLATE + longest // BYTES_OF_A_TOKEN + self.most_tokens

    @cached_property
    def tokens(self) -> set[int]:
        """The ids of all tokens in the rows; empty for a folder without tokenizer.json."""
        if self._tokenizer is None:
            return set()
        texts = [message["content"] for row in self.rows for message in row]
        return {number for coded in self._tokenizer.encode_batch(texts) for number in coded.ids}

    @cached_property
    def control_tokens(self) -> dict[int, str]:
        """The tokens that mean something to a program and never belong in a text, by their ids."""
        added = self._tokenizer.get_added_tokens_decoder() if self._tokenizer else {}
        return {number: token.content for number, token in added.items() if token.special}

    def complaint(self, answer: Answer) -> str | None:
        """What is wrong with an answer, as the end of a sentence that begins with it; None if nothing is."""
        inside = answer.tokens[:-1] if answer.ended else answer.tokens
        control = [self.control_tokens[token] for token in inside if token in self.control_tokens]
        if control:
            return f"goes on where it should have ended: {control[0]} is in the middle of it"
        if not answer.marks:
            return "is empty"
        if not answer.ended and answer.times_zipped > LOOP:
            return f"is endless: it repeats itself, and has not ended after {len(answer.tokens)} tokens"
        if answer.times_zipped > SAME_AGAIN_AND_AGAIN:
            return "is garbled: it says the same again and again"
        if answer.marks.count("\N{REPLACEMENT CHARACTER}") > max(1, MOST_REPLACED * len(answer.marks)):
            return "is garbled: it has bytes that are no characters"
        if sum(map(_is_of_a_word, answer.marks)) < FEWEST_LETTERS * len(answer.marks):
            return "is garbled: it is hardly letters"
        familiar = [token in self.tokens for token in inside]
        if self.tokens and sum(familiar) < FEWEST_FAMILIAR * len(familiar):
            return f"is garbled: the held-out rows have {sum(familiar)} of its {len(familiar)} tokens"
        return None


def first_answer(path: Path, held_out: HeldOutRows, threads: int) -> str:
    """Ask the GGUF file at `path` three of the held-out questions at once; return the beginning of the first answer.

    Raises EmbeddedModelError if llama.cpp can't load it or can't answer, BadAnswerError, with the question and the beginning
    of the answer, if an answer is empty, endless or garbled."""
    questions = held_out.questions
    with embedded_server(path, held_out.context_length, parallel=QUESTIONS, threads=threads) as base_url:
        server = base_url.removesuffix("/v1")
        with ThreadPoolExecutor(QUESTIONS) as pool:
            answers = list(pool.map(lambda question: _passable_answer(server, question, held_out, path), questions))
    return answers[0] if answers else ""


def _passable_answer(server: str, question: list[dict[str, str]], held_out: HeldOutRows, path: Path) -> str:
    for seed in SEEDS:
        answer = _ask(server, question, held_out.most_tokens, seed, path)
        complaint = held_out.complaint(answer)
        if complaint is None:
            return _beginning(answer.text)
    raise BadAnswerError(
        f"{path}: llama.cpp loads the file, but its answer to the held-out question "
        f"{_beginning(question[-1]['content'])!r} {complaint}. It begins {_beginning(answer.text)!r}. `understudy chat` with the "
        f"fused folder tells whether the training or the file is to blame; export.bad_answers: warn keeps the file."
    )


def _ask(server: str, question: list[dict[str, str]], most_tokens: int, seed: int, path: Path) -> Answer:
    prompt = _post(f"{server}/apply-template", {"messages": question}, path)["prompt"]
    body = {"prompt": prompt, "n_predict": most_tokens, "seed": seed, "return_tokens": True, **SAMPLING}
    reply = _post(f"{server}/completion", body, path)
    return Answer(reply["content"], reply["tokens"], ended=reply["stop_type"] != "limit")


def _post(url: str, body: dict[str, Any], path: Path) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise EmbeddedModelError(f"{path}: llama.cpp can't answer: {error.read().decode(errors='replace')}") from None


def _characters(messages: list[dict[str, str]]) -> int:
    return sum(len(message["content"]) for message in messages)


def _is_of_a_word(mark: str) -> bool:
    """Whether a character is a letter, a digit, or a sign on a letter as Hindi and Thai have them."""
    return unicodedata.category(mark)[0] in "LNM"


def _beginning(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."
