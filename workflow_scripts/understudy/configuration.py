"""The configuration checked against schemas/config.schema.yaml, and against what the project has, before any job and any command,
with messages a person can act on."""

import copy
import datetime
import difflib
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from jsonschema import Draft202012Validator, ValidationError

from understudy.evaluate.contexts import CONTEXTS, PROMPTED
from understudy.models.paths import model_to_ask
from understudy.shared.checkout import REPOSITORY
from understudy.shared.errors import ConfigurationError, UnderstudyError
from understudy.source.captions.files import caption_files
from understudy.source.youtube.address import addresses_of
from understudy.teacher.spending import prices_of

SCHEMA = REPOSITORY / "schemas/config.schema.yaml"
# Keys of earlier versions that are flags of a command now.
FLAGS = {"prune": "understudy prune --delete", "port": "understudy serve --port {value}"}
ADVICE = {
    "training.alpha": "mlx_lm has no alpha: set training.lora_parameters.scale to alpha / rank.",
    "training.lora_parameters.alpha": "mlx_lm has no alpha: set training.lora_parameters.scale to alpha / rank.",
    "training.iters": "iters follow from training.epochs: epochs x training rows / batch_size.",
}

# One folder, which is not hidden and whose name Snakemake reads as it stands.
FOLDER_NAME = re.compile(r"[^./{}\x00-\x1f][^/{}\x00-\x1f]*")
OUTPUT_FOLDERS = (
    "adapters",
    "fused",
    "hf",
    "mlx-*bit",
    "rows",
    "evaluation",
    *(f"evaluation/{context}" for context in CONTEXTS),
)
DATA_FOLDERS = (
    *(
        "data/transcripts",
        "data/index",
        "data/questions",
        "data/answers",
        "data/reworded",
        "data/grounded",
        "data/reader",
    ),
    *("data/dataset", "data/dataset/blocks", "data/review"),
)
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
QUANTIZATION_NAME = re.compile(r"(B?F|Q\d_)[A-Z0-9_]+")


def checked_configuration(given: dict) -> dict:
    """Return the configuration of the project in the working directory with its defaults.

    Raises ConfigurationError, one line a mistake, also for what it names and the project does not have."""
    completed = complete_configuration({key: value for key, value in given.items() if key not in FLAGS})
    if completed["source"]["captions_dir"] is not None:
        caption_files(completed["source"]["captions_dir"])
    if completed["source"]["channel"] is not None:
        addresses_of(completed["source"]["channel"], completed["source"]["tabs"])
    mistakes = named_files_that_are_missing(completed) + models_that_are_none(completed) + linked_outputs(completed)
    if mistakes:
        raise ConfigurationError("\n".join(mistakes))
    return completed


def keys_that_are_flags(given: dict) -> list[str]:
    """What to say of each key that is the flag of a command now, and does nothing any more."""
    return [
        f"{key} is no key of config.yaml any more and does nothing. It is a flag: {flag.format(value=as_flag(given[key]))}"
        for key, flag in FLAGS.items()
        if key in given
    ]


def as_flag(value: Any) -> str:
    return str(value) if isinstance(value, int) else "N"


def complete_configuration(given: dict, schema_path: str | Path = SCHEMA) -> dict:
    """Return `given` with all defaults filled in and numbers that YAML read as text (`1e-5`) made numbers.

    Raises ConfigurationError, one line a mistake, each naming the key and what it takes."""
    schema = yaml.safe_load(Path(schema_path).read_text(encoding="utf-8"))
    config = with_defaults(as_the_schema_wants(given, schema), schema)
    mistakes = [describe(error, schema) for error in Draft202012Validator(schema).iter_errors(config)]
    mistakes += conflicts(config) if not mistakes else []
    if mistakes:
        raise ConfigurationError("\n".join(["config.yaml can't be used:", *(f"  {line}" for line in mistakes)]))
    return config


def as_the_schema_wants(value: Any, schema: dict) -> Any:
    """Undo what YAML 1.1 and Snakemake's --config make of values: `1e-5` is text to them, where the schema wants a number, and
    `true` inside of braces; `2024-05-01` is a date, where the schema wants text; `2.0` is a whole number, too."""
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return {key: as_the_schema_wants(item, known.get(key, {})) for key, item in value.items()}
    if isinstance(value, list):
        return [as_the_schema_wants(item, schema.get("items", {})) for item in value]
    kinds = kinds_of(schema)
    if isinstance(value, str) and "string" not in kinds:
        return value_of_text(value, kinds)
    if isinstance(value, bool) and str(value).lower() in schema.get("enum", ()):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and "integer" in kinds:
        return int(value)
    if isinstance(value, datetime.date) and "string" in kinds:
        return value.isoformat()
    return value


