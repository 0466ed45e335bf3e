"""Rule ladder_picture of rules/export.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.export.ladder_picture import draw_export_ladder
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    draw_export_ladder(snakemake.input[0], snakemake.output[0])
