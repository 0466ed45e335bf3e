"""Rule loss_curve of rules/train.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.shared.log import start_job_log
from understudy.train.loss_curve import draw_loss_curve

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    draw_loss_curve(snakemake.input[0], snakemake.output[0])
