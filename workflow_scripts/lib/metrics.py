"""metrics.csv: what mlx_lm reports during training, one line a report, written as it happens."""

import csv
from pathlib import Path

COLUMNS = [
    "iteration",
    "train_loss",
    "valid_loss",
    "learning_rate",
    "tokens_per_second",
    "trained_tokens",
    "peak_memory_gb",
]


class MetricsFile:
    """A CSV file of training reports. Losses are means in nats; a line has either a training or a validation loss."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.add(dict(zip(COLUMNS, COLUMNS, strict=True)))

    def add_training(self, report: dict) -> None:
        """Add a report of mlx_lm's `on_train_loss_report`."""
        renamed = {**report, "peak_memory_gb": report["peak_memory"]}
        self.add({column: renamed.get(column) for column in COLUMNS})

    def add_validation(self, report: dict) -> None:
        """Add a report of mlx_lm's `on_val_loss_report`."""
        self.add({"iteration": report["iteration"], "valid_loss": report["val_loss"]})

    def add(self, line: dict) -> None:
        with self.path.open("a", newline="", encoding="utf-8") as opened:
            csv.DictWriter(opened, COLUMNS, lineterminator="\n").writerow(line)
