"""Rule gate of rules/retrieve.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.retrieve.gate import build_gate
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    build_gate(
        snakemake.input.pairs,
        snakemake.input.others,
        snakemake.input.index,
        snakemake.output[0],
        # Its address and its key are no parameters.
        snakemake.config["retrieval"]["embedder"],
        snakemake.threads,
    )
