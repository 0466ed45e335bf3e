"""Rule replay_rows of rules/train.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.shared.log import start_job_log
from understudy.train.replay_rows import mix_replay_rows

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    mix_replay_rows(
        snakemake.input.train,
        snakemake.input.valid,
        snakemake.input.replay,
        snakemake.params.share,
        snakemake.params.seed,
        dict(snakemake.output.items()),
    )
