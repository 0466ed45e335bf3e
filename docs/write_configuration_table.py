"""docs/configuration.md from schemas/config.schema.yaml: `make docs`."""

from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
SCHEMA = REPOSITORY / "schemas/config.schema.yaml"
PAGE = REPOSITORY / "docs/configuration.md"
OPENING = """# config.yaml

Made from `schemas/config.schema.yaml` by `make docs`; edit it there.

A key that isn't here, a value of the wrong type and an impossible one stop the run before any job, with the key's name and what
it takes. `--config` on the command line goes over the file: `snakemake --config name=try2 ...`.

| key | takes | default | what it does |
| --- | --- | --- | --- |
"""


def made_page() -> str:
    """Return the whole page."""
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    return OPENING + "".join(f"| {' | '.join(row)} |\n" for row in rows(schema, ""))


def rows(part: dict, path: str):
    """Yield one row a key, groups before their keys."""
    for key, value in part["properties"].items():
        name = f"{path}{key}"
        yield f"`{name}`", taken(value), default(value), " ".join(value["description"].split())
        if "properties" in value:
            yield from rows(value, f"{name}.")


def taken(part: dict) -> str:
    """What a key takes, in a few words."""
    if "enum" in part:
        return ", ".join(f"`{'null' if value is None else value}`" for value in part["enum"])
    kinds = part.get("type", [])
    words = " or ".join([kinds] if isinstance(kinds, str) else kinds)
    bounds = [f"{sign} {part[key]}" for key, sign in SIGNS.items() if key in part]
    return (
        words
        + (f" ({', '.join(bounds)})" if bounds else "")
        + (f" of {taken(part['items'])}" if "items" in part else "")
    )


SIGNS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def default(part: dict) -> str:
    if "default" not in part or "properties" in part:
        return ""
    return f"`{yaml.safe_dump(part['default'], default_flow_style=True).splitlines()[0]}`"


if __name__ == "__main__":
    PAGE.write_text(made_page(), encoding="utf-8")
