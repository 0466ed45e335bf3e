"""What can be seen before a run's first job, on one page: talks, teacher, rows, disk, memory, export. One request at most, to the
teacher's list of models, and only where a job that asks the teacher is to come."""

import difflib
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tabulate import tabulate

from understudy.configuration import base_folder_name
from understudy.dataset.hand_written_pairs import hand_written_pairs
from understudy.shared.errors import ConfigurationError, UnderstudyError
from understudy.shared.files import read_json
from understudy.shared.formats import counted, in_gigabytes
from understudy.source.captions.files import caption_files, talks_of
from understudy.source.captions.formats import CaptionError, read_segments

ASKS_THE_TEACHER = ("questions", "answers", "reworded", "grounded", "reader", "judge")
# Fewer teach neither form nor voice; a published run of this kind had 1,367.
SENSIBLE_ROWS, MANY_ROWS = 100, 1000
NAMES_SHOWN = 3
HF, GGUF, MLX = "hf", "gguf", "mlx"
# At the server, and at the files.
LONGEST_LOOK_S = 5.0


@dataclass
class Page:
    """What is to be said, by its subject, and what stops the run."""

    lines: dict[str, str] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)


def check_before_first_job(config: dict, pending: dict[str, int], has_everything_stored) -> str:
    """Return the page, empty where nothing costly is to come. `pending` counts the jobs that are to come by rule;
    `has_everything_stored()` says whether the teacher has replied to all that is to be asked.

    Raises ConfigurationError for what would stop the run later, one line a mistake."""
    page = Page()
    is_new = "videos" in pending and "dataset" in pending
    pairs = config["source"]["pairs"]
    if "dataset" in pending:
        (look_at_talks if pairs is None else look_at_pairs)(config, page)
    if (is_new and pairs is None) or any(rule in pending for rule in ASKS_THE_TEACHER):
        look_at_teacher(config["teacher"], has_everything_stored, page)
    if {"adapters", "fused", "hf", "gguf"} & pending.keys():
        look_at_base(config, pending, page)
    if page.mistakes:
        raise ConfigurationError("\n".join(["Nothing has been started:", *(f"  {line}" for line in page.mistakes)]))
    return tabulate(page.lines.items(), tablefmt="plain", disable_numparse=True)


def look_at_talks(config: dict, page: Page) -> None:
    """Whether the talks are enough for the split, and their files readable; and how many rows they can give."""
    source, dataset = config["source"], config["dataset"]
    sides = 2 + bool(dataset["test_fraction"])
    talks = None
    if source["captions_dir"] is not None:
        found = talks_of(caption_files(source["captions_dir"]), source["languages"])[0][: source["max_videos"]]
        is_new = [talk.path for talk in found if not Path(f"data/transcripts/{talk.video_id}.json").exists()]
        unreadable = unreadable_files(is_new)
        talks = len(found) - len(unreadable)
        page.lines["talks"] = f"{counted(talks, 'talk')} in {source['captions_dir']}/"
        if unreadable:
            shown = "; ".join(unreadable[:NAMES_SHOWN])
            page.lines["talks"] += f"; {counted(len(unreadable), 'file')} left out: {shown}"
    elif Path("data/videos.json").exists():
        talks = len(read_json("data/videos.json"))
        page.lines["talks"] = f"{counted(talks, 'talk')} listed"
    if talks is None:
        return
    if talks < sides and dataset["extra_pairs"] is None:
        page.mistakes.append(
            f"There {'is' if talks == 1 else 'are'} {counted(talks, 'talk')} that can be read. Rows to train and to validate "
            f"with come from different talks, so it takes {sides} or more. {page.lines['talks']}."
        )
    most = talks * config["questions"]["per_video"]
    page.lines["rows"] = f"{most:,} pairs at most"
    if most < SENSIBLE_ROWS:
        page.lines["rows"] += (
            f": enough to see that all works. A voice takes {SENSIBLE_ROWS} rows or more, better {MANY_ROWS:,}; add talks, or "
            "raise questions.per_video"
        )


def look_at_pairs(config: dict, page: Page) -> None:
    """Whether the file of pairs can be read, and the talks that its rows name are enough for the split."""
    path, sides = config["source"]["pairs"], 2 + bool(config["dataset"]["test_fraction"])
    try:
        pairs = hand_written_pairs(path, [])
    except UnderstudyError as error:
        page.mistakes.append(str(error))
        return
    talks = len({pair["video_id"] for pair in pairs})
    page.lines["pairs"] = f"{counted(len(pairs), 'pair')} in {path}, of {counted(talks, 'talk')} for the split"
    if len(pairs) < SENSIBLE_ROWS:
        page.lines["pairs"] += f": enough to see that all works. A voice takes {SENSIBLE_ROWS} or more"
    page.lines["off"] = (
        "there are no transcripts: nothing is searched, no answer has a source, and the doctor compares with no talk"
    )
    if talks < sides:
        page.mistakes.append(
            f"{path}: all pairs are from {counted(talks, 'talk')}. Rows to train and to validate with come from different "
            f"talks, so it takes {sides} or more. Rows without `talk`, `video_id` and `source_file` each count as one."
        )


def unreadable_files(files: Iterable[Path]) -> list[str]:
    """Why a file gives no transcript, one line each; of as many as can be read in LONGEST_LOOK_S."""
    mistakes, until = [], time.monotonic() + LONGEST_LOOK_S
    for path in files:
        if time.monotonic() > until:
            break
        try:
            read_segments(path)
        except CaptionError as error:
            mistakes.append(str(error).rstrip("."))
    return mistakes


