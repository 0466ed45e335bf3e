"""Rule hf of rules/export.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.export.hf import origin_of, write_hugging_face_folder
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    write_hugging_face_folder(
        snakemake.input.config,
        snakemake.output[0],
        snakemake.input.base,
        origin_of(snakemake.input.base, snakemake.input.adapters, snakemake.input.rows, snakemake.params.version),
    )
