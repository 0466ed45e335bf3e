"""Rule dataset_block of rules/dataset.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.dataset.dataset_block import write_block
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    kinds = ("answers", "questions", "transcripts", "reworded", "grounded", "reader")
    write_block({kind: list(snakemake.input[kind]) for kind in kinds}, snakemake.output[0])