def look_at_teacher(teacher: dict, has_everything_stored, page: Page) -> None:
    """Whether the server answers, takes the key and has the model; nothing is asked where no request is to come."""
    if teacher["gguf"] is not None:
        page.lines["teacher"] = f"{Path(teacher['gguf']).name} on this machine, without a price"
    elif has_everything_stored():
        page.lines["teacher"] = "every reply is stored; nothing will be asked"
    else:
        try:
            page.lines["teacher"] = said_of_server(teacher)
        except UnderstudyError as error:
            page.mistakes.append(str(error))


def said_of_server(teacher: dict) -> str:
    """What a server's list of models says of it. Raises TeacherError for one that would stop the first job."""
    import openai

    from understudy.teacher.api_key import api_key_for, host_of
    from understudy.teacher.errors import Meaning, TeacherError, verdict_on
    from understudy.teacher.servers import hosted_client

    base_url, wanted = teacher["base_url"], teacher["model"]
    server = host_of(base_url)
    try:
        with hosted_client(base_url, LONGEST_LOOK_S) as client:
            listed = client.models.list().data or []
    except openai.OpenAIError as error:
        if isinstance(error, openai.NotFoundError):
            return f"{wanted} at {server}, which lists no models"
        verdict = verdict_on(error, {"model": wanted}, server, api_key_for(base_url))
        if verdict.meaning is Meaning.STOP or (
            isinstance(error, openai.APIConnectionError) and not verdict.may_be_paid
        ):
            raise TeacherError(verdict.said) from None
        return f"{wanted} at {server}, which did not list its models: {verdict.said}"
    except (AttributeError, TypeError, ValueError):
        return f"{wanted} at {server}, which lists no models"
    names = [str(model.id) for model in listed]
    if wanted in names or f"{wanted}:latest" in names:
        return f"{wanted} at {server}, which has it"
    near = difflib.get_close_matches(wanted, names, n=1)
    if near and not is_any_name_taken(listed):
        raise TeacherError(
            f"{server} has no model {wanted!r}. Did you mean {near[0]!r}? teacher.model takes the name that the server lists."
        )
    return f"{wanted} at {server}, which does not list it" if names else f"{wanted} at {server}, which lists no models"


def is_any_name_taken(listed: list) -> bool:
    """llama-server answers with the model that it has loaded, whatever it is called."""
    return all(getattr(model, "owned_by", "") == "llamacpp" for model in listed)


def look_at_base(config: dict, pending: dict[str, int], page: Page) -> None:
    """What disk and memory the base model's size asks for, and what it can be exported as; as far as its files are here."""
    from understudy.train.machine import free_disk, memory_of_machine

    folder = folder_of_base(config["base_model"])
    weights = weights_of_base(config["base_model"], folder)
    if weights is None:
        page.lines["base"] = f"{config['base_model']} comes from the Hugging Face hub; its size is not known yet"
        return
    from understudy.train.preflight.disk import BITS

    exports = config["export"]["quantizations"] if "gguf" in pending else []
    needed = 2 * weights * ("fused" in pending) + sum(int(weights * BITS[name] / 8) for name in exports)
    free, memory = free_disk("models"), memory_of_machine()
    page.lines["disk"] = f"about {in_gigabytes(needed)} for the model and its files; {in_gigabytes(free)} are free"
    if needed > free:
        page.mistakes.append(
            f"The model and its files take about {in_gigabytes(needed)}, and {in_gigabytes(free)} are free on this disk. Make "
            "room, or take fewer export.quantizations."
        )
    if "adapters" in pending:
        loaded = weights * (2 if memory.metal else 4)
        page.lines["memory"] = (
            f"{in_gigabytes(loaded)} of weights while training; the machine has {in_gigabytes(memory.total)}"
        )
        if loaded > memory.usable:
            page.mistakes.append(
                f"The base model takes {in_gigabytes(loaded)} of memory to train, and this machine has "
                f"{in_gigabytes(memory.usable)} for it. Take a smaller base_model, or a quantized one."
            )
    if folder is not None and {HF, GGUF, MLX} & pending.keys():
        look_at_exports(folder, config, pending, page)


def look_at_exports(folder: Path, config: dict, pending: dict[str, int], page: Page) -> None:
    """What can be made of the base; what is to be made and can't stops the run, where that comes after hours of training."""
    from understudy.gguf.what_can_be_made import account_of_base, complaint_about_exports, what_can_be_made

    try:
        outcomes = what_can_be_made(folder, config["export"]["converter"])
    except UnderstudyError as error:
        page.mistakes.append(f"base_model: {config['base_model']}: {error}")
        return
    page.lines["export"] = account_of_base(outcomes)
    if "adapters" in pending and (complaint := complaint_about_exports(outcomes, pending, config["name"])):
        page.mistakes.append(complaint)


def folder_of_base(base_model: str) -> Path | None:
    """The base model in Hugging Face layout, imported or as it was given; None if neither is here."""
    candidates = (Path("models/base", base_folder_name(base_model)), Path(base_model))
    return next((path for path in candidates if (path / "config.json").is_file()), None)


def weights_of_base(base_model: str, folder: Path | None) -> int | None:
    """The number of the base model's weights, roughly where only a GGUF file is here; None if nothing is."""
    from understudy.models.paths import gguf_source
    from understudy.models.safetensors import stored_tensors

    try:
        if folder is not None:
            return sum(math.prod(tensor.shape) for tensor in stored_tensors(folder).values())
        if base_model.endswith(".gguf"):
            # Most are quantized to four or five bits.
            return gguf_source(base_model, "base_model").stat().st_size * 8 // 5
    except (UnderstudyError, OSError):
        pass
    return None
