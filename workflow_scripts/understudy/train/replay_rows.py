"""Mix general chat rows into the training rows, so that the model goes on hearing what it knew: replay, against forgetting."""

import random
from pathlib import Path

from understudy.rows.training import check_messages
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json_lines, write_json_lines
from understudy.shared.formats import counted
from understudy.shared.log import log


def mix_replay_rows(train: str, valid: str, replay: str, share: float, seed: int, outputs: dict[str, str]) -> None:
    """Write `outputs["train"]`, of whose rows the part `share` (0 to 1) is drawn from `replay`, in the order that `seed`
    gives, and `outputs["valid"]`, which stays the talks' own.

    Raises InputFileError if `replay` has too few rows, or one that is no chat row, naming the line."""
    own = [row for _, row in read_json_lines(train)]
    general = read_json_lines(replay)
    for line, row in general:
        check_messages(row, f"{replay}, line {line}")
    wanted = rows_for_share(len(own), share)
    if wanted > len(general):
        possible = len(general) / (len(own) + len(general))
        raise InputFileError(
            f"{replay} has {counted(len(general), 'row')}; training.replay.share {share:g} beside {counted(len(own), 'row')} "
            f"takes {wanted:,}. Add rows, or lower the share to {int(100 * possible) / 100:g}."
        )
    if not wanted:
        log.warning(
            "Warning: training.replay: a share of %g beside %s is less than one row: nothing is mixed in.",
            share, counted(len(own), "row"),
        )  # fmt: skip
    drawn = random.Random(seed).sample([{"messages": row["messages"]} for _, row in general], wanted)
    mixed = [*own, *drawn]
    random.Random(seed).shuffle(mixed)
    write_json_lines(outputs["train"], mixed)
    Path(outputs["valid"]).write_bytes(Path(valid).read_bytes())
    log.info("%s of the talks and %s of %s", counted(len(own), "row"), counted(wanted, "row"), replay)


def rows_for_share(own: int, share: float) -> int:
    """Return how many rows beside `own` ones are `share` of all."""
    return round(own * share / (1 - share))
