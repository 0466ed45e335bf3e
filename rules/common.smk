# All helper functions of the rules. Each name says what it gives.
import math
import os
import sys
import tomllib
from pathlib import Path

# The scripts' modules: a job's script finds them by itself, the rules need the folder named.
sys.path.insert(0, str(Path(workflow.basedir) / "workflow_scripts"))

from snakemake.exceptions import WorkflowError

from understudy.source.captions.files import caption_files
from understudy.source.account import account_in_a_line
from understudy.configuration import QUANTIZATION_NAME, complete_configuration
from understudy.teach.edited_questions import keep_edited_questions
from understudy.shared.errors import UnderstudyError
from understudy.models.paths import ADAPTER_CONFIG, ADAPTERS, model_to_ask
from understudy.gguf.types import quantization_to_run
from understudy.models.folder import MLX_FOLDERS
from understudy.teach.progress import spending_summary
from understudy.teacher.prompts import check_placeholders
from understudy.export.published_files import PARTS
from understudy.shared.snakemake_records import carry_over_inputs
from understudy.shared.run import end_fresh, start_run_clock
from understudy.shared.run import STOP_FILE, remove_stop_file
from understudy.shared.blocks import block_names, ids_of_block
from understudy.source.video_list import VideoList
from understudy.source.youtube.address import addresses_of, names_a_file


def checked_configuration():
    """The configuration with its defaults, or one message that names the keys to mend."""
    try:
        completed = complete_configuration(config, Path(workflow.basedir) / "schemas/config.schema.yaml")
        if completed["source"]["captions_dir"] is not None:
            caption_files(completed["source"]["captions_dir"])
        else:
            addresses_of(completed["source"]["channel"], completed["source"]["tabs"])
    except UnderstudyError as error:
        raise WorkflowError(str(error))
    missing = named_files_that_are_missing(completed) + models_that_are_none(completed)
    if missing:
        raise WorkflowError("\n".join(missing))
    return completed


def model_file(suffix):
    """Path of a file of the project's model, e.g. models/fung/lora.yaml."""
    return f"models/{config['name']}/{suffix}"


def base_folder_name():
    """Name of the base model's folder: the hub id with `/` as `--`, or the file's or folder's own name."""
    base = config["base_model"]
    if base.endswith(".gguf"):
        return Path(base).stem
    return Path(base).name if Path(base).is_dir() else "--".join(Path(base).parts)


def prompt_file(name):
    """The project's own prompts/NAME if it exists, otherwise the repository's, relative to the project."""
    own = Path("prompts") / name
    shared = Path(workflow.basedir) / "prompts" / name
    found = next((str(path) for path in (own, Path(os.path.relpath(shared))) if path.is_file()), None)
    if found is None:
        raise WorkflowError(
            f"prompts/{name} is missing, in the project ({Path.cwd()}) and in the workflow ({workflow.basedir}). "
            f"It is a Markdown file that tells the teacher model what to write; restore it with git."
        )
    try:
        check_placeholders(found)
    except UnderstudyError as error:
        raise WorkflowError(str(error))
    return found


def files_of_source(wildcards=None):
    """The project's caption files or its text file of videos, or none when the talks come from an address."""
    if config["source"]["captions_dir"] is None:
        return [config["source"]["channel"]] if names_a_file(config["source"]["channel"]) else []
    return [str(path) for path in caption_files(config["source"]["captions_dir"])]


def transcript_of_talk(wildcards):
    """The transcript that both passes read."""
    if not workflow.is_main_process:
        # A cluster's job of several talks goes on when one of them fails, unless all would. Snakemake hands --keep-going on to no
        # job, and has no settings to change before it asks for the first input.
        workflow.execution_settings.keep_going = not STOP_FILE.exists()
    return f"data/transcripts/{wildcards.video_id}.json"


def what_shapes_the_list():
    """The keys of source that decide which videos are listed; how they are reached doesn't."""
    keys = ("channel", "captions_dir", "tabs", "languages", "max_videos", "published_after", "forget_removed")
    return {key: config["source"][key] for key in (*keys, "title_include", "title_exclude")}


VIDEO_LIST = VideoList("data/videos.json")


def listed_videos():
    """The records of data/videos.json, once its rule has made it."""
    checkpoints.videos.get()
    try:
        return VIDEO_LIST.records()
    except UnderstudyError as error:
        raise WorkflowError(str(error))


def caption_file_of_video(wildcards):
    """The local caption file of one video, or nothing when it comes from YouTube."""
    checkpoints.videos.get()
    try:
        source_file = VIDEO_LIST.record(wildcards.video_id)["source_file"]
    except UnderstudyError as error:
        raise WorkflowError(str(error))
    return [source_file] if source_file else []


def has_answers(video_id):
    """Whether every slot of a video is there; all that `dataset.allow_missing` builds from."""
    return all(Path(path).exists() for path in answer_files(video_id))


