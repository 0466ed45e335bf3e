"""The first layers of a model, with their own weights and a few hundred of its words, as a folder that every reader takes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten
from mlx_lm.utils import _get_classes, dequantize_model
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

from understudy.models.folder import MLX_KEYS
from understudy.models.layout import Config
from understudy.models.mlx.load import load_weights
from understudy.models.safetensors import stored_tensors
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json, write_json

# The bytes, one token that is no text and one that is put together.
WORDS, FEWEST_WORDS = 512, 258
FEWEST, MOST = 2, 6
# In a base model's folder: what the comparison of readers on these layers gave.
READERS_RECORD = "understudy_readers.json"
LAYER = re.compile(r"\blayers\.(\d+)\.")
OF_WORDS = ("embed_tokens.weight", "lm_head.weight", "lm_head.bias")
# Every how many layers one is of another kind, by the keys of config.json.
INTERVALS = ("sliding_window_pattern", "full_attention_interval", "no_rope_layer_interval", "decoder_sparse_step")


def write_first_layers(base: Path, folder: Path) -> int:
    """Write the first layers of the model in `base` to the new `folder`, in float16; return how many they are.

    Raises InputFileError if a weight is out of float16's range, or the model has fewer words than a byte-level tokenizer."""
    config = read_json(base / "config.json")
    if config.get("vocab_size", 0) < FEWEST_WORDS:
        raise InputFileError(
            f"config.json says a vocab_size of {config.get('vocab_size')}, where {FEWEST_WORDS} are needed"
        )
    count, words = layers_of_a_period(config), min(WORDS, config["vocab_size"])
    folder.mkdir(parents=True)
    tensors = dict(_weights(base, config, count, words))
    for name, value in tensors.items():
        if not np.isfinite(value).all():
            raise InputFileError(f"{name} has values beyond float16")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    _write_small_tokenizer(folder, words)
    write_json(folder / "config.json", _config_of(config, count, words))
    return count


def layers_of_a_period(config: Config) -> int:
    """Return how many of the first layers have one of each kind among them: 2 to 6, and no more than there are."""
    kinds = kinds_of_layers(config)
    met = [len(set(kinds[:count])) for count in range(len(kinds) + 1)]
    return min(len(kinds), MOST, max(FEWEST, met.index(met[-1])))


def kinds_of_layers(config: Config) -> list[tuple]:
    """Return what distinguishes each layer, as mlx_lm's class fills config.json up with its defaults."""
    _, arguments = _get_classes(config)
    settings, layers = vars(arguments.from_dict(config)), config["num_hidden_layers"]
    lists = [value for value in settings.values() if isinstance(value, list | tuple) and len(value) == layers]
    steps = [step for key in INTERVALS if isinstance(step := settings.get(key), int) and step > 1]
    letters = [text for text in settings.values() if isinstance(text, str) and set(text) == {"L", "G"}]
    dense = settings.get("first_k_dense_replace") or 0
    return [
        (
            *(str(values[layer]) for values in lists),
            *((layer + 1) % step == 0 for step in steps),
            *(text[layer % len(text)] for text in letters),
            layer < dense,
        )
        for layer in range(layers)
    ]


def _layer(name: str) -> int:
    found = LAYER.search(name)
    return int(found[1]) if found else 0


def _weights(base: Path, config: Config, count: int, words: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the first `count` layers, and what is in no layer, in float16; of each matrix of words only the first rows. MLX
    unpacks what is packed."""
    if any(key in config for key in MLX_KEYS):
        with mx.stream(mx.cpu):
            for name, value in tree_flatten(dequantize_model(load_weights(base, lazy=True)).parameters()):
                if _layer(name) < count:
                    yield name, np.array((value[:words] if name.endswith(OF_WORDS) else value).astype(mx.float16))
        return
    for name, tensor in stored_tensors(base).items():
        if _layer(name) < count:
            with np.errstate(over="ignore"):
                yield name, tensor.read(0, words if name.endswith(OF_WORDS) else None).astype(np.float16)


def _config_of(config: Config, count: int, words: int) -> Config:
    layers = config["num_hidden_layers"]

    def cut(value: Any) -> Any:
        return value[:count] if isinstance(value, list) and len(value) == layers else value

    kept = {key: cut(value) for key, value in config.items() if key not in MLX_KEYS}
    ids = {key: 0 for key in ("bos_token_id", "eos_token_id", "pad_token_id") if key in kept}
    return {**kept, **ids, "num_hidden_layers": count, "vocab_size": words}


def _write_small_tokenizer(folder: Path, words: int) -> None:
    """Write one that GGUF has a place for; its words are never read, only their numbers."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    # llama.cpp wants one merge at least.
    texts = ["<|endoftext|>", *letters, letters[0] + letters[1]]
    texts += [f"w{number}" for number in range(words - len(texts))]
    vocabulary = {text: number for number, text in enumerate(texts)}
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=[(letters[0], letters[1])]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(texts[0], special=True, normalized=False)])
    tokenizer.save(str(folder / "tokenizer.json"))
    write_json(
        folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>"}
    )
