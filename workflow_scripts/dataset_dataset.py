"""Rule dataset of rules/dataset.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.dataset.dataset import build_dataset
from understudy.shared.blocks import files_of_blocks
from understudy.shared.files import read_json
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    paths = dict(snakemake.output.items())
    build_dataset(
        sources={
            **files_of_blocks(snakemake.input.blocks, read_json(snakemake.input.videos)),
            **{key: snakemake.input.get(key) or None for key in ("videos", "extra_pairs", "base")},
            "curation": next(iter(snakemake.input.curation), None),
            "remembered": read_json(paths["split"]) if Path(paths["split"]).exists() else None,
        },
        prompts=list(snakemake.input.prompts),
        settings=snakemake.params.settings,
        voice=snakemake.params.voice,
        training=snakemake.params.training,
        paths=paths,
    )