def answer_files(video_id):
    """One file a slot."""
    return [f"data/answers/{video_id}/{slot}.json" for slot in SLOTS]


def listed_ids():
    """The ids of the listed videos."""
    return [video["video_id"] for video in listed_videos()]


def with_answers(ids):
    """Those of the videos that the data set is built from."""
    return [video_id for video_id in ids if has_answers(video_id)] if config["dataset"]["allow_missing"] else ids


def blocks_of_dataset(wildcards):
    """The blocks of the videos of the data set."""
    return [f"data/dataset/blocks/{block}.json" for block in block_names(with_answers(listed_ids()))]


def videos_of_block(wildcards):
    """The ids of the data set's videos that are in one block."""
    return with_answers(ids_of_block(wildcards.block, listed_ids()))


def answers_of_block(wildcards):
    """Every slot of every video of one block."""
    return [path for video_id in videos_of_block(wildcards) for path in answer_files(video_id)]


def transcripts_of_block(wildcards):
    """The transcript of every video of one block."""
    return [f"data/transcripts/{video_id}.json" for video_id in videos_of_block(wildcards)]


def questions_of_block(wildcards):
    """The question record of every video of one block."""
    return [f"data/questions/{video_id}.json" for video_id in videos_of_block(wildcards)]


def transcripts_of_dataset(wildcards):
    """The transcript of every video of the data set."""
    return [f"data/transcripts/{video_id}.json" for video_id in with_answers(listed_ids())]


def curation_file(wildcards):
    """What a person decided about pairs, once there is such a file."""
    return [CURATION] if Path(CURATION).exists() else []


def what_shapes_the_dataset():
    """The keys of dataset that decide what is in its files."""
    others = ("extra_pairs", "allow_missing", "export")
    return {key: value for key, value in config["dataset"].items() if key not in others}


def replay_file():
    """The file of general chat rows that are mixed into the training, or none."""
    return config["training"]["replay"]["file"] or []


def training_rows(side):
    """The rows that are trained or validated with: those of the talks, or those into which general ones are mixed."""
    return model_file(f"rows/{side}.jsonl") if replay_file() else f"data/dataset/{side}.jsonl"


def what_shapes_the_training():
    """The keys of training that decide how the adapters come out; which of them are kept is decided afterwards."""
    others = ("keep", "early_stopping_patience", "replay")
    return {key: value for key, value in config["training"].items() if key not in others}


def gguf_files():
    """The GGUF files of the configuration, in its order."""
    return [gguf_file(quant) for quant in config["export"]["quantizations"]]


def mlx_names():
    """The MLX folders of the configuration by name, such as mlx-4bit."""
    return [f"mlx-{bits}bit" for bits in config["export"]["mlx_bits"]]


def mlx_folders():
    """The file that stands for each of them."""
    return [model_file(f"{name}/config.json") for name in mlx_names()]


def verdicts_of_judge():
    """What the teacher says of the answers, if the configuration asks for it."""
    return [model_file("judge.json")] if config["evaluation"]["judge"] else []


def gguf_file(quant):
    """Path of the project's model in one quantization."""
    return f"models/{config['name']}-{quant}.gguf"


def gguf_to_run():
    """The GGUF file that Ollama and `snakemake serve` run: of the configured quantizations the one for most machines."""
    return gguf_file(quantization_to_run(config["export"]["quantizations"]))


def other_ggufs():
    """The model's other GGUF files."""
    return [path for path in gguf_files() if path != gguf_to_run()]


def optional_files_of_dataset():
    """What of the data set is made only if the configuration asks for it."""
    wanted = {
        "data/dataset/test.jsonl": config["dataset"]["test_fraction"],
        "data/dataset/export/README.md": config["dataset"]["export"],
    }
    return [path for path, is_wanted in wanted.items() if is_wanted]


def state_of_talks():
    """How many talks have been fetched, in a line; nothing before there is a list."""
    try:
        return account_in_a_line(VIDEO_LIST.records(), "data/transcripts")
    except (UnderstudyError, OSError):
        return ""


def only_tells():
    """Whether this run makes nothing, and so may go on beside another one whose stop file and clock it must leave alone."""
    targets = set(workflow.dag_settings.targets)
    return bool(targets) and targets <= {"plan", "check_questions", "responses_prune", "serve", "compare"}


def start_jobs_without_a_rate():
    """Let Snakemake look for jobs to start only when one has ended. Its limit on starts in a second wakes it every second once
    for each job that has ended so far; only a cluster's scheduler needs that limit."""
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None


def print_summary_of_teaching():
    """What this run has asked the teacher, if it has."""
    summary = spending_summary(Path("data"))
    if summary:
        print(summary)


