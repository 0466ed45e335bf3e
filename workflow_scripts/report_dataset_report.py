"""Rule dataset_report of rules/report.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.report.dataset_report import write_dataset_report
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    write_dataset_report(snakemake.input.report, snakemake.input.pairs, snakemake.params.name, snakemake.output[0])
