"""Rule fused of rules/train.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.models.blas import run_with_optimised_blas

if __name__ == "__main__":
    run_with_optimised_blas()

from understudy.shared.log import start_job_log
from understudy.train.fused import fuse_adapters

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    fuse_adapters(snakemake.input.adapters, str(Path(snakemake.input.base).parent), snakemake.output[0])