def transcripts_of_channel(wildcards):
    """The transcript of every listed video; with `dataset.allow_missing`, those that are there."""
    paths = [f"data/transcripts/{video['video_id']}.json" for video in listed_videos()]
    return [path for path in paths if Path(path).exists()] if config["dataset"]["allow_missing"] else paths


def extra_pairs_file(wildcards):
    """The project's hand-written pairs, or none."""
    path = config["dataset"]["extra_pairs"]
    return [] if path is None else path


def share_of_general_rows():
    """Which part of the training rows are general chat rows, or None."""
    replay = config["training"]["replay"]
    return replay["share"] if replay["file"] else None


def exports_of_card():
    """What the reader of the card has beside the Hugging Face folder: what is published, or without a repository what is made."""
    if config["export"]["hub_repo"] is not None:
        return config["export"]["publish"]
    return config["export"]["quantizations"] + mlx_names()


def export_files(exports):
    """The file that stands for each export: adapters, fused, a quantization, or an MLX folder."""
    return [file_of_export(export) for export in exports]


def file_of_export(export):
    """The file that stands for one of them."""
    if export == "adapters":
        return model_file(f"adapters/{ADAPTERS}")
    return model_file(f"{export}/config.json") if export in PARTS else gguf_file(export)


def files_to_publish():
    """The card, and the file that stands for each part of the model that goes up."""
    files = [model_file(file) for file in ("README.md", "loss.svg", "export.svg", "hf/config.json")]
    return files + export_files(config["export"]["publish"])


def files_to_publish_there(wildcards):
    """The same, once it is said where to."""
    if config["export"]["hub_repo"] is None:
        raise WorkflowError(
            "export.hub_repo is not set: name the repository of the Hugging Face hub, such as `hub_repo: owner/name`, in "
            "config.yaml. `snakemake publish_plan` lists what would go there."
        )
    return files_to_publish()


def named_files_that_are_missing(config):
    """What the configuration names and the project does not have, one line each."""
    named = {
        "dataset.extra_pairs": config["dataset"]["extra_pairs"],
        "source.cookies": config["source"]["cookies"],
        "training.replay.file": config["training"]["replay"]["file"],
        "evaluation.file": config["evaluation"]["file"],
        "export.converter": config["export"]["converter"],
    }
    for key, value in (("teacher.gguf", config["teacher"]["gguf"]), ("base_model", config["base_model"])):
        named[key] = value if value and value.endswith(".gguf") and not value.startswith("package:") else None
    return [
        f"{key} is {path!r}: there is no such file in {Path.cwd()}."
        for key, path in named.items()
        if path is not None and not Path(path).is_file() and not path.startswith("data/dataset/")
    ]


def models_that_are_none(config):
    """What evaluation.models names and nobody can be asked by, one line each; the project's own models are made when wanted."""
    mistakes = []
    for name, path in config["evaluation"]["models"].items():
        if is_made_here(path):
            continue
        try:
            if not Path(path).exists():
                raise UnderstudyError(f"there is no such file or folder in {Path.cwd()}.")
            if isinstance(model_to_ask(Path(path)), Path) and not path.endswith(".gguf"):
                raise UnderstudyError("it takes a .gguf file, a model folder, a folder of adapters, or a checkpoint.")
        except UnderstudyError as error:
            mistakes.append(f"evaluation.models.{name} is {path!r}: {error}")
    return mistakes


def is_made_here(path):
    """Whether a path is one of the project's own model: in its folder, or a GGUF file of it."""
    gguf = Path(path).name.removeprefix(f"{config['name']}-").removesuffix(".gguf")
    return path.startswith(model_file("")) or (
        path == f"models/{config['name']}-{gguf}.gguf" and bool(QUANTIZATION_NAME.fullmatch(gguf))
    )


def held_out_rows_file():
    """The rows that the models are asked about."""
    return config["evaluation"]["file"] or "data/dataset/valid.jsonl"


def evaluated_models():
    """The names of the models that are evaluated, in the order in which they are shown."""
    quantization = config["evaluation"]["quantization"] or config["export"]["quantizations"][-1]
    return ["base", "tuned", quantization, *config["evaluation"]["models"]]


def path_of_evaluated_model(wildcards):
    """Where the model with this name is: base, tuned, a quantization, or one of evaluation.models."""
    which = wildcards.which
    named = {"base": BASE, "tuned": model_file("fused"), **config["evaluation"]["models"]}
    if which not in named and not QUANTIZATION_NAME.fullmatch(which):
        raise WorkflowError(
            f"models/{config['name']}/evaluation/{which}.json: there is no such model. There are {', '.join(named)}, and the "
            f"quantizations; evaluation.models in config.yaml names others."
        )
    return named.get(which, f"models/{config['name']}-{which}.gguf")


