"""What the project has spent at the teacher: append-only files in data/spending/, one a job, never pruned."""

import json
import os
import time
from pathlib import Path

from lib.errors import UnderstudyError

LEDGER = Path("data/spending")
MILLION = 1_000_000


class BudgetReached(UnderstudyError):
    """teacher.budget_usd is spent."""


def price_usd(usage: dict, prices: dict | None) -> float | None:
    """Price of one request in US dollars, or None without prices."""
    if prices is None:
        return None
    cached = usage["cached_tokens"]
    cached_price = prices.get("cached_input", prices["input"])
    fresh = usage["prompt_tokens"] - cached
    return (fresh * prices["input"] + cached * cached_price + usage["completion_tokens"] * prices["output"]) / MILLION


def record_spending(job: str, usage: dict, prices: dict | None, ledger: Path = LEDGER) -> None:
    """Append one request to the job's file."""
    ledger.mkdir(parents=True, exist_ok=True)
    line = {"time": round(time.time(), 3), **usage, "usd": price_usd(usage, prices)}
    with (ledger / f"{job}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


def spent_usd(ledger: Path = LEDGER) -> float:
    """Sum of all ledgers; a line that a killed job left half written is passed over."""
    total = 0.0
    for path in ledger.glob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                total += json.loads(line)["usd"] or 0.0
            except (json.JSONDecodeError, KeyError, TypeError):
                continue
    return total


def check_budget(budget_usd: float | None, ledger: Path = LEDGER) -> None:
    """Raise BudgetReached once the project's spending has reached its budget."""
    if budget_usd is not None and (spent := spent_usd(ledger)) >= budget_usd:
        raise BudgetReached(
            f"teacher.budget_usd ({budget_usd:.2f}) is reached: {spent:.2f} US dollars are spent. What was answered is kept. "
            "Raise the budget and run the same command again, or set dataset.allow_missing: true to go on without the rest."
        )
