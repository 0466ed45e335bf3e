"""Rule channel_report of rules/report.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.report.channel_report import write_channel_report
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    write_channel_report(
        snakemake.input.videos,
        snakemake.input.passed_over,
        snakemake.output.record,
        snakemake.output.table,
        snakemake.output.picture,
        speaker=snakemake.params.get("speaker"),
    )
