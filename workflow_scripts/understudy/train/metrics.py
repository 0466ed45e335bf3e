"""metrics.csv: the losses of a training and what they cost, one line a report, written as it goes."""

import csv
from pathlib import Path

from understudy.shared.files import write_text
from understudy.train.checkpoints import saving

COLUMNS = [
    "iteration",
    "epoch",
    "train_loss",
    "valid_loss",
    "learning_rate",
    "tokens_per_second",
    "trained_tokens",
    "peak_memory_gb",
    "seconds",
]


class MetricsFile:
    """A CSV file of reports. Losses are means in nats a token; a line has either a training or a validation loss.

    `lines` (the heading included) is how many stay of a file that is there already: what a training that goes on had written."""

    def __init__(self, path: str | Path, lines: int = 0):
        self.path = Path(path)
        written = self.path.read_text(encoding="utf-8") if lines and self.path.exists() else ""
        kept = [line for line in written.splitlines(keepends=True)[:lines] if line.endswith("\n")]
        kept = kept or [",".join(COLUMNS) + "\n"]
        with saving(self.path):
            write_text(self.path, "".join(kept))
        self.lines = len(kept)

    def add(self, line: dict) -> None:
        """Add a line; columns that `line` does not have stay empty.

        Raises SaveFailed if the disk does not take it."""
        with saving(self.path), self.path.open("a", newline="", encoding="utf-8") as opened:
            csv.DictWriter(opened, COLUMNS, lineterminator="\n").writerow(line)
        self.lines += 1


def read_metrics(path: str | Path) -> list[dict[str, float]]:
    """Return the lines of metrics.csv, each with the numbers that it has."""
    with open(path, newline="", encoding="utf-8") as opened:
        return [
            {column: float(value) for column, value in line.items() if value not in ("", None)}
            for line in csv.DictReader(opened)
        ]
