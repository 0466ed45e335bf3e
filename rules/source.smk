# From an address or a folder to transcripts.
# Requires: source.channel (YouTube) or source.captions_dir (caption files). With source.pairs alone the list is empty.
# Makes: data/videos.json, data/transcripts/{video_id}.json


include: "functions/source.smk"


localrules:
    videos,
    transcript,


checkpoint videos:
    """List the videos: a channel's, or the folder's caption files. The only checkpoint."""
    input:
        files_of_source,
    output:
        videos="data/videos.json",
        passed_over="data/passed_over.json",
    params:
        source=what_shapes_the_list(),
    log:
        "logs/videos.log",
    benchmark:
        "logs/benchmarks/videos.tsv"
    resources:
        youtube=1,
    conda:
        "../envs/source.yaml"
    retries: 0  # the script repeats what may help, after pauses; a profile's retries would ask again at once
    script:
        "../workflow_scripts/source_videos.py"


rule transcript:
    """Fetch one video's captions, or read them from its file, and clean them."""
    input:
        # ancient(): a new or retitled video in the list reruns nothing old.
        videos=ancient("data/videos.json"),
        captions=caption_file_of_video,
    output:
        transcript="data/transcripts/{video_id}.json",
    params:
        **fewest_words(),
        languages=config["source"]["languages"],
    log:
        "logs/transcripts/{video_id}.log",
    benchmark:
        "logs/benchmarks/transcripts/{video_id}.tsv"
    resources:
        youtube=asks_youtube,
    conda:
        "../envs/source.yaml"
    retries: 0
    script:
        "../workflow_scripts/source_transcript.py"
