"""Rule ladder of rules/export.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.models.blas import run_with_optimised_blas

if __name__ == "__main__":
    run_with_optimised_blas()

from understudy.export.ladder import measure_export
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    measure_export(
        valid_rows=snakemake.input.valid,
        lora_config=snakemake.input.lora_config,
        base_folder=str(Path(snakemake.input.base).parent),
        adapters=snakemake.input.adapters,
        fused_folder=str(Path(snakemake.input.fused).parent),
        hf_folder=str(Path(snakemake.input.hf).parent),
        mlx_folders={Path(config).parent.name: str(Path(config).parent) for config in snakemake.input.mlx},
        ggufs=dict(zip(snakemake.config["export"]["quantizations"], snakemake.input.ggufs, strict=True)),
        output=snakemake.output[0],
        threads=snakemake.threads,
    )
