"""Rule adapters of rules/train.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.models.blas import run_with_optimised_blas

if __name__ == "__main__":
    run_with_optimised_blas()

from understudy.gguf.what_can_be_made import refuse_planned_exports
from understudy.shared.log import start_job_log
from understudy.train.adapters import train_adapters
from understudy.train.checkpoints import ADAPTER_CONFIG, ADAPTERS, METRICS

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    config, base = snakemake.config, Path(snakemake.input.base).parent
    refuse_planned_exports(base, config["name"], config["export"]["converter"])
    train_adapters(
        snakemake.input.lora_config,
        snakemake.input.train,
        snakemake.input.valid,
        str(base),
        {
            ADAPTERS: snakemake.output.adapters,
            ADAPTER_CONFIG: snakemake.output.adapter_config,
            METRICS: snakemake.output.metrics,
        },
        keep=snakemake.params.keep,
        patience=snakemake.params.patience,
    )
