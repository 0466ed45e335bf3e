# Inputs of rules/report.smk.
from understudy.export.published_files import PARTS
from understudy.models.paths import ADAPTERS

FLAGS = "data/flags.csv"


def transcripts_of_channel(wildcards):
    """The transcript of every listed video; with `dataset.allow_missing`, those that are there."""
    need_talks("data/channel.json")
    paths = [f"data/transcripts/{video['video_id']}.json" for video in listed_videos()]
    return [path for path in paths if Path(path).exists()] if config["dataset"]["allow_missing"] else paths


def transcripts_of_dataset(wildcards):
    """The transcript of every video of the data set."""
    return [f"data/transcripts/{video_id}.json" for video_id in with_answers(listed_ids())]


def flags_file(wildcards):
    """The answers that somebody found wrong on the chat page, once there is such a file. No rule writes it."""
    return [FLAGS] if Path(FLAGS).exists() else []


def verdicts_of_judge():
    """What the teacher says of the answers, if the configuration asks for it."""
    return [model_file("judge.json")] if config["evaluation"]["judge"] else []


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
    """The card, and the file that stands for each part of the model that goes up, and for the talks' text where it does."""
    files = [model_file(file) for file in ("README.md", "loss.svg", "export.svg", "hf/config.json")]
    index = ["data/index/index.json"] if config["export"]["publish_transcripts"] else []
    return files + export_files(config["export"]["publish"]) + index


def files_to_publish_there(wildcards):
    """The same, once it is said where to."""
    if config["export"]["hub_repo"] is None:
        raise WorkflowError(
            "export.hub_repo is not set: name the repository of the Hugging Face hub, such as `hub_repo: owner/name`, in "
            "config.yaml. `understudy run publish_plan` lists what would go there."
        )
    return files_to_publish()


def notice_of_answers():
    """The sentence under every answer as a param, where there is one: a card without it stays as it is."""
    notice = config["answering"]["notice"]
    return {} if notice is None else {"notice": notice}


def whose_talks():
    """Whose talks these are and by what right as params, where the configuration says so: a card without it stays as it is."""
    said = {key: config["source"][key] for key in ("whose", "rights")}
    return {key: value for key, value in said.items() if value is not None}


def transcripts_that_are_published():
    """That the talks' text goes up as a param, where it does: a card without it stays as it is."""
    goes_up = config["export"]["publish_transcripts"] and config["export"]["hub_repo"] is not None
    return {"with_transcripts": True} if goes_up else {}
