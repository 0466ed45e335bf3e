"""Serve what was trained, with its talks, to a browser and to any OpenAI client: understudy serve [MODEL.gguf | PACK]"""

import argparse
import os
from pathlib import Path

from understudy.commands.project import CONFIG, configuration_of_project, enter_project
from understudy.models.paths import gguf_source, model_to_ask
from understudy.passages.talks import measured_error
from understudy.serving.arguments import add_options, wanted
from understudy.serving.pack import SETTINGS, is_pack
from understudy.serving.served import Served, ServeError
from understudy.serving.start_pack import serve_pack
from understudy.shared.errors import UnderstudyError
from understudy.shared.files import read_json_lines

PAIRS, DATA = Path("data/dataset/pairs.jsonl"), Path("data")
EXAMPLES = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is served, by what it is computed, and for whom."""
    parser.add_argument(
        "model",
        type=Path,
        nargs="?",
        metavar="MODEL.gguf | PACK",
        help="such as models/fung-Q4_K_M.gguf, or a folder that `understudy pack` has written (default: the project's GGUF file)",
    )
    add_options(parser)


def serve_model(model: Path | None, arguments: argparse.Namespace) -> None:
    """Serve a GGUF file with the talks of the project that it lies in, or the project's talks with another engine.

    The project's folder becomes the working directory."""
    # What serves takes half a second to load, which every command would wait for.
    from understudy.serving.service import serve

    what = wanted(arguments)
    if model is None:
        enter_project(arguments.directory)
        serve(served_project(None, **what.shown), what.address, what.other)
        return
    if is_pack(model):
        serve_pack(model, what)
        return
    check_model(model)
    model = model.absolute()
    project = next((folder for folder in model.parents if (folder / CONFIG).is_file()), None)
    if project is None:
        serve(Served(model.stem, model, **what.shown), what.address, what.other)
        return
    os.chdir(project)
    serve(served_project(Path(os.path.relpath(model)), **what.shown), what.address, what.other)


def check_model(model: Path) -> None:
    """Raise ServeError for what is neither a GGUF file nor a pack, NoModelError where nothing is."""
    if not model.exists():
        # Says what to run where there is no model yet.
        model_to_ask(model)
    if model.is_dir():
        raise ServeError(
            f"{model} is a folder and no pack, for it has no {SETTINGS}; it takes a GGUF file, such as models/fung-Q4_K_M.gguf, "
            "or a folder that `understudy pack` has written."
        )
    if model.suffix == ".safetensors":
        raise ServeError(f"{model} is no GGUF file, which serve takes, such as models/fung-Q4_K_M.gguf.")


def served_project(model: Path | None, **wants: bool) -> Served:
    """What is served of the project in the working directory. Raises InputFileError, ConfigurationError."""
    config = configuration_of_project()
    return Served(
        name=config["name"],
        model=model,
        voice=config["answers"]["voice"],
        base=base_of(config["base_model"]),
        data=DATA,
        embedder=config["retrieval"]["embedder"],
        answering=config["answering"],
        measured=measured_error(Path("models") / config["name"] / "evaluation.json"),
        examples=example_questions(PAIRS),
        **wants,
    )


def base_of(name: str) -> Path | None:
    """The base model as a GGUF file, None for one in another form, or one that isn't there."""
    try:
        return gguf_source(name, "base_model") if name.endswith(".gguf") else None
    except UnderstudyError:
        return None


def example_questions(path: Path) -> tuple[str, ...]:
    """Questions of different talks, in the order of the file; none where there is no data set."""
    try:
        rows = [row for _, row in read_json_lines(path)] if path.is_file() else []
        first = {row["video_id"]: row["question"] for row in reversed(rows)}
    except (UnderstudyError, KeyError, TypeError):
        return ()
    return tuple(question for question in reversed(first.values()) if isinstance(question, str))[:EXAMPLES]
