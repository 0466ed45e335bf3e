"""Talk to a GGUF file: python workflow_scripts/chat.py MODEL.gguf "question"

Without a question, on a terminal, it is a conversation; an empty line or Ctrl-D ends it."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from openai import APIStatusError, DefaultHttpxClient, OpenAI

from lib.embedded_llama import EmbeddedModelError, embedded_server
from lib.errors import UnderstudyError

CONTEXT_LENGTH = 4096


class ChatError(UnderstudyError):
    """The model can't go on with this conversation, or there is nothing to ask."""


def chat(model: Path, questions: Iterator[str], **sampling: float) -> None:
    """Answer `questions` one after the other, each knowing those before it; stream the answers to standard output.

    `sampling` goes into each request: temperature, max_tokens.
    Raises EmbeddedModelError if llama.cpp can't load `model`, ChatError if the conversation outgrows the context."""
    if not model.is_file():
        raise EmbeddedModelError(f"{model} does not exist: run `make demo` first, or `snakemake {model}`.")
    with embedded_server(model, CONTEXT_LENGTH) as base_url:
        # None of the environment's proxies stands between this process and its own server.
        direct = DefaultHttpxClient(trust_env=False)
        client = OpenAI(base_url=base_url, api_key="none", max_retries=0, http_client=direct)
        messages = []
        for question in questions:
            messages.append({"role": "user", "content": question})
            messages.append({"role": "assistant", "content": _answer(client, messages, sampling)})


def typed_questions() -> Iterator[str]:
    """What is typed at the terminal, up to an empty line or Ctrl-D."""
    while True:
        try:
            question = input("> ").strip()
        except EOFError:
            print()
            return
        if not question:
            return
        yield question


def _answer(client: OpenAI, messages: list[dict[str, str]], sampling: dict[str, float]) -> str:
    pieces = []
    try:
        stream = client.chat.completions.create(model="gguf", messages=messages, stream=True, **sampling)
        for chunk in stream:
            piece = (chunk.choices[0].delta.content or "") if chunk.choices else ""
            pieces.append(piece)
            print(piece, end="", flush=True)
    except APIStatusError as error:
        raise ChatError(f"llama.cpp refuses: {error.message}") from None
    print()
    return "".join(pieces)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Talk to a GGUF file.")
    parser.add_argument("model", type=Path, help="such as demo/models/demo-Q4_K_M.gguf")
    parser.add_argument("question", nargs="?", help="without it, on a terminal: a conversation")
    parser.add_argument(
        "--temperature", type=float, default=0.3, help="0 gives the same answer every time (default: 0.3)"
    )
    parser.add_argument("--max-tokens", type=int, default=1024, help="where an answer is cut off (default: 1024)")
    return parser.parse_args()


def _questions(question: str | None) -> Iterator[str]:
    if question is None and sys.stdin.isatty():
        return typed_questions()
    question = (question if question is not None else sys.stdin.read()).strip()
    if not question:
        raise ChatError("There is no question: give one as the second argument.")
    return iter([question])


def main() -> int:
    arguments = _arguments()
    try:
        questions = _questions(arguments.question)
        chat(arguments.model, questions, temperature=arguments.temperature, max_tokens=arguments.max_tokens)
    except UnderstudyError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
