"""Add the adapters into the base model's weights: a model folder that opens in LM Studio and mlx_lm as it is."""

from pathlib import Path

import mlx.core as mx
from mlx import nn
from mlx.utils import tree_flatten, tree_map_with_path, tree_unflatten
from mlx_lm.tokenizer_utils import TokenizerWrapper
from mlx_lm.utils import dequantize_model, load_adapters, save_model

from understudy.models.folder import config_of_fused, copy_companions, folder_written_aside
from understudy.models.mlx.load import load_base, load_weights
from understudy.shared.errors import InputFileError, UnderstudyError
from understudy.shared.files import read_json, write_json
from understudy.shared.log import log

# Each goes through the chat template: a question, an order, a request for a list, code, numbers, another language ...
PROMPTS = (
    "What is the first thing to do?",
    "Explain in one sentence why it matters.",
    "Give me a list of five things that I should never do, with a reason for each.",
    "i tried it twice and it didnt work, what now??",
    "1, 2, 3, 4, 5,",
    "Write a Python function that returns the sum of a list of numbers.",
    "Warum ist das so, und was folgt daraus?",
    "You said last time that one should wait. Is that still true for a beginner, and how long does it take?",
    "Summarise: The patient slept badly, ate late, and walked little. In the morning the values were high.",
    "OK",
)
# An adapter that was dropped gives a share of 1.
LARGEST_SHARE_OF_EFFECT = 0.1
# What rounding the fused weights may do to logits, as a share of their own size; measured: a fifth of it at most.
ROUNDING = {mx.float32: 0.001, mx.float16: 0.005, mx.bfloat16: 0.03}


class FusionFailed(UnderstudyError):
    """The fused weights don't compute what base and adapters compute together."""


def fuse_adapters(adapters: str, base_folder: str, output: str) -> None:
    """Write the fused model into the folder of `output`, its config.json, which comes last.

    The sums are made in float32 and rounded to the base's own dtypes; a quantized base is dequantized first.
    Raises InputFileError if adapters and base don't belong together, FusionFailed if the fused model's logits are not
    those of base and adapters."""
    adapter_folder = Path(adapters).parent
    with folder_written_aside(Path(output).parent) as aside:
        write_fused_weights(aside, adapter_folder, base_folder)
        copy_companions(base_folder, aside)
        config = read_json(Path(base_folder) / "config.json")
        write_json(aside / "config.json", config_of_fused(config))
        check_logits(aside, adapter_folder, base_folder)


def write_fused_weights(folder: Path, adapter_folder: Path, base_folder: str) -> None:
    """Write the fused weights as safetensors. Nothing is computed before a shard is written, so memory stays at one."""
    with mx.stream(mx.cpu):
        model = load_weights(base_folder, lazy=True)
        dtypes = stored_dtypes(model)
        add_adapters(model, adapter_folder)
        model.set_dtype(mx.float32)
        layers = [
            (name, layer.fuse(dequantize=True)) for name, layer in model.named_modules() if hasattr(layer, "fuse")
        ]
        if not layers:
            raise InputFileError(f"{adapter_folder} has no adapter for any layer of {base_folder}.")
        model.update_modules(tree_unflatten(layers))
        model = dequantize_model(model)
        model.update(tree_map_with_path(lambda name, value: value.astype(dtypes[name]), model.parameters()))
        log.info("fused adapters into %d layers of %s", len(layers), base_folder)
        save_model(folder, model, donate_model=True)


def stored_dtypes(model: nn.Module) -> dict[str, mx.Dtype]:
    """Return the dtype of each floating-point weight, by its name; a packed weight counts as what its scales are."""
    parameters = tree_flatten(model.parameters())
    floats = {name: value for name, value in parameters if mx.issubdtype(value.dtype, mx.floating)}
    usual = max(floats.values(), key=lambda value: value.size).dtype
    dtypes = {name: usual for name, _ in parameters}
    for name, value in floats.items():
        dtypes[name] = value.dtype
        if name.endswith(".scales"):
            dtypes[name.removesuffix("scales") + "weight"] = value.dtype
    return dtypes


def add_adapters(model: nn.Module, adapter_folder: Path) -> None:
    """Put the adapters into the model.

    Raises InputFileError if they belong to a model of another shape."""
    try:
        load_adapters(model, str(adapter_folder))
    except (ValueError, KeyError) as error:
        raise InputFileError(f"The adapters in {adapter_folder} don't fit the base model: {error}") from error


def check_logits(fused_folder: Path, adapter_folder: Path, base_folder: str) -> None:
    """Raise FusionFailed unless the fused model's logits on each of PROMPTS are those of base and adapters."""
    model, tokenizer = load_base(base_folder)
    prompts = [tokens_of_prompt(tokenizer, prompt) for prompt in PROMPTS]
    base = logits_of(model, prompts)
    add_adapters(model, adapter_folder)
    tuned = logits_of(model, prompts)
    del model
    mx.clear_cache()
    fused = logits_of(load_base(fused_folder)[0], prompts)
    dtype = max(stored_dtypes(load_weights(fused_folder, lazy=True)).values(), key=lambda kind: ROUNDING[kind])
    effects = [size(after - before) for after, before in zip(tuned, base, strict=True)]
    differences = [size(after - before) for after, before in zip(fused, tuned, strict=True)]
    log.info(
        "logits on %d prompts: the adapters change them by %.3g or more, fusing by %.3g or less (root mean square)",
        len(PROMPTS), min(effects), max(differences),
    )  # fmt: skip
    for prompt, effect, difference, logits in zip(PROMPTS, effects, differences, tuned, strict=True):
        check_agreement(difference, effect, ROUNDING[dtype] * size(logits), prompt)


def tokens_of_prompt(tokenizer: TokenizerWrapper, prompt: str) -> mx.array:
    """Return the prompt as the chat template puts it to the model, shape (1, tokens); as it is if there is no template."""
    if not tokenizer.has_chat_template:
        return mx.array([tokenizer.encode(prompt)])
    message = {"role": "user", "content": prompt}
    return mx.array([tokenizer.apply_chat_template([message], add_generation_prompt=True, return_dict=False)])


def logits_of(model: nn.Module, prompts: list[mx.array]) -> list[mx.array]:
    """Return the logits at all positions of each prompt, float32, shape (tokens, vocabulary)."""
    model.eval()  # The adapters' dropout comes switched on.
    logits = [model(prompt)[0].astype(mx.float32) for prompt in prompts]
    mx.eval(logits)
    return logits


def size(values: mx.array) -> float:
    """Return the root mean square."""
    return mx.sqrt(mx.mean(mx.square(values))).item()


def check_agreement(difference: float, effect: float, rounding: float, prompt: str) -> None:
    """Raise FusionFailed if `difference` is neither small beside the adapters' `effect` nor mere `rounding`."""
    if not difference <= max(LARGEST_SHARE_OF_EFFECT * effect, rounding):
        raise FusionFailed(
            f"The fused model's logits on {prompt!r} differ from those of base and adapters by {difference:.3g} (root mean "
            f"square), while the adapters change the base's by {effect:.3g}. Nothing was kept. Train anew without quantization "
            f"in the base model, or report this with the base model's name."
        )
