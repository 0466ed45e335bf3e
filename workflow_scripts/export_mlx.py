"""Rule mlx of rules/export.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.export.mlx import write_mlx_folder
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    write_mlx_folder(snakemake.input[0], int(snakemake.wildcards.bits), snakemake.output[0])
