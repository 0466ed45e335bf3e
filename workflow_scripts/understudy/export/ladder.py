"""Measure what each step of the export does to the model: base with adapters, fused, Hugging Face folder, every GGUF file.

The folders are computed by MLX, the files by llama.cpp's server, which is what users will run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx

from understudy.export.bounds import bound_of
from understudy.export.table import label, ladder_text
from understudy.models.folder import MLX_FOLDERS, size_of_weights
from understudy.models.llama.predictions import served_model
from understudy.models.mlx.load import load_its_tokenizer, load_to_ask
from understudy.models.mlx.predictions import mlx_predictions
from understudy.models.mlx.replies import put_adapters
from understudy.models.paths import MlxModel
from understudy.models.predictions import KEPT, Predictions, compared, joined
from understudy.models.scored_rows import ScoredRow, scored_rows, some_rows
from understudy.rows.lora_config import read_lora_config
from understudy.rows.training import RowLimits
from understudy.shared.errors import UnderstudyError
from understudy.shared.files import write_json
from understudy.shared.log import log

POSITIONS = 2000
BASE, ADAPTERS, FUSED, HF = "base", "adapters", "fused", "hf"


class ExportDiffers(UnderstudyError):
    """A file or folder of the export doesn't say what the one before it says."""


@dataclass(frozen=True)
class Step:
    """A file or folder, its size in bytes, and what the model in it says of the rows."""

    name: str
    path: Path
    size: int
    predictions: Predictions


def measure_export(
    valid_rows: str,
    lora_config: str,
    base_folder: str,
    adapters: str,
    fused_folder: str,
    hf_folder: str,
    mlx_folders: Mapping[str, str],
    ggufs: Mapping[str, str],
    output: str,
    threads: int,
) -> None:
    """Write the record of the ladder to `output`, and its table to the log; `mlx_folders` are by their name, `ggufs` by their
    quantization.

    Raises ExportDiffers if a step is farther from the one before it than its bound, PredictionError if a model's logits are not
    numbers, TokenizersDiffer if llama.cpp reads the rows as other tokens, and what loading each of them raises."""
    config = read_lora_config(lora_config)
    limits = RowLimits(config["max_seq_length"], config["mask_prompt"], config["batch_size"])
    every_row = scored_rows(valid_rows, load_its_tokenizer(base_folder), limits)
    rows = some_rows(every_row, POSITIONS)
    steps: list[Step] = []
    folders = {FUSED: fused_folder, HF: hf_folder, **mlx_folders}
    for step in measured_steps(rows, base_folder, adapters, folders, ggufs, threads):
        log.info("%s: perplexity %.3f", label(step.name), step.predictions.perplexity)
        steps.append(step)
    record = {**account_of(rows, every_row, limits), **ladder(steps)}
    log.info("%s", ladder_text(record))
    check_bounds(record["steps"])
    write_json(output, record)


def measured_steps(
    rows: Sequence[ScoredRow],
    base_folder: str,
    adapters: str,
    folders: Mapping[str, str],
    ggufs: Mapping[str, str],
    threads: int,
) -> Iterator[Step]:
    """Yield the base, then each step in the order that it is made, the quantizations by their size; one model is in memory at a
    time."""
    model, _ = load_to_ask(base_folder)
    yield Step(BASE, Path(base_folder), size_of(Path(base_folder)), joined(mlx_predictions(model, rows)))
    put_adapters(model, MlxModel(Path(base_folder), Path(adapters)))
    yield Step(ADAPTERS, Path(adapters), size_of(Path(adapters)), joined(mlx_predictions(model, rows)))
    del model
    for name, folder in folders.items():
        mx.clear_cache()
        yield Step(name, Path(folder), size_of(Path(folder)), joined(mlx_predictions(load_to_ask(folder)[0], rows)))
    mx.clear_cache()
    for quant, path in sorted(ggufs.items(), key=lambda item: (item[0] != "F16", -size_of(Path(item[1])))):
        yield Step(quant, Path(path), size_of(Path(path)), llama_predictions(Path(path), rows, threads))


def llama_predictions(path: Path, rows: Sequence[ScoredRow], threads: int) -> Predictions:
    longest = max(len(row.whole) for row in rows)
    with served_model(path, longest, threads) as served:
        served.check_tokens(rows)
        return joined(served.predictions(rows))


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of a folder's weights."""
    return size_of_weights(path) if path.is_dir() else path.stat().st_size


def account_of(rows: Sequence[ScoredRow], every_row: Sequence[ScoredRow], limits: RowLimits) -> dict[str, Any]:
    """Return what was measured on."""
    positions, all_positions = (sum(row.positions for row in some) for some in (rows, every_row))
    return {
        "rows": len(rows),
        "positions": positions,
        "validation_rows": len(every_row),
        "validation_positions": all_positions,
        "wanted_positions": POSITIONS,
        "fewer_than_wanted": positions < POSITIONS,
        "mask_prompt": limits.mask_prompt,
        "max_seq_length": limits.max_seq_length,
        "kept_tokens": KEPT,
    }


def ladder(steps: Sequence[Step]) -> dict[str, Any]:
    """Return the record of the steps, the first of which is the base, the second the base with adapters."""
    by_name = {step.name: step for step in steps}
    first = by_name[ADAPTERS]
    records = []
    for step in steps:
        before = by_name.get(name_before(step.name, by_name))
        records.append(
            {
                "step": step.name,
                "file": str(step.path),
                "bytes": step.size,
                "computed_by": "llama.cpp" if step.path.suffix == ".gguf" else "MLX",
                "loss": step.predictions.loss,
                "perplexity": step.predictions.perplexity,
                "mass_of_kept_tokens": step.predictions.mass_kept,
                "against_previous": before and comparison(before, step),
                "against_first": comparison(first, step) if step is not first else None,
                "bound": before and asdict(bound_of(step.name)),
            }
        )
    return {"base": records[0], "steps": records[1:]}


def name_before(name: str, names: Mapping[str, Step]) -> str | None:
    """Return the step that one is compared with: a quantization with F16, from whose values it is made, if that is there."""
    if name in (BASE, ADAPTERS):
        return None
    if name in MLX_FOLDERS:
        return FUSED
    before = {FUSED: ADAPTERS, HF: FUSED, "F32": HF, "F16": HF, "BF16": HF}
    return before.get(name, "F16" if "F16" in names else HF)


def comparison(before: Step, step: Step) -> dict[str, Any]:
    return {"step": before.name, **asdict(compared(before.predictions, step.predictions))}


def check_bounds(steps: Sequence[dict[str, Any]]) -> None:
    """Raise ExportDiffers, with what was measured and what the bound is, for the steps that fall below theirs."""
    failed = [step for step in steps if step["bound"] and not bound_of(step["step"]).holds(step["against_previous"])]
    if failed:
        raise ExportDiffers("\n".join(map(what_failed, failed)))


def what_failed(step: dict[str, Any]) -> str:
    measured, bound = step["against_previous"], step["bound"]
    key = "export.mlx_bits" if step["step"] in MLX_FOLDERS else "export.quantizations"
    return (
        f"{step['file']} ({label(step['step'])}) is too far from {label(measured['step'])}: KL divergence {measured['kl']:.3g} "
        f"nats a token (at most {bound['kl']:.3g}), the same next token at {100 * measured['agreement']:.1f} % of the positions "
        f"(at least {100 * bound['agreement']:.1f} %). Make it anew with `understudy run -f`; if that does not help, its type "
        f"loses too much of this model: name a larger one in {key}."
    )
