"""`understudy`: what looks and serves, and takes no lock of the project; and run, preview and update, which start Snakemake."""

import argparse
import contextlib
import os
import sys
from pathlib import Path

import yaml

from understudy.commands import chat, serve
from understudy.commands.new import arguments as arguments_of_new
from understudy.commands.pages import PAGES, open_page
from understudy.commands.project import (
    check_talks,
    configuration_of_project,
    enter_project,
    nearest_project,
    project_folder,
)
from understudy.gguf.types import quantization_to_run
from understudy.serving.arguments import port_number
from understudy.serving.served import PORT
from understudy.shared.checkout import REPOSITORY
from understudy.shared.errors import InputFileError, UnderstudyError
from understudy.shared.log import log, start_command_log
from understudy.shared.numbers import number_from, whole_number

PROFILE = REPOSITORY / "profiles/default/config.yaml"
LIMIT_ON_SCREEN, LIMIT_OF_JSON = 5, 50
MAKES = "make files of the project with Snakemake, everything if none is named"
USAGE_OF_RUN = "understudy run [--directory FOLDER] [TARGET ...] [options of snakemake, such as -n, which only lists]"
VIDEOS, LOCKS = Path("data/videos.json"), Path(".snakemake/locks")


def main(words: list[str] | None = None) -> int:
    """Run one command; return its exit status: 1 after an error that a person can mend, 130 after Ctrl-C."""
    arguments = parsed(parser_of_commands(), words)
    start_command_log()
    try:
        if arguments.directory is not None:
            # Seen from here also by what has gone into the project.
            arguments.directory = project_folder(arguments.directory).absolute()
        status = arguments.run(arguments) or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Whoever read this has seen enough; Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except UnderstudyError as error:
        log.error("Error: %s", error)
        return 1
    except KeyboardInterrupt:
        return 130


