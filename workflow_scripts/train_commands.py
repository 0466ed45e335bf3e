"""Rule commands of rules/train.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.shared.log import start_job_log
from understudy.train.commands import write_training_commands

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    write_training_commands(snakemake.input.lora_config, snakemake.input.base, snakemake.output[0])
