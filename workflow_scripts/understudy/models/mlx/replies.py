"""Replies of a model that MLX computes, to a conversation."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import mlx.core as mx
from jinja2 import TemplateError
from mlx import nn
from mlx_lm import stream_generate
from mlx_lm.sample_utils import make_sampler
from mlx_lm.tokenizer_utils import TokenizerWrapper
from mlx_lm.utils import load_adapters

from understudy.models.mlx.answers import logits_processors
from understudy.models.mlx.load import load_to_ask
from understudy.models.paths import ADAPTER_CONFIG, ADAPTERS, MlxModel
from understudy.models.requests import TalkingModel
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json

# llama.cpp's own, so that a model sounds the same from its folder and from its GGUF.
SAMPLING = {"top_k": 40, "top_p": 0.95, "min_p": 0.05}


class ConversationError(InputFileError):
    """The model can't go on with this conversation."""


def mlx_replies(
    chosen: MlxModel, context_length: int, temperature: float, max_tokens: int, repeat_penalty: float
) -> TalkingModel:
    """Load the model.

    `context_length` is the number of tokens that a conversation with its reply may take; the model's own limit stays in force.
    Raises InputFileError if the model can't be loaded, has no chat template, or the adapters are those of another;
    a reply raises ConversationError if the conversation outgrows the context or the template fails."""
    model, tokenizer = load_to_ask(chosen.folder)
    if not tokenizer.has_chat_template:
        raise InputFileError(f"{chosen.folder} has no chat template, so it can't be talked to: it takes a chat model.")
    if chosen.adapters is not None:
        put_adapters(model, chosen)
    own_limit = read_json(chosen.folder / "config.json").get("max_position_embeddings") or context_length
    limit = min(context_length, own_limit)
    processors = logits_processors(repeat_penalty)

    def reply(messages: list[dict[str, str]], temperature: float = temperature) -> Iterator[str]:
        how = {"sampler": make_sampler(temperature, **SAMPLING), "logits_processors": processors}
        prompt = prompt_tokens(tokenizer, messages)
        if len(prompt) >= limit:
            raise ConversationError(
                f"The conversation has {len(prompt)} tokens, which exceed the {limit} that fit. Begin a new one."
            )
        room = min(max(1, max_tokens), limit - len(prompt))
        for response in stream_generate(model, tokenizer, prompt, max_tokens=room, **how):
            yield response.text

    return TalkingModel(reply, lambda text: len(tokenizer.encode(text, add_special_tokens=False)))


def prompt_tokens(tokenizer: TokenizerWrapper, messages: list[dict[str, str]]) -> list[int]:
    try:
        return tokenizer.apply_chat_template(messages, add_generation_prompt=True)
    except (TemplateError, ValueError, TypeError) as error:
        raise ConversationError(f"The model's chat template fails: {error}") from error


def put_adapters(model: nn.Module, chosen: MlxModel) -> None:
    """Put any adapter file into the model: mlx_lm takes a folder with one name, so the file gets it in a folder aside.

    Raises InputFileError if it is damaged or belongs to a model of another shape."""
    with tempfile.TemporaryDirectory(prefix="understudy-") as aside:
        Path(aside, ADAPTERS).symlink_to(chosen.adapters.absolute())
        Path(aside, ADAPTER_CONFIG).symlink_to(chosen.adapters.absolute().with_name(ADAPTER_CONFIG))
        try:
            load_adapters(model, aside)
            mx.eval(model.parameters())
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
            # mlx_lm lists every tensor; the first says it.
            first = "\n".join(str(error).splitlines()[:2])
            says = first.replace(f"{aside}/", "").replace(aside, str(chosen.adapters))
            raise InputFileError(
                f"{chosen.adapters} does not fit the base model {chosen.folder}, or is damaged: {says}"
            ) from error
    model.eval()