def value_of_text(text: str, kinds: list[str]) -> Any:
    """The number, truth value or null that a text stands for, if the schema wants one; otherwise the text."""
    words = {"boolean": {"true": True, "false": False}, "null": {"null": None}}
    for kind in kinds:
        if text.lower() in words.get(kind, {}):
            return words[kind][text.lower()]
        if kind in ("number", "integer"):
            try:
                return float(text) if kind == "number" else int(text)
            except ValueError:
                continue
    return text


def with_defaults(config: Any, schema: dict) -> Any:
    """Fill in the schema's defaults, nested ones too."""
    if not isinstance(config, dict):
        return config
    completed = dict(config)
    for key, part in schema.get("properties", {}).items():
        if key not in completed and "default" in part:
            completed[key] = copy.deepcopy(part["default"])
        if key in completed:
            completed[key] = with_defaults(completed[key], part)
    return completed


def conflicts(config: dict) -> list[str]:
    """Return what is wrong although each key alone is right."""
    source, teacher = config["source"], config["teacher"]
    found = []
    if source["channel"] is None and source["captions_dir"] is None and source["pairs"] is None:
        found.append(
            "source takes `channel` (an address), `captions_dir` (a folder of caption files), or both; or `pairs` (a file) alone."
        )
    if source["pairs"] is not None:
        found += conflicts_without_talks(config)
    embedder = config["retrieval"]["embedder"]
    if embedder["gguf"] is not None and embedder["base_url"] is not None:
        found.append("retrieval.embedder takes either `gguf` (a file) or `base_url` (a server).")
    if embedder["gguf"] is not None and is_made_here(embedder["gguf"], config["name"]):
        found.append(
            f"retrieval.embedder.gguf is {embedder['gguf']!r}, which this project makes. It takes an embedding model."
        )
    if (embedder["base_url"] is None) != (embedder["model"] is None):
        found.append(
            "retrieval.embedder takes `base_url` and `model` together: the server, and the model's name there."
        )
    for key in ("title_include", "title_exclude"):
        found += [
            f"source.{key} has {pattern!r}: {mistake}" for pattern in source[key] if (mistake := regex_mistake(pattern))
        ]
    if not math.isfinite(source["pause_s"]):
        found.append("source.pause_s takes a number of seconds.")
    found += [f"{path} is {value}; it takes a number." for path, value in endless_numbers(teacher, "teacher")]
    if source["published_after"] is not None and not is_date(source["published_after"]):
        found.append(f"source.published_after is {source['published_after']!r}: there is no such day.")
    if source["proxy"] is not None and "@" in source["proxy"]:
        found.append(
            "source.proxy has a login, which doesn't belong into this file. Put the whole address into the variable "
            "UNDERSTUDY_PROXY, in the environment or in a .env file, and remove source.proxy."
        )
    if teacher["base_url"] is not None and "@" in urlsplit(teacher["base_url"]).netloc:
        found.append(
            "teacher.base_url has a login, which doesn't belong into this file. Leave it out, and put the server's key into the "
            "variable OPENAI_API_KEY, in the environment or in a .env file."
        )
    has_one = (teacher["model"] is None) != (teacher["gguf"] is None)
    is_needed = source["pairs"] is None or config["evaluation"]["judge"]
    if not has_one and (is_needed or teacher["model"] is not None):
        found.append("teacher takes either `model` (a name at a server) or `gguf` (a file for the embedded llama.cpp).")
    if config["answers"]["quote"] and config["answers"]["form"] != "schema":
        found.append("answers.quote needs answers.form: schema.")
    if config["grounding"]["rewrite"] and not config["grounding"]["rows"]:
        found.append("grounding.rewrite needs grounding.rows: true.")
    if teacher["budget_usd"] is not None and prices_of(teacher["model"], teacher["prices"])[0] is None:
        found.append(
            "teacher.budget_usd needs teacher.prices, or nothing could be counted: prices.yaml doesn't have the model."
        )
    if not FOLDER_NAME.fullmatch(base_folder_name(config["base_model"])):
        found.append(
            f"base_model is {config['base_model']!r}: the model is imported into a folder of that name in models/base/, and "
            f"{base_folder_name(config['base_model'])!r} can't be one. Name the folder or file itself."
        )
    found += [
        f"training.{key} is 0; it takes -1 for all, or 1 and more."
        for key in ("num_layers", "val_batches")
        if config["training"][key] == 0
    ]
    found += [
        f"evaluation.models has the name {name!r}; it takes letters, digits, `.`, `_` and `-`, and is not base, "
        f"prompted, tuned or that of a quantization."
        for name in config["evaluation"]["models"]
        if not MODEL_NAME.fullmatch(name) or name in ("base", PROMPTED, "tuned") or QUANTIZATION_NAME.fullmatch(name)
    ]
    known = ["base", PROMPTED, "tuned", evaluated_quantization(config), *config["evaluation"]["models"]]
    found += [
        f"evaluation.arms has {arm!r}; it takes {', '.join(known)}."
        for arm in config["evaluation"]["arms"]
        if arm not in known
    ]
    return found


