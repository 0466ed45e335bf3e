"""Rule test_rows of rules/dataset.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.dataset.test_rows import write_test_rows
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    write_test_rows(snakemake.input[0], snakemake.output[0])