def parsed(parser: argparse.ArgumentParser, words: list[str] | None) -> argparse.Namespace:
    """The arguments; words may stand after options too, which argparse alone doesn't allow where their number is open."""
    arguments, rest = parser.parse_known_args(words)
    if rest and (not hasattr(arguments, "words") or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        arguments.words += rest
    return arguments


def folder(text: str) -> Path:
    """A folder as an argument; an empty one is a variable that isn't set."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return Path(text)


def parser_of_commands() -> argparse.ArgumentParser:
    """The commands with their arguments."""
    parser = argparse.ArgumentParser(
        prog="understudy",
        description="Make a project, run it, look at it, talk to its model. What makes files is Snakemake, which `run` starts.",
    )
    parser.add_argument("--directory", type=folder, metavar="FOLDER", help="the project (default: the nearest upwards)")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run, says: str, of_project: bool = True, **options) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=says, description=f"{says[0].upper()}{says[1:]}.", **options)
        added.set_defaults(run=run)
        if of_project:
            # SUPPRESS: without it, the default here would win over what stands before the command.
            added.add_argument(
                "--directory", type=folder, metavar="FOLDER", default=argparse.SUPPRESS, help="the project"
            )
        return added

    made = command("new", _new, "make a project: a folder with config.yaml, prompts and captions", of_project=False)
    arguments_of_new.add_arguments(made)
    # No word of it is an option here, so that all go on to Snakemake in their order.
    making = command("run", _run, MAKES, of_project=False, prefix_chars="+", add_help=False, usage=USAGE_OF_RUN)
    making.add_argument(
        "for_snakemake", nargs=argparse.REMAINDER, metavar="TARGET", help="such as models/NAME-Q4_K_M.gguf"
    )
    seen = command(
        "preview", _preview, "ask three questions and answers of one talk, and show them beside its transcript"
    )
    seen.add_argument("talk", nargs="?", help="its id, or a part of its title (default: the first with captions)")
    command(
        "update",
        _update,
        "look for new talks and make them searchable, without money; say what is newer than the model",
    )
    newer = command(
        "update-youtube",
        _update_youtube,
        "bring the newest yt-dlp and youtube-transcript-api into this environment, if the tests pass with them",
        of_project=False,
    )
    newer.add_argument("--deno", action="store_true", help="install deno, too: yt-dlp's JavaScript runtime (96 MB)")
    opened = command("open", _open, "open a page of the project in the browser")
    opened.add_argument("page", nargs="?", choices=tuple(PAGES), default="report", help="which (default: report)")
    chat.add_arguments(command("chat", _chat, "talk to a model"))
    asked = command("ask", _ask, "ask base, prompted and tuned model a list of questions, and write a page and a CSV")
    asked.add_argument("questions", type=Path, help="a .csv file with a column `question`, or .txt, one a line")
    asked.add_argument("model", type=Path, nargs="?", help="the tuned one (default: the project's GGUF file)")
    searched = command("search", _search, "find the passages of the talks that answer a question")
    searched.add_argument("question", nargs="+", help="in quotation marks, or as words")
    searched.add_argument("--json", action="store_true", help="a list of passages, best first")
    searched.add_argument(
        "--limit", type=whole_number, default=None, metavar="N", help="at most so many (default: 5, and 50 with --json)"
    )
    serve.add_arguments(
        command("serve", _serve, "serve a model with its talks: a page, and OpenAI's protocol, until Ctrl-C")
    )
    packed = command(
        "pack", _pack, "write one folder with model, talks and program, to be started where the project never was"
    )
    packed.add_argument("model", type=Path, nargs="?", help="a GGUF file (default: the project's)")
    packed.add_argument("--to", type=folder, metavar="FOLDER", help="a new folder (default: packs/NAME of the project)")
    command(
        "mcp",
        _mcp,
        "offer search of the talks to other programs as a tool (MCP over stdio), which start this themselves",
    )
    reviewed = command(
        "review", _review, "serve the page on which a person keeps, rejects and edits pairs; it saves by itself"
    )
    reviewed.add_argument("--port", type=port_number, default=PORT, help=f"default: {PORT}")
    plan = command("plan", _plan, "say what teaching will take before a request: calls, tokens, money, time")
    plan.add_argument(
        "--in-flight", type=whole_number, metavar="N", help="requests at a time (default: llm of profiles/default)"
    )
    state = command("status", _status, "say what would run, why, how long it takes, and what it costs")
    state.add_argument("targets", nargs="*", metavar="TARGET", help="files or rules (default: everything)")
    renamed = command("rename", _rename, "give the model another name; nothing is trained or asked again")
    renamed.add_argument("name", metavar="NEW")
    command("check-questions", _check_questions, "check every question file, and name file and slot of each mistake")
    command("corrections", _corrections, "propose lines for corrections.csv: what captions may have misheard")
    checked = command(
        "check-reader",
        _check_reader,
        "let the teacher model judge labelled pairs, and show precision and recall by language",
    )
    checked.add_argument(
        "pairs",
        type=Path,
        nargs="?",
        help="a .jsonl file of language, question, answer, label (default: the program's own 240)",
    )
    pruned = command("prune", _prune, "list the stored replies that the configuration no longer refers to")
    pruned.add_argument("--delete", action="store_true", help="delete them; they were paid for")
    compared = command("compare", _compare, "set evaluations of several runs or projects beside one another")
    compared.add_argument(
        "words",
        nargs="*",
        metavar="PROJECT",
        help="project folders or evaluation.json files as seen from here; the others are compared with the first (default: "
        "evaluation.compare of config.yaml, else every evaluation of this project)",
    )
    channels = command("channels", _channels, "run Snakemake in every project of a folder", of_project=False)
    channels.add_argument(
        "--at-once", type=whole_number, default=1, help="projects at a time; their output goes to files"
    )
    channels.add_argument("folder", type=Path)
    channels.add_argument("arguments", nargs=argparse.REMAINDER, help="what snakemake gets")
    summary = command("summary", _summary, "show what a project's runs have made")
    summary.add_argument("--started", type=number_from(0), help="when the run began, in seconds since the epoch")
    return parser


def _new(arguments: argparse.Namespace) -> None:
    from understudy.commands.new.new import make_project

    make_project(arguments)


def _run(arguments: argparse.Namespace) -> int:
    from understudy.commands.run import run

    own = argparse.ArgumentParser(usage=USAGE_OF_RUN, description=MAKES, allow_abbrev=False)
    own.add_argument("-d", "--directory", type=folder, default=arguments.directory, help="the project")
    given, for_snakemake = own.parse_known_args(arguments.for_snakemake)
    return run(given.directory, for_snakemake)


def _preview(arguments: argparse.Namespace) -> int:
    from understudy.commands.preview import preview

    return preview(arguments.directory, arguments.talk)


def _update(arguments: argparse.Namespace) -> int:
    from understudy.commands.update import update

    return update(arguments.directory)


def _update_youtube(arguments: argparse.Namespace) -> None:
    from understudy.commands.update_youtube import update_youtube

    update_youtube(arguments.deno)


def _open(arguments: argparse.Namespace) -> None:
    enter_project(arguments.directory)
    open_page(arguments.page, configuration_of_project()["name"])


def _chat(arguments: argparse.Namespace) -> None:
    model, question = chat.model_and_question(arguments.words)
    sampling = {name: getattr(arguments, name) for name in ("temperature", "max_tokens", "repeat_penalty")}
    chat.talk(
        model_meant(model, arguments.directory), question, not arguments.no_sources, not arguments.no_gate, **sampling
    )


def _ask(arguments: argparse.Namespace) -> None:
    from understudy.models.blas import run_with_optimised_blas

    # The base is asked by MLX; before anything loads it.
    run_with_optimised_blas()
    from understudy.commands.ask import ask
    from understudy.commands.talks import talks_of_project

    questions = seen_from_here(arguments.questions, arguments.directory).absolute()
    tuned = model_meant(arguments.model, arguments.directory).absolute()
    enter_project(arguments.directory)
    check_talks(configuration_of_project(), "ask gives the models passages of the talks")
    with talks_of_project(with_sources=True, with_gate=True) as talks:
        folder = ask(questions, Path(os.path.relpath(tuned)), configuration_of_project(), talks)
    print(f"{folder}/index.html, to read in a browser; {folder}/answers.csv, for a spreadsheet.")


def _search(arguments: argparse.Namespace) -> None:
    from understudy.commands.search import search

    enter_project(arguments.directory)
    limit = arguments.limit or (LIMIT_OF_JSON if arguments.json else LIMIT_ON_SCREEN)
    config = configuration_of_project()
    check_talks(config, "search looks in the transcripts of talks")
    search(" ".join(arguments.question), config["retrieval"]["embedder"], limit, arguments.json)


def _serve(arguments: argparse.Namespace) -> None:
    is_computed_elsewhere = arguments.engine is not None and arguments.model is None
    serve.serve_model(None if is_computed_elsewhere else model_meant(arguments.model, arguments.directory), arguments)


def _review(arguments: argparse.Namespace) -> None:
    from understudy.report.review.service import serve_review

    enter_project(arguments.directory)
    config = configuration_of_project()
    serve_review(config["name"], config["source"]["pairs"] or config["dataset"]["extra_pairs"], arguments.port)


def _mcp(arguments: argparse.Namespace) -> None:
    from understudy.commands.search_tool import offer_search

    # Standard output belongs to the protocol.
    start_command_log(says_on=sys.stderr)
    enter_project(arguments.directory)
    config = configuration_of_project()
    check_talks(config, "mcp offers search of the transcripts of talks")
    offer_search(config["name"], config["retrieval"]["embedder"])


def _pack(arguments: argparse.Namespace) -> None:
    from understudy.commands.pack.pack import pack
    from understudy.configuration import base_folder_name

    # Before the project is entered.
    target = None if arguments.to is None else arguments.to.absolute()
    model = model_meant(arguments.model, arguments.directory).absolute()
    enter_project(arguments.directory)
    config = configuration_of_project()
    check_talks(config, "pack puts the talks beside the model")
    base = Path("models/base") / base_folder_name(config["base_model"])
    pack(Path(os.path.relpath(model)), config, base, target or Path("packs") / config["name"])


def model_meant(given: Path | None, directory: Path | None) -> Path:
    """The model at a path, from here or else from the project `directory`; without a path the project's GGUF file, of several the
    one for most machines."""
    if given is not None:
        return seen_from_here(given, directory)
    enter_project(directory)
    config = configuration_of_project()
    return Path(f"models/{config['name']}-{quantization_to_run(config['export']['quantizations'])}.gguf")


def seen_from_here(given: Path, directory: Path | None) -> Path:
    """A path from here, or else from the project `directory` or the nearest one."""
    here = nearest_project() if directory is None else directory
    in_project = given if here is None else here / given
    return in_project if not given.exists() and in_project.exists() else given


def _plan(arguments: argparse.Namespace) -> int:
    from understudy.commands.run import make_first
    from understudy.commands.running.ending import command_again
    from understudy.teach.plan import plan_teaching
    from understudy.teach.planned import prompts_of_project

    enter_project(arguments.directory)
    config = configuration_of_project()
    pairs = config["source"]["pairs"]
    if pairs is not None:
        log.info("No teacher is asked: the pairs are in %s (source.pairs).", pairs)
        return 0
    # What is wrong in them is told before the talks are looked up.
    prompts_of_project()
    again = command_again([], arguments.directory, "plan")
    status = 0 if VIDEOS.exists() else make_first(["--", str(VIDEOS)], config, again)
    if status:
        return status
    limits = limits_of_profile() | ({"llm": arguments.in_flight} if arguments.in_flight else {})
    plan_teaching(limits=limits, **teaching_of_project(arguments.directory))
    return 0


def _status(arguments: argparse.Namespace) -> None:
    from understudy.commands.status import status, teaching_in_a_line

    enter_project(arguments.directory)
    config = configuration_of_project()
    status(arguments.targets, lambda: teaching_in_a_line(config, limits_of_profile()))


def _rename(arguments: argparse.Namespace) -> None:
    from understudy.commands.rename import rename

    enter_project(arguments.directory)
    config = configuration_of_project()
    rename(config["name"], arguments.name, config)


def _corrections(arguments: argparse.Namespace) -> None:
    from understudy.teach.misheard import propose_corrections
    from understudy.text.transcripts import Reading

    # Standard output is the lines alone.
    start_command_log(says_on=sys.stderr)
    enter_project(arguments.directory)
    config = configuration_of_project()
    check_listed()
    propose_corrections(Path("data"), Reading.of_project(config["source"]["speaker"]))


def _prune(arguments: argparse.Namespace) -> None:
    from understudy.teach.prune import prune_responses

    teaching = teaching_of_project(arguments.directory)
    if arguments.delete and any(LOCKS.glob("*")):
        raise UnderstudyError(
            "A Snakemake run is under way here, or was killed: it may need replies that nothing refers to yet. Delete them when "
            "it has ended; after a killed one, `understudy run --unlock`."
        )
    judged = sorted(map(str, Path("models").glob("*/judge.json")))
    prune_responses(**teaching, delete=arguments.delete, judged=judged)


def teaching_of_project(directory: Path | None) -> dict:
    """What the teacher is asked, and whom, as the rules have it."""
    from understudy.teach.planned import prompts_of_project
    from understudy.teach.question_list import slots_of
    from understudy.teacher.servers import teacher_identity

    enter_project(directory)
    config = configuration_of_project()
    prompts = prompts_of_project()
    check_listed()
    return {
        "data": Path("data"),
        "config": config,
        "identity": teacher_identity(config["teacher"]),
        "prompts": prompts,
        "slots": slots_of(config["questions"]["per_video"]),
    }


def check_listed() -> None:
    """Raise InputFileError if the talks are not listed yet."""
    if not VIDEOS.exists():
        raise InputFileError(
            f"{Path.cwd() / VIDEOS} is missing: `understudy run {VIDEOS}` lists the talks. Then this again."
        )


def calls_of_profile() -> int:
    """How many requests may be in flight at a time: `llm` of profiles/default."""
    return limits_of_profile()["llm"]


def limits_of_profile() -> dict[str, int]:
    """The resources of profiles/default: what may go on at a time."""
    limits = (limit.split("=") for limit in yaml.safe_load(PROFILE.read_text(encoding="utf-8"))["resources"])
    return {name: int(limit) for name, limit in limits}


def _check_questions(arguments: argparse.Namespace) -> None:
    from understudy.teach.check_questions import check_questions
    from understudy.teach.question_list import slots_of

    enter_project(arguments.directory)
    config = configuration_of_project()
    check_listed()
    check_questions(Path("data"), slots_of(config["questions"]["per_video"]))


def _check_reader(arguments: argparse.Namespace) -> None:
    from understudy.teach.check_reader import LABELLED, check_reader
    from understudy.teacher.prompts import prompt_file
    from understudy.teacher.servers import teacher_identity

    pairs = LABELLED if arguments.pairs is None else seen_from_here(arguments.pairs, arguments.directory).absolute()
    enter_project(arguments.directory)
    teacher = configuration_of_project()["teacher"]
    check_reader(pairs, prompt_file("reader.md"), teacher_identity(teacher), teacher, os.cpu_count() or 1)


def _compare(arguments: argparse.Namespace) -> None:
    from understudy.report.compare import compare_evaluations

    if arguments.words:
        compare_evaluations(arguments.words)
        return
    enter_project(arguments.directory)
    compare_evaluations(configuration_of_project()["evaluation"]["compare"])


def _channels(arguments: argparse.Namespace) -> int:
    from understudy.commands.channels import run_all

    return run_all(arguments.folder, arguments.arguments, arguments.at_once)


def _summary(arguments: argparse.Namespace) -> None:
    from understudy.commands.summary import summary

    project = project_folder(arguments.directory)
    with contextlib.chdir(project):
        name = configuration_of_project()["name"]
    print(f"\n{summary(project, name, arguments.started)}\n")
