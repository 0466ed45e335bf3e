"""Talk to what was trained: understudy chat [MODEL] ["question"]

MODEL is a GGUF file, a model folder (models/NAME/fused, models/NAME/hf, models/base/...), or adapters (models/NAME/adapters, or a
checkpoint's file in it). Without a question, on a terminal, it is a conversation, in which /help lists the commands."""

import argparse
import contextlib
import os
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from understudy.commands.talks import Talks, talks_beside
from understudy.commands.terminal import CommandError, Conversation, do_command, markdown_writer, typed_questions
from understudy.models.blas import run_with_optimised_blas
from understudy.models.paths import MlxModel, model_to_ask
from understudy.models.requests import TalkingModel
from understudy.shared.errors import UnderstudyError
from understudy.shared.numbers import number_from, whole_number

if TYPE_CHECKING:
    # What searches takes a quarter of a second to load, which every command would wait for.
    from understudy.passages.gate import Decision

CONTEXT_LENGTH = 4096
MODEL_SUFFIXES = (".gguf", ".safetensors")


class ChatError(UnderstudyError):
    """There is nothing to ask."""


def chat(
    model: Path, questions: Iterator[str], *, goes_on: bool = False, talks: "Talks | None" = None, **sampling: float
) -> None:
    """Answer `questions` one after the other, each knowing those before it; stream the answers to standard output.

    With the index of `talks` the passages for a question are shown, then go with it to the model; with later questions they
    don't go again. With its gate the model isn't asked what the talks don't answer, and gets no passages for a greeting. Where
    answers are strict, no model is asked. `sampling` is temperature, max_tokens and repeat_penalty. Ctrl-C ends it; where it
    `goes_on`, in an answer only the answer, a line that begins with / is a command, and what hinders an answer ends nothing.
    Raises an UnderstudyError if there is no model, it can't be loaded, or the
    conversation outgrows the context."""
    talks = Talks() if talks is None else talks
    with contextlib.ExitStack() as opened:
        talking = None if talks.strict else opened.enter_context(replies_of(model_to_ask(model), **sampling))
        conversation = Conversation()
        for question in questions:
            try:
                if goes_on and question.startswith("/"):
                    do_command(question, conversation)
                else:
                    answer_question(talking, conversation, question, talks, goes_on)
            except UnderstudyError as error:
                if not goes_on:
                    raise
                more = "" if isinstance(error, CommandError) else " /new begins a new conversation."
                print(f"{error}{more}")
            if conversation.has_ended:
                return


def answer_question(
    talking: TalkingModel | None, conversation: Conversation, question: str, talks: Talks, goes_on: bool
) -> None:
    """Print the answer to a question, and add both to the conversation."""
    from understudy.passages.gate import NOT_COVERED

    before = conversation.messages[-2]["content"] if conversation.messages else None
    decision = talks.decision(question, before)
    conversation.sources = []
    if decision is not None and decision.kind == NOT_COVERED:
        said = talks.say_not_covered(question, decision)
    elif talking is None:
        said = talks.answer_strictly(question, before)
    else:
        said = answer_from_talks(talking, conversation, question, decision, talks, goes_on)
    talks.say_notice()
    conversation.add(question, said)


def answer_from_talks(
    talking: TalkingModel,
    conversation: Conversation,
    question: str,
    decision: "Decision | None",
    talks: Talks,
    goes_on: bool,
) -> str:
    """Print passages, the model's answer, and the places of its sentences; return the answer. Small talk gets neither."""
    from understudy.passages.frame import framed
    from understudy.passages.gate import SMALL_TALK

    messages, temperature = conversation.messages, conversation.temperature
    if decision is not None and decision.kind == SMALL_TALK:
        return answer(talking, [*messages, {"role": "user", "content": question}], goes_on, temperature)
    before = messages[-2]["content"] if messages else None
    found = talks.sources(question, before, talking.count_tokens)
    conversation.sources = found
    said = answer(talking, [*messages, {"role": "user", "content": framed(question, found)}], goes_on, temperature)
    talks.say_places(said, found)
    return said


