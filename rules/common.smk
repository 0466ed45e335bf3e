# What several stages need: the configuration, and the paths of what is made. Each function's name says what it gives.
# The functions of one stage are in functions/STAGE.smk.
import os
import tomllib
from contextlib import contextmanager

from snakemake.logging import logger

from understudy.configuration import FLAGS, base_folder_name, checked_configuration, keys_that_are_flags
from understudy.models.folder import MLX_FOLDERS
from understudy.shared.moved_projects import notice_a_copy
from understudy.shared.snakemake_records import has_record
from understudy.source.video_list import VideoList
from understudy.teach.reworded import naive_fraction
from understudy.teacher.prompts import prompt_file


@contextmanager
def errors_as_messages():
    """Let Snakemake show an error that a person can mend as its message alone."""
    try:
        yield
    except UnderstudyError as error:
        raise WorkflowError(str(error))


def model_file(suffix):
    """Path of a file of the project's model, e.g. models/fung/lora.yaml."""
    return f"models/{config['name']}/{suffix}"


def gguf_file(quant):
    """Path of the project's model in one quantization."""
    return f"models/{config['name']}-{quant}.gguf"


def gguf_files():
    """The GGUF files of the configuration, in its order."""
    return [gguf_file(quant) for quant in config["export"]["quantizations"]]


def mlx_names():
    """The MLX folders of the configuration by name, such as mlx-4bit."""
    return [f"mlx-{bits}bit" for bits in config["export"]["mlx_bits"]]


def mlx_folders():
    """The file that stands for each of them."""
    return [model_file(f"{name}/config.json") for name in mlx_names()]


def local_model_files(name):
    """The model file, or the files of the model folder, that `name` means here; none for a hub id or one in a package."""
    if name is None or name.startswith("package:"):
        return []
    if Path(name).is_dir():
        return sorted(str(path) for path in Path(name).glob("*") if path.suffix in (".json", ".safetensors"))
    return [name] if name.endswith(".gguf") else []


def has_no_record(path):
    """Whether a file is there of which Snakemake doesn't know what it was made of."""
    return workflow.is_main_process and Path(path).exists() and not has_record(path)


def speaker_where_set():
    """source.speaker for a rule's params; nothing where it isn't set, as in projects that are older than it."""
    return {} if config["source"]["speaker"] is None else {"speaker": config["source"]["speaker"]}


def has_talks():
    """Whether the project has talks, or pairs alone."""
    return config["source"]["pairs"] is None


def need_talks(path):
    """End the run with what a file that is made of talks takes, in a project of pairs alone."""
    if not has_talks():
        raise WorkflowError(
            f"{path} is made of talks, and this project has pairs alone: source.pairs is {config['source']['pairs']}. "
            "Take source.channel or source.captions_dir instead, and name the pairs in dataset.extra_pairs."
        )


VIDEO_LIST = VideoList("data/videos.json")


def listed_videos():
    """The records of data/videos.json, once its rule has made it."""
    checkpoints.videos.get()
    with errors_as_messages():
        return VIDEO_LIST.records()


def listed_ids():
    """The ids of the listed videos."""
    return [video["video_id"] for video in listed_videos()]


def start_jobs_without_a_rate():
    """Let Snakemake look for jobs to start only when one has ended. Its limit on starts in a second wakes it every second once
    for each job that has ended so far; only a cluster's scheduler needs that limit."""
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None


if workflow.is_main_process:
    for line in [*keys_that_are_flags(config), *filter(None, [notice_a_copy()])]:
        logger.warning(line)
for key in FLAGS:
    config.pop(key, None)
with errors_as_messages():
    config.update(checked_configuration(config))
    QUESTIONS_PROMPT, ANSWERS_PROMPT = prompt_file("questions.md"), prompt_file("answers.md")
    REWORDED_PROMPT, GROUNDED_PROMPT = prompt_file("reworded.md"), prompt_file("grounded.md")
    READER_PROMPT = prompt_file("reader.md")
    JUDGE_PROMPT, PERSONA_PROMPT = prompt_file("judge.md"), prompt_file("persona.md")

BASE = f"models/base/{base_folder_name(config['base_model'])}"
WORKFLOW_VERSION = tomllib.loads((Path(workflow.basedir) / "pyproject.toml").read_text())["project"]["version"]


wildcard_constraints:
    video_id="[A-Za-z0-9_-]{11}",
    quant="[A-Z0-9_]+",
    bits="[4568]",
    which="[A-Za-z0-9][A-Za-z0-9._-]*",
    context="none|true|retrieved|misses",
    block=r"[1-9]\d*-of-[1-9]\d*",
