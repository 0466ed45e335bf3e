"""What models cost, from prices.yaml, and what the configuration says instead."""

from pathlib import Path

import yaml

from lib.errors import InputFileError

PRICE_LIST = Path(__file__).resolve().parents[2] / "prices.yaml"


def prices_of(model: str | None, configured: dict | None, price_list: Path = PRICE_LIST) -> tuple[dict | None, str]:
    """Return US dollars for a million tokens (input, cached_input, output) and where they come from; None for an unknown model.

    Raises InputFileError if the price list is not what it should be."""
    if configured is not None:
        return configured, "teacher.prices"
    known = yaml.safe_load(price_list.read_text(encoding="utf-8"))
    if not isinstance(known, dict) or not isinstance(known.get("models"), dict):
        raise InputFileError(f"{price_list}: it takes `date`, `source` and `models`.")
    prices = known["models"].get(model)
    return (
        prices,
        f"prices.yaml of {known['date']}" if prices else f"no price of {model} in prices.yaml: set teacher.prices",
    )
