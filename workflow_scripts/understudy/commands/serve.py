"""Serve what was trained, with its talks, to a browser and to any OpenAI client: understudy serve [MODEL.gguf | PACK]"""

import argparse
import os
from pathlib import Path

from understudy.commands.numbers import whole_number
from understudy.commands.project import CONFIG, configuration_of_project, enter_project
from understudy.models.paths import MlxModel, gguf_source, model_to_ask
from understudy.passages.talks import measured_error
from understudy.serving.served import LAST_PORT, LOOPBACK, PORT, Address, OtherEngine, Served, ServeError
from understudy.shared.errors import UnderstudyError
from understudy.shared.files import read_json_lines

PAIRS, DATA = Path("data/dataset/pairs.jsonl"), Path("data")
EXAMPLES = 4


def port_number(text: str) -> int:
    """A port as an argument."""
    return whole_number(text, LAST_PORT)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is served, by what it is computed, and for whom."""
    parser.add_argument(
        "model",
        type=Path,
        nargs="?",
        metavar="MODEL.gguf | PACK",
        help="such as models/fung-Q4_K_M.gguf, or a folder that `understudy pack` has written (default: the project's GGUF file)",
    )
    parser.add_argument(
        "--engine",
        metavar="URL",
        help="let a server compute that speaks OpenAI's protocol, such as http://localhost:11434/v1",
    )
    parser.add_argument("--engine-model", metavar="NAME", help="the server's model, if it has several")
    parser.add_argument("--port", type=port_number, default=PORT, help=f"default: {PORT}")
    parser.add_argument(
        "--host", default=LOOPBACK, help=f"the address to listen at (default: {LOOPBACK}, this machine alone)"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name by which it may be asked beside localhost, such as that of a reverse proxy; may be given again",
    )
    parser.add_argument("--no-sources", action="store_true", help="the model alone, without the passages of the talks")
    parser.add_argument("--no-gate", action="store_true", help="ask the model also what the talks don't answer")


def serve_model(model: Path | None, arguments: argparse.Namespace) -> None:
    """Serve a GGUF file with the talks of the project that it lies in, or the project's talks with another engine.

    The project's folder becomes the working directory."""
    # What serves takes half a second to load, which every command would wait for.
    from understudy.serving.service import serve

    address = Address(arguments.host, arguments.port, tuple(arguments.allow_host))
    other = OtherEngine(arguments.engine, arguments.engine_model) if arguments.engine else None
    wants = {"with_sources": not arguments.no_sources, "with_gate": not arguments.no_gate}
    if model is None:
        enter_project(arguments.directory)
        serve(served_project(None, **wants), address, other)
        return
    if isinstance(model_to_ask(model), MlxModel):
        raise ServeError(f"{model} is a folder or adapters; it takes a GGUF file, such as models/fung-Q4_K_M.gguf.")
    model = model.absolute()
    project = next((folder for folder in model.parents if (folder / CONFIG).is_file()), None)
    if project is None:
        serve(Served(model.stem, model, **wants), address, other)
        return
    os.chdir(project)
    serve(served_project(Path(os.path.relpath(model)), **wants), address, other)


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