def files_of_evaluated_model(wildcards):
    """What has to be there before the model can be asked."""
    path = Path(path_of_evaluated_model(wildcards))
    if path.suffix == ".gguf":
        return [str(path)]
    if path.parent == Path(model_file("adapters")) or path == Path(model_file("adapters")):
        # Of the checkpoints only this one is declared; the others come with it.
        return [model_file(f"adapters/{ADAPTERS}"), model_file(f"adapters/{ADAPTER_CONFIG}"), f"{BASE}/config.json"]
    if str(path) in (BASE, *(model_file(folder) for folder in ("fused", "hf", *MLX_FOLDERS))):
        return [f"{path}/config.json"]
    try:
        chosen = model_to_ask(path)
    except UnderstudyError as error:
        raise WorkflowError(f"evaluation.models.{wildcards.which}: {error}")
    return local_model_files(os.path.relpath(chosen.folder)) + ([str(chosen.adapters)] if chosen.adapters else [])


def tokenizer_of_evaluated_model(wildcards):
    """The folder whose tokenizer reads for a GGUF file that was made here; one from elsewhere brings its own."""
    return BASE if is_made_here(path_of_evaluated_model(wildcards)) else None


def how_models_answer():
    """The keys of evaluation that shape what a model answers, and to what."""
    keys = ("max_examples", "seed", "max_tokens", "repeat_penalty", "temperature", "top_p")
    return {key: config["evaluation"][key] for key in keys}


def general_files():
    """The general questions and texts that every model is asked and measured on."""
    return sorted(os.path.relpath(path) for path in GENERAL_FOLDER.iterdir() if path.suffix in (".jsonl", ".txt"))


def carry_over_general_files():
    """Tell Snakemake of evaluations that are there already where the general questions lie now."""
    moved = {os.path.relpath(GENERAL_FOLDER_BEFORE / Path(path).name): path for path in general_files()}
    for path in Path(model_file("evaluation")).glob("*.json"):
        carry_over_inputs(str(path), moved)


def local_model_files(name):
    """The model file, or the files of the model folder, that `name` means here; none for a hub id or one in a package."""
    if name is None or name.startswith("package:"):
        return []
    if Path(name).is_dir():
        return sorted(str(path) for path in Path(name).glob("*") if path.suffix in (".json", ".safetensors"))
    return [name] if name.endswith(".gguf") else []


def teacher_identity():
    """What of the teacher shapes its replies; its address, price and pace don't."""
    sampling = ("temperature", "reasoning_effort", "seed")
    return {key: config["teacher"][key] for key in ("model", "gguf", "revision", *sampling)}


def calls_of_all_jobs():
    """The profile's `llm`: how many requests may be in flight at a time."""
    caps = workflow.global_resources
    return caps["llm"].value if "llm" in caps else config["teacher"]["concurrency"]


def calls_of_answers(wildcards):
    """A job's share of the profile's `llm`: as little as lets all jobs together use all of it, because a share idles while its
    job starts and ends; the embedded teacher takes all, so that one model is in memory."""
    total = calls_of_all_jobs()
    if config["teacher"]["gguf"] is not None:
        return total
    # Snakemake runs five more jobs at a time than it has cores, those with `threads: 0` included.
    jobs = min(len(listed_videos()) or 1, (workflow.cores or 1) + 5)
    return max(1, min(math.ceil(total / jobs), config["teacher"]["concurrency"], total))


def calls_of_questions(wildcards):
    """Pass 1 sends one request a job; the embedded teacher takes all, as for the answers."""
    return 1 if config["teacher"]["gguf"] is None else calls_of_all_jobs()


def teacher_threads(wildcards):
    """No core for waiting on a server, all of them for the embedded llama.cpp."""
    return 0 if config["teacher"]["gguf"] is None else workflow.cores


config.update(checked_configuration())

SLOTS = [f"q{number:02d}" for number in range(1, config["questions"]["per_video"] + 1)]
BASE = f"models/base/{base_folder_name()}"
CURATION = "data/curation.csv"
GENERAL_FOLDER = Path(workflow.basedir) / "workflow_scripts/understudy/evaluate/general"
GENERAL_FOLDER_BEFORE = Path(workflow.basedir) / "workflow_scripts/lib/general"
QUESTIONS_PROMPT, ANSWERS_PROMPT = prompt_file("questions.md"), prompt_file("answers.md")
JUDGE_PROMPT = prompt_file("judge.md")
WORKFLOW_VERSION = tomllib.loads((Path(workflow.basedir) / "pyproject.toml").read_text())["project"]["version"]

if workflow.is_main_process:
    carry_over_general_files()


wildcard_constraints:
    video_id="[A-Za-z0-9_-]{11}",
    quant="[A-Z0-9_]+",
    bits="[4568]",
    which="[A-Za-z0-9][A-Za-z0-9._-]*",
    block=r"[1-9]\d*-of-[1-9]\d*",
