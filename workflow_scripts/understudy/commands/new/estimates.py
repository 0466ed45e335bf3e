"""What a model will take here, in hours and memory, before anything is tried: from measured runs, by size. Rough, and said so."""

import os
from typing import Any, NamedTuple

import mlx.core as mx
from mlx.utils import tree_flatten

from understudy.models.mlx.load import is_on_cpu, model_without_weights
from understudy.shared.formats import as_duration, in_gigabytes
from understudy.train.adapters import add_adapters
from understudy.train.preflight.memory import shape_of, with_settings

# Two cores: SmolLM2-135M (97 MB) writes 80 tokens a second and reads 230; LoRA trains 115 (docs/training.md). A Mac with 16 GB
# trains a model of 3.2 billion in 2.5 s an iteration of 250 tokens; writing there waits for memory, 70 GB a second.
MEASURED_CORES, MOST_USEFUL_CORES = 2, 8
BYTES_A_SECOND, READ_A_SECOND, TRAINED_A_SECOND = 7.8e9, 3.1e10, 1.55e10
ON_METAL = (7e10, 2e12, 3.2e11)
# Of a file in four to five bits a weight.
BYTES_OF_A_WEIGHT = 0.65
# A talk of ten minutes: 1,500 words.
TOKENS_OF_A_TALK, TOKENS_OF_AN_ANSWER, TOKENS_OF_QUESTIONS = 2000, 270, 600
# Of one with passages of the talks, and of one without.
TOKENS_OF_A_ROW, TRAINED_SHARE = 360, 0.8
CONTEXT_BYTES = 400_000_000


class Work(NamedTuple):
    """How many talks there are, and how many questions a talk."""

    talks: int
    questions: int


def speeds() -> tuple[float, float, float]:
    """Bytes of weights read a second while writing, and parameters times tokens a second while reading and while training."""
    if not is_on_cpu():
        return ON_METAL
    cores = min(os.cpu_count() or 1, MOST_USEFUL_CORES) / MEASURED_CORES
    return BYTES_A_SECOND * cores, READ_A_SECOND * cores, TRAINED_A_SECOND * cores


def teaching(size: int, work: Work) -> str:
    """Hours and memory of a teacher model of `size` bytes on this machine."""
    written_a_second, read_a_second, _ = speeds()
    written = TOKENS_OF_QUESTIONS + work.questions * TOKENS_OF_AN_ANSWER
    # Each pass reads the talk once; then it is in the cache.
    read = 2 * TOKENS_OF_A_TALK * size / BYTES_OF_A_WEIGHT / read_a_second
    seconds = work.talks * (written * size / written_a_second + read)
    return f"about {as_duration(seconds)} for {work.talks} talks, {in_gigabytes(1.2 * size + CONTEXT_BYTES)} of memory"


def training(config: dict[str, Any], settings: dict[str, Any], work: Work) -> str:
    """Hours and memory of training a model with this config.json; `settings` as the configuration's `training`, complete."""
    model = model_without_weights(config)
    parameters = sum(values.size for _, values in tree_flatten(model.parameters()))
    if is_on_cpu():
        model.set_dtype(mx.float32)
    layers = min(settings["num_layers"], len(model.layers))
    add_adapters(model, {**settings, "num_layers": layers})
    peak = with_settings(shape_of(model, config), {**settings, "num_layers": layers}).peak
    return f"{training_time(parameters, settings['epochs'], work)}, {in_gigabytes(peak)} of memory"


def training_time(parameters: float, epochs: float, work: Work) -> str:
    rows = TRAINED_SHARE * work.talks * work.questions
    seconds = rows * epochs * TOKENS_OF_A_ROW * parameters / speeds()[2]
    return f"about {as_duration(seconds)} of training for {work.talks} talks"
