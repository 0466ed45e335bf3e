"""Rule dataset_export of rules/dataset.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.dataset.dataset_export import export_dataset
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    export_dataset(snakemake.input.pairs, snakemake.input.report, snakemake.params.name, snakemake.output[0])