def conflicts_without_talks(config: dict) -> list[str]:
    """What else is set in a project of pairs alone, and takes talks."""
    source, evaluation = config["source"], config["evaluation"]
    others = [f"source.{key}" for key in ("channel", "captions_dir") if source[key] is not None]
    others += ["dataset.extra_pairs"] if config["dataset"]["extra_pairs"] is not None else []
    found = [
        f"source.pairs is for a project without talks, and {other} is set, too. Pairs beside talks go into dataset.extra_pairs."
        for other in others
    ]
    taking_talks = {
        "grounding.rows": config["grounding"]["rows"],
        "dataset.second_reader": config["dataset"]["second_reader"],
        "evaluation.arms": evaluation["arms"],
        "export.publish_transcripts": config["export"]["publish_transcripts"],
        "answering.strict": config["answering"]["strict"],
    }
    return found + [
        f"{key} takes talks with transcripts, and a project of source.pairs has none. Remove {key}."
        for key, value in taking_talks.items()
        if value
    ]


def endless_numbers(value: Any, path: str) -> Iterator[tuple[str, float]]:
    """Yield the numbers that are infinite or none, with their keys: no bound of the schema's keeps `.nan` out."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from endless_numbers(item, dotted(path, key))
    elif isinstance(value, float) and not math.isfinite(value):
        yield path, value


def evaluated_quantization(config: dict) -> str:
    """The quantization that is evaluated as the file that users will run."""
    return config["evaluation"]["quantization"] or config["export"]["quantizations"][-1]


def regex_mistake(pattern: str) -> str | None:
    """Why a text is no regular expression, or None."""
    try:
        re.compile(pattern)
    except re.error as error:
        return f"no regular expression ({error})."


def is_date(text: str) -> bool:
    try:
        return bool(datetime.date.fromisoformat(text))
    except ValueError:
        return False


def describe(error: ValidationError, schema: dict) -> str:
    """Say which key is wrong, what it is, and what it takes."""
    path = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties":
        return " ".join(
            unknown_key(str(key), path, error.schema) for key in error.instance if key not in error.schema["properties"]
        )
    if error.validator == "required":
        # jsonschema gives one error a missing key, and names it in its message alone.
        missing = next(key for key in error.validator_value if error.message.startswith(f"{key!r} "))
        return f"{dotted(path, missing)} is missing; it takes {takes(error.schema['properties'][missing])}"
    part = error.schema if "description" in error.schema else part_of_key(path, schema)
    value = "not usable" if path == "source.proxy" else shown(error.instance)
    return f"{path or 'config.yaml'} is {value}; it takes {takes(part)}"


def unknown_key(key: str, path: str, part: dict) -> str:
    name = dotted(path, key)
    if name in ADVICE:
        return f"{name} is not a key. {ADVICE[name]}"
    near = difflib.get_close_matches(key, part["properties"], n=1)
    hint = f"Did you mean {dotted(path, near[0])}?" if near else f"Known here: {', '.join(part['properties'])}."
    return f"{name} is not a key. {hint}"


def part_of_key(path: str, schema: dict) -> dict:
    """The schema of a key; an item of a list has its own bounds and the list's description."""
    part = schema
    for name in path.split("."):
        of_item = (
            {"description": part.get("description", ""), **part["items"]}
            if name.isdecimal() and "items" in part
            else part
        )
        part = part.get("properties", {}).get(name, of_item)
    return part


