"""How Snakemake itself goes about a run, with the profile that every run has."""

import re

TALKS = 16


def test_it_looks_for_jobs_to_start_only_when_one_has_ended(new_project):
    """With its limit on starts, it wakes every second once for each job that has ended."""
    for number in range(TALKS - 2):
        new_project.add_talk(f"plant {number}")
    printed = new_project.snakemake("--verbose", "--", "data/channel.json")
    ended = len(re.findall(r"^Finished jobid", printed, re.MULTILINE))
    looked = len(re.findall(r"^Ready (?:subsampled )?jobs", printed, re.MULTILINE))
    assert ended == TALKS + 2
    assert looked <= ended + 1
