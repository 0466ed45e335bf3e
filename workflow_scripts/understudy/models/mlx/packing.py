"""Which models MLX can pack into a few bits a weight."""

from pathlib import Path

from mlx import nn

from understudy.shared.errors import UnderstudyError

# mlx_lm's own default: so many weights of a row share a scale and an offset.
GROUP_SIZE = 64


class RowsNotDivisible(UnderstudyError):
    """A matrix has rows that are no whole number of groups."""


def check_rows(model: nn.Module, source: Path | str) -> None:
    """Raise RowsNotDivisible if a matrix that the family wants packed has rows of another length than whole groups."""
    is_packed = getattr(model, "quant_predicate", None) or (lambda path, module: True)
    widths = {
        path: module.weight.shape[-1]
        for path, module in model.named_modules()
        if hasattr(module, "to_quantized") and is_packed(path, module)
    }
    wrong = [path for path, width in widths.items() if width % GROUP_SIZE]
    if wrong:
        raise RowsNotDivisible(
            f"{source}: the rows of {wrong[0]} are {widths[wrong[0]]} wide, and {GROUP_SIZE} does not divide that, so MLX can't "
            f"pack it ({len(wrong)} of {len(widths)} matrices). Take {source} itself, which MLX loads too, or a GGUF file."
        )
