"""Write models/{name}/Modelfile: the GGUF file, the template it was trained under and its settings, for `ollama create`."""

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gguf import GGUFReader

from understudy.export.ollama_template import ChatFrame, Messages, NotDerivable, chat_frame
from understudy.passages.frame import frame_in_words
from understudy.shared.files import read_json, write_text
from understudy.shared.log import log

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CONTEXT_LENGTH = 4096
# As `make chat` asks, where the base model's generation_config.json says nothing else. Newer versions of Ollama have no penalty.
SETTINGS = {"temperature": 0.3, "repeat_penalty": 1.1}
MISSING = (
    "Here it is the voice alone: no passages of the talks, no gate, no place beside a sentence. `understudy serve --engine URL`",
    "puts all of that in front of Ollama. The frame in which the model takes passages, with the last question alone:",
    "",
)
# Name there: name here, least and greatest value, whether it is a whole number.
OF_GENERATION_CONFIG = {
    "temperature": ("temperature", 0, 2, False),
    "top_k": ("top_k", 0, 1000, True),
    "top_p": ("top_p", 0, 1, False),
    "min_p": ("min_p", 0, 1, False),
    "repetition_penalty": ("repeat_penalty", 0.5, 2, False),
}


def write_modelfile(gguf: Path, others: list[Path], folder: Path, output: Path) -> None:
    """Write `output` for the file `gguf`; `others` are named in it too, `folder` is the model in Hugging Face layout.

    A chat template from which no Go template can be derived gives a Modelfile without one, and a warning."""
    tokenizer = loaded_tokenizer(folder)
    generation = read_json(folder / "generation_config.json") if (folder / "generation_config.json").is_file() else {}
    lines = [
        f"# ollama create {output.parent.name} -f {output}",
        f"FROM ../{gguf.name}",
        *(f"# FROM ../{other.name}" for other in others),
    ]
    try:
        frame = chat_frame(renderer(tokenizer))
        lines += template_lines(frame.without_beginning(tokenizer.bos_token) if adds_bos(gguf) else frame)
    except NotDerivable as error:
        log.warning(
            "Warning: %s has no TEMPLATE, because none can be derived from the model's chat template: %s. Ollama then takes "
            "one of its own that looks like the template in the GGUF file, or none: compare its answers with `make chat`.",
            output,
            error,
        )
        frame = None
        lines += [
            "# No TEMPLATE: none could be derived from the model's chat template. Ollama looks for one by itself."
        ]
    lines += [f'PARAMETER stop "{token}"' for token in stop_tokens(frame, tokenizer, generation)]
    settings = {"num_ctx": context_length(read_json(folder / "config.json")), **SETTINGS, **sampling_of(generation)}
    lines += [f"PARAMETER {key} {value}" for key, value in settings.items()]
    lines += comment_on_passages()
    write_text(output, "\n".join(lines) + "\n")


def comment_on_passages() -> list[str]:
    """What is missing in Ollama, and the frame in which passages would be given; a line each, all of them comments."""
    return [f"# {line}".rstrip() for line in (*MISSING, *frame_in_words().splitlines())]


def loaded_tokenizer(folder: Path) -> "PreTrainedTokenizerBase":
    # Otherwise it says on each start that there is no PyTorch, as mlx_lm knows too.
    os.environ["TRANSFORMERS_NO_ADVISORY_WARNINGS"] = "1"
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def renderer(tokenizer: "PreTrainedTokenizerBase"):
    """What writes a prompt as the training wrote it."""

    def render(messages: Messages) -> str:
        return tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)

    return render


def template_lines(frame: ChatFrame) -> list[str]:
    no_system = ["# The model's chat template takes no system message."] if frame.after_system is None else []
    return [*no_system, f'TEMPLATE """{frame.go_template()}"""']


def adds_bos(gguf: Path) -> bool:
    """Whether Ollama puts the token of a text's beginning before the prompt, which the template then must not write."""
    metadata = GGUFReader(gguf)
    field = metadata.get_field("tokenizer.ggml.add_bos_token")
    # Without the key llama.cpp does so for SentencePiece (load_vocab in its src/llama-vocab.cpp).
    return field.contents() if field else metadata.get_field("tokenizer.ggml.model").contents() == "llama"


def stop_tokens(frame: ChatFrame | None, tokenizer: "PreTrainedTokenizerBase", generation: dict[str, Any]) -> list[str]:
    """The tokens that end an answer, and the control tokens around one: a model that writes another turn is stopped there.

    One that a line of a Modelfile can't hold is left out; llama.cpp ends at the end tokens in any case."""
    ends = generation.get("eos_token_id")
    numbers = [number for number in (ends if isinstance(ends, list) else [ends]) if type(number) is int]
    added = tokenizer.added_tokens_decoder
    tokens = [tokenizer.eos_token, *(added[number].content for number in numbers if number in added)]
    if frame:
        around = frame.answer_ends + frame.prompt_ends + frame.answer_begins
        control = [token.content for token in added.values() if token.special and token.content in around]
        tokens += sorted(control, key=around.index)
    fitting = [token for token in dict.fromkeys(tokens) if token and token.isprintable() and '"' not in token]
    return [token for token in fitting if token == token.strip()]


def context_length(config: dict[str, Any]) -> int:
    """The tokens that a conversation may have: as in `make chat`, or what the model can."""
    longest = config.get("max_position_embeddings") or config.get("text_config", {}).get("max_position_embeddings")
    return min(CONTEXT_LENGTH, longest) if type(longest) is int and longest > 0 else CONTEXT_LENGTH


def sampling_of(generation: dict[str, Any]) -> dict[str, float]:
    """The base model's recommended sampling under Ollama's names; values that make no sense are left out."""
    if generation.get("do_sample") is False:
        return {}
    return {
        name: generation[key]
        for key, (name, least, most, whole) in OF_GENERATION_CONFIG.items()
        if is_number(generation.get(key), whole) and least <= generation[key] <= most
    }


def is_number(value: Any, whole: bool) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value) and not whole)
