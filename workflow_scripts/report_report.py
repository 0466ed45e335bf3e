"""Rule report of rules/report.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.report.page.report import FILES, write_report
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    folders = {"base": str(Path(snakemake.input.base).parent), "benchmarks": "logs/benchmarks"}
    write_report(
        paths={name: snakemake.input[name] for name in FILES} | folders | {"spending": "data/spending"},
        judge=next(iter(snakemake.input.judge), None),
        name=snakemake.params.name,
        voice=snakemake.params.voice,
        config=snakemake.config,
        output=snakemake.output[0],
    )
