"""Rule base_model of rules/base.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.models.blas import run_with_optimised_blas

if __name__ == "__main__":
    run_with_optimised_blas()

from understudy.base.base_model import import_base_model
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    import_base_model(
        snakemake.params.source,
        snakemake.params.revision,
        Path(snakemake.output.config).parent,
        compares_readers=True,
    )
