"""What can be made of a base model: said when it is brought in, before the first job and in preflight, because a training takes
hours.

Adapters, the fused model, MLX folders, the Hugging Face folder, a GGUF file: each can or can't be made, and why."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from understudy.gguf.converter_tokenizers import name_of_tokenizer
from understudy.gguf.families import FAMILIES, family_of_config
from understudy.gguf.rope import rope_parameters
from understudy.gguf.tokenizer import pre_tokenizer_name
from understudy.models.folder import config_of_fused
from understudy.models.hub_layout import config_for_hub, sanitized_by_mlx_lm, why_no_hf
from understudy.models.layout import Config, architecture_of, is_language_model, is_tied
from understudy.models.mlx.load import model_without_weights
from understudy.models.mlx.packing import RowsNotDivisible, check_rows
from understudy.models.rope_spelling import with_both_spellings
from understudy.shared.errors import ConfigurationError, UnderstudyError, UnsupportedTokenizer
from understudy.shared.files import read_json
from understudy.shared.run import PLANNED_RULES

# Of what llama.cpp's own converter takes: those whose file was compared with MLX (make check-converter).
COMPARED_BY_CONVERTER = (
    "GraniteMoeHybridForCausalLM",
    "HunYuanDenseV1ForCausalLM",
    "Lfm2ForCausalLM",
    "Ministral3ForCausalLM",
    "Olmo2ForCausalLM",
    "Olmo3ForCausalLM",
    "Qwen3MoeForCausalLM",
    "Qwen3_5ForCausalLM",
    "SeedOssForCausalLM",
)
FUSED, MLX, HF, GGUF = "fused", "mlx", "hf", "gguf"
NAMES = {FUSED: "adapters, fused/", MLX: "MLX folders", HF: "hf/", GGUF: "GGUF"}


@dataclass(frozen=True)
class Outcome:
    """Whether something can be made, and how or why not."""

    can_be_made: bool
    said: str

    def __str__(self) -> str:
        return f"{'yes' if self.can_be_made else 'no'}, {self.said}"


def what_can_be_made(folder: Path, converter: str | None = None) -> dict[str, Outcome]:
    """The outcome for each of NAMES, of the base model in `folder`; `converter` is export.converter.

    Raises InputFileError for a folder whose config.json or tokenizer can't be read."""
    config = with_both_spellings(read_json(folder / "config.json"))
    hf = _hf(folder, config)
    return {
        FUSED: Outcome(True, "for mlx_lm and LM Studio"),
        MLX: _mlx_folders(config, folder),
        HF: hf,
        GGUF: _gguf(folder, config, converter) if hf.can_be_made else Outcome(False, "it is made of hf/"),
    }


def account_of_base(outcomes: dict[str, Outcome]) -> str:
    """The outcomes, a line each."""
    lines = [(NAMES[name], str(outcome)) for name, outcome in outcomes.items()]
    return tabulate(lines, tablefmt="plain", disable_numparse=True)


def complaint_about_exports(outcomes: dict[str, Outcome], wanted: Iterable[str], name: str) -> str | None:
    """What is to be made and can't, why, and what can be made in its place; None if all can. `wanted` are rules or names of
    NAMES, `name` is the project's model."""
    impossible = [what for what in NAMES if what in set(wanted) and not outcomes[what].can_be_made]
    if not impossible:
        return None
    possible = [what for what in NAMES if outcomes[what].can_be_made]
    files = {FUSED: "fused/config.json", MLX: "mlx-4bit/config.json", HF: "hf/config.json"}
    targets = " ".join(f"models/{name}/{files[what]}" for what in possible if what in files)
    reasons = " ".join(f"{NAMES[what]} can't be made: {outcomes[what].said}." for what in impossible)
    made = ", ".join(NAMES[what] for what in possible)
    return f"base_model: {reasons} What can be made is {made}: understudy run {targets}. Or choose another base_model."


def refuse_planned_exports(folder: Path, name: str, converter: str | None) -> None:
    """Raise ConfigurationError if this run is to make what can't be made of the base in `folder`; before it is trained."""
    if planned := os.environ.get(PLANNED_RULES, "").split():
        complaint = complaint_about_exports(what_can_be_made(folder, converter), planned, name)
        if complaint:
            raise ConfigurationError(complaint)


def _mlx_folders(config: Config, folder: Path) -> Outcome:
    try:
        check_rows(model_without_weights(config_of_fused(config)), folder)
    except RowsNotDivisible as error:
        return Outcome(False, str(error).removeprefix(f"{folder}: ").partition(" Take ")[0].rstrip("."))
    return Outcome(True, "in 4, 5, 6 or 8 bits")


def _hf(folder: Path, config: Config) -> Outcome:
    if why := why_no_hf(folder):
        return Outcome(False, why)
    sanitized = sanitized_by_mlx_lm(config)
    is_a_part = sanitized is not None and bool(sanitized.prefix)
    return Outcome(True, "of the language model alone" if is_a_part else "as transformers loads it")


def _gguf(folder: Path, config: Config, converter: str | None) -> Outcome:
    """Whether and how a GGUF file is written, and whether llama.cpp is known to have the tokenizer."""
    hub = config_of_fused(config)
    if sanitized_by_mlx_lm(config):
        hub = config_for_hub(hub, is_tied(hub))
    try:
        if hub["model_type"] in FAMILIES and is_language_model(hub):
            rope_parameters(folder, hub, family_of_config(hub, folder).rope_types)
            return Outcome(True, f"written here; the tokenizer is {_tokenizer_written_here(folder)}")
        return _converted(folder, hub, converter)
    except UnderstudyError as error:
        return Outcome(False, str(error).replace(f"{folder}/", "").rstrip("."))


def _tokenizer_written_here(folder: Path) -> str:
    if (folder / "tokenizer.model").is_file():
        return "SentencePiece's"
    return f"known to llama.cpp ({pre_tokenizer_name(folder / 'tokenizer.json')})"


def _converted(folder: Path, hub: Config, converter: str | None) -> Outcome:
    architecture = architecture_of(hub)
    if converter is not None:
        return Outcome(True, f"by export.converter, if it takes {architecture}: that was compared with nothing here")
    if architecture not in COMPARED_BY_CONVERTER:
        return Outcome(
            False,
            f"what llama.cpp computes of {architecture} was not compared with MLX. export.converter: "
            "../llama.cpp/convert_hf_to_gguf.py, a checkout's converter, is tried all the same",
        )
    name = "SentencePiece's" if (folder / "tokenizer.model").is_file() else name_of_tokenizer(folder)
    if name is None:
        raise UnsupportedTokenizer(
            f"llama.cpp's own converter takes {architecture}, but does not know the tokenizer, which it tells by what the whole "
            "vocabulary makes of a text. A base with the tokenizer as it was published may be taken"
        )
    return Outcome(True, f"by llama.cpp's own converter, which needs torch (docs/export.md); the tokenizer is {name}")
