# Inputs and settings of rules/retrieve.smk.
from understudy.passages.vectors import what_shapes_vectors
from understudy.shared.blocks import block_names, ids_of_block


def blocks_of_index(wildcards):
    """The blocks of all listed videos."""
    need_talks("data/index/index.json")
    return [f"data/index/blocks/{block}.json" for block in block_names(listed_ids())]


def index_and_gate():
    """What makes the talks searchable, where there are talks."""
    return ["data/index/index.json", "data/gate.json"] if has_talks() else []


def transcripts_of_index_block(wildcards):
    """The transcript of every video of one block."""
    return [f"data/transcripts/{video_id}.json" for video_id in ids_of_block(wildcards.block, listed_ids())]


def questions_of_other_fields():
    """Questions that no talk is expected to answer: the general ones that models are asked, too."""
    folder = Path(workflow.basedir) / "workflow_scripts/understudy/evaluate/general"
    return os.path.relpath(folder / "questions.jsonl")
