"""Whether MLX, which trains, and llama.cpp, which runs what was trained, read a base model alike: its own weights through both.

Where one reads a setting otherwise, such as those of the rotary positions, nothing fails: the model only answers worse."""

import tempfile
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np

from understudy.gguf.families import family_of
from understudy.gguf.writing import write_gguf_file
from understudy.models.first_layers import READERS_RECORD, WORDS, write_first_layers
from understudy.models.llama.predictions import ServedModel, served_model
from understudy.models.mlx.load import load_weights
from understudy.shared.errors import InputFileError, UnderstudyError
from understudy.shared.files import write_json
from understudy.shared.log import log

POSITIONS, PLACES = 600, 24
# Root mean square, in standard deviations of the log probabilities of a place. SmolLM2-135M: 0.0025; with a rotary base that is
# 1.5 times another 0.058, ten times 0.144.
LARGEST_DISTANCE = 0.03


def compare_readers(folder: Path, source: str) -> None:
    """Compare the readers on the first layers of the base model in `folder`, say what came out, and write it beside config.json.

    Raises InputFileError, naming `source`, if they differ. What can't be compared is no error."""
    try:
        record = distance_of_readers(folder)
    except UnderstudyError as error:
        reason = str(error).splitlines()[0]
        log.info("%s: MLX and llama.cpp are not compared: %s", source, reason)
        record = {"not_compared": reason}
    else:
        if not record["distance"] <= LARGEST_DISTANCE:
            raise InputFileError(
                f"base_model: {source}: MLX and llama.cpp compute different things of the same first {record['layers']} layers: "
                f"they are {record['distance']:.2f} of the spread of the log probabilities apart after {record['at']} tokens, "
                f"where {LARGEST_DISTANCE} is the most. One of them reads a setting of config.json otherwise, so what is trained "
                "here would answer worse there. Choose another base_model, and report this one by its name."
            )
        log.info(
            "%s: MLX and llama.cpp compute the same of the first %d layers at %d positions: within %.4f of the spread",
            source, record["layers"], record["positions"], record["distance"],
        )  # fmt: skip
    write_json(folder / READERS_RECORD, record)


def distance_of_readers(folder: Path) -> dict[str, Any]:
    """Return how far the readers' log probabilities are apart at most, and where; raises UnderstudyError if one can't read it."""
    family_of(folder)  # What has no place in GGUF here is known before anything is read.
    with tempfile.TemporaryDirectory(prefix="understudy-") as temporary:
        small, gguf = Path(temporary) / "layers", Path(temporary) / "layers.gguf"
        layers = write_first_layers(folder, small)
        write_gguf_file(small, "F16", gguf, "layers", threads=2)
        model = load_weights(small)
        model.set_dtype(mx.float32)
        model.eval()
        context = getattr(model.args, "max_position_embeddings", None) or POSITIONS
        words = min(WORDS, len(model.model.embed_tokens.weight))
        tokens = np.random.default_rng(0).integers(1, words, min(POSITIONS, context - 1)).tolist()
        places = np.linspace(1, len(tokens), PLACES, dtype=int).tolist()
        logits = model(mx.array([tokens]))[0].astype(mx.float32)
        of_mlx = np.array(logits - mx.logsumexp(logits, axis=-1, keepdims=True))
        with served_model(gguf, len(tokens), parallel=1) as llama:
            distances = [apart(of_mlx[place - 1], of_llama(llama, tokens[:place], words)) for place in places]
    furthest = int(np.argmax(distances))
    return {
        "layers": layers,
        "positions": len(tokens),
        "distance": float(distances[furthest]),
        "at": places[furthest],
    }


def of_llama(llama: ServedModel, tokens: list[int], words: int) -> np.ndarray:
    """Return the log probabilities (words,) of the token after `tokens`."""
    said = llama.entry_of(tokens, llama.whole_character, words, slot=0)["top_logprobs"]
    found = np.full(words, np.nan)
    for token in said:
        found[token["id"]] = np.nan if token["logprob"] is None else token["logprob"]
    return found


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Return the root mean square of the difference in standard deviations of `one`."""
    return float(np.sqrt(np.mean((one - other) ** 2)) / np.std(one))
