"""Rule index_block of rules/retrieve.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.retrieve.index_block import write_block
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    write_block(snakemake.input.transcripts, snakemake.output[0])
