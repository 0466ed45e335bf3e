"""Rule lora_config of rules/train.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.shared.log import start_job_log
from understudy.train.lora_config import write_lora_config

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    write_lora_config(snakemake.params.training, snakemake.input.train, snakemake.input.base, snakemake.output[0])
