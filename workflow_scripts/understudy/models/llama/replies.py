"""Replies of a GGUF file in llama.cpp, to a conversation."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from openai import APIStatusError, DefaultHttpxClient, OpenAI

from understudy.models.llama.server import ask_server, embedded_server
from understudy.models.requests import REPEAT_LAST_N, TalkingModel
from understudy.shared.errors import UnderstudyError


class ServerRefuses(UnderstudyError):
    """llama.cpp can't go on with this conversation."""


@contextmanager
def llama_replies(
    model: Path, context_length: int, temperature: float, max_tokens: int, repeat_penalty: float
) -> Iterator[TalkingModel]:
    """Start llama.cpp with the file, for as long as a `with` block lasts.

    Raises EmbeddedModelError if llama.cpp can't load it; a reply raises ServerRefuses, such as when the conversation
    outgrows `context_length` tokens."""
    with embedded_server(model, context_length) as base_url:
        # None of the environment's proxies stands between this process and its own server.
        direct = DefaultHttpxClient(trust_env=False)
        client = OpenAI(base_url=base_url, api_key="none", max_retries=0, http_client=direct)

        def reply(messages: list[dict[str, str]], temperature: float = temperature) -> Iterator[str]:
            sampling = {"temperature": temperature, "max_tokens": max_tokens}
            penalty = {"repeat_penalty": repeat_penalty, "repeat_last_n": REPEAT_LAST_N}
            try:
                # Leaving the block closes the stream, at which the server stops computing.
                with client.chat.completions.create(
                    model="gguf", messages=messages, stream=True, extra_body=penalty, **sampling
                ) as stream:
                    for chunk in stream:
                        yield (chunk.choices[0].delta.content or "") if chunk.choices else ""
            except APIStatusError as error:
                raise ServerRefuses(f"llama.cpp refuses: {error.message}") from None

        def count_tokens(text: str) -> int:
            return len(ask_server(f"{base_url.removesuffix('/v1')}/tokenize", {"content": text})["tokens"])

        yield TalkingModel(reply, count_tokens)