def takes(part: dict) -> str:
    """What a key takes: its kind and bounds, then its description."""
    described = part.get("description", "").strip()
    return f"{bounds(part)}: {described}" if described else bounds(part)


def bounds(part: dict) -> str:
    if "enum" in part:
        return "one of " + ", ".join("null" if value is None else str(value) for value in part["enum"])
    words = " or ".join(kind_in_words(kind) for kind in kinds_of(part)) or "a value"
    limits = [
        f"{phrase} {part[key]}"
        for key, phrase in [
            ("exclusiveMinimum", "over"),
            ("minimum", "from"),
            ("exclusiveMaximum", "under"),
            ("maximum", "up to"),
            ("pattern", "matching"),
        ]
        if key in part
    ]
    items = f" of {bounds(part['items'])}" if "items" in part else ""
    return f"{words}{items}" + (" " + " and ".join(limits) if limits else "")


def kinds_of(part: dict) -> list[str]:
    kinds = part.get("type", [])
    return [kinds] if isinstance(kinds, str) else kinds


def kind_in_words(kind: str) -> str:
    return {
        "object": "a group of keys",
        "array": "a list",
        "string": "text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "null": "null",
    }[kind]


def shown(value: Any) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def dotted(path: str, key: str) -> str:
    return f"{path}.{key}" if path else str(key)


def base_folder_name(base: str) -> str:
    """Name of the base model's folder: the hub id with `/` as `--`, or the file's or folder's own name."""
    if base.endswith(".gguf"):
        return Path(base).stem
    return Path(base).name if Path(base).is_dir() else "--".join(Path(base).parts)


def linked_outputs(config: dict) -> list[str]:
    """The folders of outputs that are links, one line each: Snakemake would delete what lies behind them."""
    model = f"models/{config['name']}"
    own = [path for name in OUTPUT_FOLDERS for path in Path(model).glob(name)]
    folders = [*map(Path, DATA_FOLDERS), Path(model), Path("models/base", base_folder_name(config["base_model"])), *own]
    return [
        f"{folder} is a link to {folder.resolve()}: what lies there would be deleted and written anew. Remove the link; to have "
        f"it on another disk, link the whole of {folder.parts[0]}/."
        for folder in folders
        if folder.is_symlink()
    ]


def named_files_that_are_missing(config: dict) -> list[str]:
    """What the configuration names and the project does not have, one line each."""
    named = {
        "dataset.extra_pairs": config["dataset"]["extra_pairs"],
        "source.pairs": config["source"]["pairs"],
        "source.cookies": config["source"]["cookies"],
        "training.replay.file": config["training"]["replay"]["file"],
        "evaluation.file": config["evaluation"]["file"],
        "export.converter": config["export"]["converter"],
    }
    for key, value in (
        ("teacher.gguf", config["teacher"]["gguf"]),
        ("retrieval.embedder.gguf", config["retrieval"]["embedder"]["gguf"]),
        ("base_model", config["base_model"]),
    ):
        named[key] = value if value and value.endswith(".gguf") and not value.startswith("package:") else None
    return [
        f"{key} is {path!r}: there is no such file in {Path.cwd()}."
        for key, path in named.items()
        if path is not None and not Path(path).is_file() and not path.startswith("data/dataset/")
    ]


def models_that_are_none(config: dict) -> list[str]:
    """What evaluation.models names and nobody can be asked by, one line each; the project's own models are made when wanted."""
    mistakes = []
    for name, path in config["evaluation"]["models"].items():
        if is_made_here(path, config["name"]):
            continue
        try:
            if not Path(path).exists():
                raise UnderstudyError(f"there is no such file or folder in {Path.cwd()}.")
            if isinstance(model_to_ask(Path(path)), Path) and not path.endswith(".gguf"):
                raise UnderstudyError("it takes a .gguf file, a model folder, a folder of adapters, or a checkpoint.")
        except UnderstudyError as error:
            mistakes.append(f"evaluation.models.{name} is {path!r}: {error}")
    return mistakes


def is_made_here(path: str, name: str) -> bool:
    """Whether a path is one of the model `name` of this project: in its folder, or a GGUF file of it."""
    gguf = Path(path).name.removeprefix(f"{name}-").removesuffix(".gguf")
    return path.startswith(f"models/{name}/") or (
        path == f"models/{name}-{gguf}.gguf" and bool(QUANTIZATION_NAME.fullmatch(gguf))
    )
