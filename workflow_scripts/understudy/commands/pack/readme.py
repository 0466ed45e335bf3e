"""README.md of a pack: how to start it, what is in it, and whose words these are."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from understudy.models.licence import Licence
from understudy.shared.formats import counted
from understudy.shared.safe_markdown import Markdown, as_markdown, as_own_markdown

TEMPLATE = Path(__file__).with_name("readme.md")


def readme_of(
    settings: dict[str, Any], talks: int, licence: tuple[str, Licence | None], has_card: bool, has_embedder: bool
) -> str:
    """The page in Markdown; `settings` is what pack.json says, `licence` the base model's name and its licence."""
    base, found = licence
    environment = Environment(finalize=as_markdown, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        **{key: settings[key] for key in ("name", "measured")},
        notice=as_own_markdown(settings["notice"]) if settings["notice"] else None,
        voice=settings["voice"].rstrip("."),
        # Between backticks nothing is escaped; what a file of a pack may be called has none.
        model=Markdown(settings["model"]),
        talks=counted(talks, "talk"),
        base=base,
        licence=found.name or found.id if found else None,
        built_with="Built with Llama." if found and found.id.startswith("llama") else None,
        has_card=has_card,
        has_embedder=has_embedder,
    )
    return text + "\n"
