"""Vectors of an embedding model on an OpenAI-compatible server, somebody else's or one on this machine."""

from collections.abc import Callable

import openai

from understudy.passages.embedder import TextRefused, one_line
from understudy.passages.vectors import EmbedderError
from understudy.teacher.api_key import MissingKeyError
from understudy.teacher.servers import hosted_client

TIMEOUT_S = 120


def ask_of_server(settings: dict) -> Callable[[list[str]], list]:
    """How an Embedder asks the server of the configuration's `retrieval.embedder`. Raises EmbedderError without a key that it may
    have."""
    try:
        client = hosted_client(settings["base_url"], TIMEOUT_S)
    except MissingKeyError as error:
        raise EmbedderError(str(error)) from None

    def ask(texts: list[str]) -> list:
        try:
            reply = client.embeddings.create(model=settings["model"], input=texts, encoding_format="float")
        except (openai.BadRequestError, openai.InternalServerError) as error:
            raise TextRefused(f"retrieval.embedder refuses a text: {one_line(error)}") from None
        except (openai.APIError, ValueError) as error:
            raise EmbedderError(f"retrieval.embedder can't be asked: {one_line(error)}") from None
        try:
            return [item.embedding for item in sorted(reply.data, key=lambda item: item.index)]
        except (TypeError, AttributeError):
            return []

    return ask
