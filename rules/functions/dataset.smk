# Inputs and settings of rules/dataset.smk.
from understudy.shared.blocks import block_names, ids_of_block

CURATION, HAND_WRITTEN = "data/curation.csv", "data/hand_written.jsonl"


def has_answers(video_id):
    """Whether every slot of a video is there; all that `dataset.allow_missing` builds from."""
    return all(Path(path).exists() for path in answer_files(video_id))


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


def reworded_of_block(wildcards):
    """The reworded questions of every video of one block, where questions are reworded."""
    return made_beside_answers("reworded", wildcards) if naive_fraction(config) else []


def grounded_of_block(wildcards):
    """The rewritten answers of every video of one block, where answers are rewritten."""
    return made_beside_answers("grounded", wildcards) if config["grounding"]["rewrite"] else []


def readings_of_block(wildcards):
    """What the second reader says of every video of one block, where there is one."""
    return made_beside_answers("reader", wildcards) if config["dataset"]["second_reader"] else []


def made_beside_answers(folder, wildcards):
    """One file a video of one block; with `dataset.allow_missing`, those that are there."""
    paths = [f"data/{folder}/{video_id}.json" for video_id in videos_of_block(wildcards)]
    return [path for path in paths if Path(path).exists()] if config["dataset"]["allow_missing"] else paths


def prompts_of_dataset():
    """The prompts by which its pairs were written."""
    more = {REWORDED_PROMPT: naive_fraction(config), GROUNDED_PROMPT: config["grounding"]["rewrite"]}
    return [QUESTIONS_PROMPT, ANSWERS_PROMPT, *(prompt for prompt, is_used in more.items() if is_used)]


def curation_file(wildcards):
    """What a person decided about pairs, once there is such a file."""
    return [CURATION] if Path(CURATION).exists() else []


def extra_pairs_file(wildcards):
    """The pairs of a project without talks, its hand-written ones, else those written on the review page, or none."""
    path = config["source"]["pairs"] or config["dataset"]["extra_pairs"] or HAND_WRITTEN
    return [] if path == HAND_WRITTEN and not Path(path).exists() else path


# Verdicts that came later: at their default they are no reason to build a finished data set anew.
LATER_VERDICTS = {
    "other_speaker": "reject",
    "points_at_source": "reject",
    "repeats_question": "reject",
    "second_reader": "warn",
}


def what_shapes_the_dataset():
    """The keys of dataset that decide what is in its files; those of grounding only where it is on, and what came later than the
    first projects only where it is set."""
    later = [] if config["dataset"]["second_reader"] else ["second_reader"]
    others = ("extra_pairs", "allow_missing", "export", *later)
    shaping = {key: value for key, value in config["dataset"].items() if key not in others}
    shaping["verdicts"] = {key: value for key, value in shaping["verdicts"].items() if LATER_VERDICTS.get(key) != value}
    grounding = {key: value for key, value in config["grounding"].items() if key != "rows"}
    return shaping | ({"grounding": grounding} if config["grounding"]["rows"] else {}) | speaker_where_set()


def optional_files_of_dataset():
    """What of the data set is made only if the configuration asks for it."""
    wanted = {
        "data/dataset/test.jsonl": config["dataset"]["test_fraction"],
        "data/dataset/export/README.md": config["dataset"]["export"],
    }
    return [path for path, is_wanted in wanted.items() if is_wanted]
