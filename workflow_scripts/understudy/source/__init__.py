"""Stage source: the list of talks and their transcripts."""
