"""Rule index of rules/retrieve.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.retrieve.index import build_index
from understudy.shared.log import start_job_log
from understudy.text.transcripts import Reading

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    build_index(
        snakemake.input.blocks,
        snakemake.input.videos,
        snakemake.output[0],
        # Its address, its key and what stands in front of a question are no parameters.
        snakemake.config["retrieval"]["embedder"],
        snakemake.threads,
        Reading.of_project(snakemake.config["source"]["speaker"]),
    )
