"""Rule preflight of rules/train.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.models.blas import run_with_optimised_blas

if __name__ == "__main__":
    run_with_optimised_blas()

from understudy.shared.log import start_job_log
from understudy.train.preflight.preflight import check_training

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    check_training(
        snakemake.input.lora_config,
        snakemake.input.train,
        snakemake.input.valid,
        str(Path(snakemake.input.base).parent),
        snakemake.params.keep,
        snakemake.params.exports,
        snakemake.params.patience,
        converter=snakemake.config["export"]["converter"],
    )
