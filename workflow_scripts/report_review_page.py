"""Rule review_page of rules/report.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.report.review.review_page import write_review_page
from understudy.shared.log import start_job_log

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    write_review_page(
        snakemake.input.pairs,
        snakemake.input.rejected,
        snakemake.input.transcripts,
        next(iter(snakemake.input.curation), None),
        snakemake.params.name,
        snakemake.output[0],
        next(iter(snakemake.input.flags), None),
    )
