"""Rule modelfile of rules/export.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.export.modelfile import write_modelfile
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    write_modelfile(
        gguf=Path(snakemake.input.gguf),
        others=[Path(path) for path in snakemake.params.others],
        folder=Path(snakemake.input.config).parent,
        output=Path(snakemake.output[0]),
    )
