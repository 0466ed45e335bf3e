# Inputs and settings of rules/source.smk.
from understudy.source.account import account_in_a_line
from understudy.source.captions.files import caption_files
from understudy.source.youtube.address import names_a_file
from understudy.text.corrections import CORRECTIONS


def files_of_source(wildcards=None):
    """The project's caption files or its text file of videos, or none when the talks come from an address."""
    source = config["source"]
    files = [source["channel"]] if source["channel"] is not None and names_a_file(source["channel"]) else []
    return files + [str(path) for path in caption_files(source["captions_dir"])] if source["captions_dir"] else files


def what_shapes_the_list():
    """The keys of source that decide which videos are listed; how they are reached doesn't. Pairs alone have none."""
    if not has_talks():
        return {"pairs": config["source"]["pairs"]}
    keys = ("channel", "captions_dir", "tabs", "languages", "max_videos", "published_after", "forget_removed")
    return {key: config["source"][key] for key in (*keys, "title_include", "title_exclude")}


def fewest_words():
    """source.min_words where it is set: without it the parameters of older projects stay as they are."""
    fewest = config["source"]["min_words"]
    return {"min_words": fewest} if fewest else {}


def caption_file_of_video(wildcards):
    """The local caption file of one video, or nothing when it comes from YouTube."""
    checkpoints.videos.get()
    with errors_as_messages():
        source_file = VIDEO_LIST.record(wildcards.video_id)["source_file"]
    return [source_file] if source_file else []


def corrections_file(wildcards):
    """What captions mishear and what is meant, once there is such a file."""
    return [str(CORRECTIONS)] if CORRECTIONS.exists() else []


def asks_youtube(wildcards):
    """A job's share of the profile's `youtube`: none where the captions are a file."""
    return int(not caption_file_of_video(wildcards))


def state_of_talks():
    """How many talks have been fetched, in a line; nothing before there is a list, or where there are no talks."""
    if not has_talks():
        return ""
    try:
        return account_in_a_line(VIDEO_LIST.records(), "data/transcripts")
    except (UnderstudyError, OSError):
        return ""
