"""Rule transcript of rules/source.smk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from understudy.shared.log import start_job_log
from understudy.shared.run import check_not_stopped
from understudy.source.transcript import fetch_transcript
from understudy.source.video_list import VideoList
from understudy.source.youtube.access import YouTubeAccess, pause

if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    video = VideoList(snakemake.input.videos).record(snakemake.wildcards.video_id)
    access = YouTubeAccess.configured(snakemake.config["source"])
    if not video["source_file"]:
        check_not_stopped()
        pause(access)
    params = snakemake.params
    fetch_transcript(video, params.languages, access, snakemake.output.transcript, params.get("min_words"))