def replies_of(
    model: Path | MlxModel, temperature: float = 0.3, max_tokens: int = 1024, repeat_penalty: float = 1.1
) -> AbstractContextManager[TalkingModel]:
    """What answers, for as long as a `with` block lasts: llama.cpp for a GGUF file, otherwise MLX."""
    if isinstance(model, MlxModel):
        from understudy.models.mlx.replies import mlx_replies

        return nullcontext(mlx_replies(model, CONTEXT_LENGTH, temperature, max_tokens, repeat_penalty))
    from understudy.models.llama.replies import llama_replies

    return llama_replies(model, CONTEXT_LENGTH, temperature, max_tokens, repeat_penalty)


def answer(
    talking: TalkingModel, messages: list[dict[str, str]], goes_on: bool, temperature: float | None = None
) -> str:
    """Print the answer as it comes, on a terminal as Markdown; return it, or what there is of it when it is stopped."""
    pieces = []
    sampling = {} if temperature is None else {"temperature": temperature}
    try:
        with (
            markdown_writer() if is_terminal() else plain_writer() as write,
            closing(talking.reply(messages, **sampling)) as stream,
        ):
            for piece in stream:
                pieces.append(piece)
                write(shown(piece))
    except KeyboardInterrupt:
        if not goes_on:
            raise
    return "".join(pieces)


def is_terminal() -> bool:
    """Whether what is printed is seen at once, by somebody whose terminal can go back a line."""
    return sys.stdout.isatty() and os.environ.get("TERM") not in ("", "dumb", None)


@contextlib.contextmanager
def plain_writer() -> Iterator[Callable[[str], None]]:
    """What prints pieces as they are, and at last the end of the line."""
    try:
        yield lambda piece: print(piece, end="", flush=True)
    finally:
        print()


def shown(text: str) -> str:
    """The text without the control characters by which it could command the terminal; lines and tabs stay."""
    return "".join(mark for mark in text if mark in "\n\t" or unicodedata.category(mark) != "Cc")


def _questions(question: str | None) -> Iterator[str]:
    question = (question if question is not None else sys.stdin.read()).strip()
    if not question:
        raise ChatError("There is no question: give one after the model.")
    return iter([question])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL and QUESTION are one list, because each of them may be left out."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="[MODEL] [QUESTION]",
        help="a GGUF file, a model folder or adapters, such as models/fung-Q4_K_M.gguf, models/fung/fused, models/fung/adapters "
        "(default: the project's GGUF file); without a question, on a terminal: a conversation",
    )
    parser.add_argument(
        "--no-sources", action="store_true", help="ask the model alone, without the passages of the talks"
    )
    parser.add_argument(
        "--no-gate", action="store_true", help="ask the model also what the talks don't answer (data/gate.json)"
    )
    parser.add_argument(
        "--temperature", type=number_from(0), default=0.3, help="0 gives the same answer every time (default: 0.3)"
    )
    parser.add_argument(
        "--max-tokens", type=whole_number, default=1024, help="where an answer is cut off (default: 1024)"
    )
    parser.add_argument(
        "--repeat-penalty",
        type=number_from(0.01),
        default=1.1,
        help="on the last 64 tokens, as in Ollama; 1 is none (default: 1.1)",
    )


def model_and_question(words: list[str]) -> tuple[Path | None, str | None]:
    """Tell apart what was typed. One word alone is the model if it is there or is like a path.

    Raises ChatError for more than a model and a question."""
    if len(words) > 2:
        raise ChatError(
            f"It takes a model and a question, but there are {len(words)} words: put the question in quotation marks."
        )
    if len(words) == 2:
        return Path(words[0]), words[1]
    if words and (is_like_a_path(words[0]) or Path(words[0]).exists()):
        return Path(words[0]), None
    return None, words[0] if words else None


def is_like_a_path(word: str) -> bool:
    return len(word.split()) == 1 and ("/" in word or Path(word).suffix in MODEL_SUFFIXES)


def talk(model: Path, question: str | None, with_sources: bool, with_gate: bool, **sampling: float) -> None:
    """Answer the question, that of standard input, or on a terminal those that are typed."""
    if isinstance(model_to_ask(model), MlxModel):
        run_with_optimised_blas()
    goes_on = question is None and sys.stdin.isatty()
    asked = typed_questions() if goes_on else _questions(question)
    with talks_beside(model, with_sources, with_gate) as talks:
        chat(model, asked, goes_on=goes_on, talks=talks, **sampling)
