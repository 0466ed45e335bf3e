"""Rule gguf of rules/export.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.export.gguf import write_gguf
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    converter = snakemake.config["export"]["converter"]
    write_gguf(
        folder=Path(snakemake.input.config).parent,
        quant=snakemake.wildcards.quant,
        path=Path(snakemake.output[0]),
        name=snakemake.config["name"],
        threads=snakemake.threads,
        converter=converter and Path(converter),
        held_out=Path(snakemake.input.held_out),
        keep_bad=snakemake.config["export"]["bad_answers"] == "warn",
    )
