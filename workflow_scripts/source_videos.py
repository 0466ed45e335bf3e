"""Rule videos of rules/source.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.shared.log import start_job_log
from understudy.source.videos import list_videos
from understudy.source.youtube.access import YouTubeAccess

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    list_videos(
        source=snakemake.params.source,
        access=YouTubeAccess.configured(snakemake.config["source"]),
        path=snakemake.output.videos,
        passed_over_path=snakemake.output.passed_over,
    )
