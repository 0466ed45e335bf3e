"""Write models/{name}/mlx-{bits}bit/: the fused model with its weights in a few bits each, for mlx_lm and LM Studio on a Mac."""

from pathlib import Path

from mlx_lm.utils import quantize_model, save_config, save_model

from understudy.models.folder import copy_companions, folder_written_aside, size_of_weights
from understudy.models.mlx.load import load_weights
from understudy.models.mlx.packing import GROUP_SIZE, check_rows
from understudy.shared.files import no_room_is_told, read_json
from understudy.shared.formats import in_gigabytes
from understudy.shared.log import log


def write_mlx_folder(fused_config: str, bits: int, output: str) -> None:
    """Write the folder of `output` (its config.json, last) from the folder of `fused_config`, as `mlx_lm.convert -q` does; the
    tokenizer's files stay as they are.

    Raises RowsNotDivisible, naming the matrix, where mlx_lm would leave it as it is."""
    source = Path(fused_config).parent
    model = load_weights(source, lazy=True)
    check_rows(model, source)
    with no_room_is_told(output), folder_written_aside(Path(output).parent) as aside:
        model, config = quantize_model(model, read_json(fused_config), GROUP_SIZE, bits)
        save_model(aside, model, donate_model=True)
        copy_companions(source, aside)
        save_config(config, aside / "config.json")
    log.info(
        "%s: %s of weights, %s in %s",
        Path(output).parent, in_gigabytes(size_of_weights(Path(output).parent)), in_gigabytes(size_of_weights(source)), source,
    )  # fmt: skip
