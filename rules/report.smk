# What people read, made from all that the other stages have made, and what goes to the hub.
# Requires: data/, models/{name}/.
# Makes: data/channel.json with a table and a picture, data/dataset/report.html, data/review/, models/{name}/report.html and README.md.
# publish_plan tells what publish would send to the hub; neither makes a file.


include: "functions/report.smk"


localrules:
    channel_report,
    dataset_report,
    review,
    review_page,
    card,
    publish_plan,
    publish,
    report,


rule channel_report:
    """Tell what the channel gave: captions or why none, hours, words, languages, as a table and a picture."""
    input:
        videos="data/videos.json",
        passed_over="data/passed_over.json",
        transcripts=transcripts_of_channel,
    output:
        record="data/channel.json",
        table="data/channel.txt",
        picture="data/channel.png",
    params:
        **speaker_where_set(),
    log:
        "logs/channel_report.log",
    benchmark:
        "logs/benchmarks/channel_report.tsv"
    conda:
        "../envs/source.yaml"
    script:
        "../workflow_scripts/report_channel_report.py"


rule dataset_report:
    """Show what became of the pairs, how long they are, and the split, on one page."""
    input:
        report="data/dataset/report.json",
        pairs="data/dataset/pairs.jsonl",
    output:
        report(
            "data/dataset/report.html",
            caption="../report/dataset.rst",
            category="Data set",
            labels={"page": "from pairs to rows"},
        ),
    params:
        name=config["name"],
    log:
        "logs/dataset_report.log",
    benchmark:
        "logs/benchmarks/dataset_report.tsv"
    conda:
        "../envs/dataset.yaml"
    script:
        "../workflow_scripts/report_dataset_report.py"


rule review:
    """Write every pair on one readable page, with the doctor's remarks."""
    input:
        pairs="data/dataset/pairs.jsonl",
        rejected="data/dataset/rejected.jsonl",
    output:
        "data/review/answers.md",
    log:
        "logs/review.log",
    benchmark:
        "logs/benchmarks/review.tsv"
    conda:
        "../envs/dataset.yaml"
    script:
        "../workflow_scripts/report_review.py"


rule review_page:
    """Write the page on which a person keeps, rejects and edits pairs, each beside what is said at its place in the talk."""
    input:
        pairs="data/dataset/pairs.jsonl",
        rejected="data/dataset/rejected.jsonl",
        transcripts=transcripts_of_dataset,
        curation=curation_file,
        flags=flags_file,
    output:
        "data/review/index.html",
    params:
        name=config["name"],
    log:
        "logs/review_page.log",
    benchmark:
        "logs/benchmarks/review_page.tsv"
    conda:
        "../envs/dataset.yaml"
    script:
        "../workflow_scripts/report_review_page.py"


rule card:
    """Write the model's card: what it was trained on, how, what not to expect of it, and whose voice it is."""
    input:
        videos="data/videos.json",
        transcripts=transcripts_of_dataset,
        report="data/dataset/report.json",
        pairs="data/dataset/pairs.jsonl",
        train=training_rows("train"),
        lora_config=model_file("lora.yaml"),
        metrics=model_file("metrics.csv"),
        picture=model_file("loss.svg"),
        adapters=model_file("adapters/adapters.safetensors"),
        base=f"{BASE}/config.json",
        hf=model_file("hf/config.json"),
        exports=export_files(exports_of_card()),
        proof=model_file("export.json"),
        proof_picture=model_file("export.svg"),
        evaluation=model_file("evaluation.json"),
    output:
        model_file("README.md"),
    params:
        **notice_of_answers(),
        **transcripts_that_are_published(),
        **whose_talks(),
        voice=config["answers"]["voice"],
        general_share=share_of_general_rows(),
        repository=config["export"]["hub_repo"],
        exports=exports_of_card(),
    log:
        f"logs/{config['name']}/card.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/card.tsv"
    conda:
        "../envs/export.yaml"
    script:
        "../workflow_scripts/report_card.py"


rule report:
    """Write the page that says whether it worked: the verdict, the answers beside one another, and all that the model was made of."""
    input:
        evaluation=model_file("evaluation.json"),
        judge=verdicts_of_judge(),
        export=model_file("export.json"),
        export_picture=model_file("export.svg"),
        loss_picture=model_file("loss.svg"),
        metrics=model_file("metrics.csv"),
        lora_config=model_file("lora.yaml"),
        adapters=model_file("adapters/adapters.safetensors"),
        base=f"{BASE}/config.json",
        report="data/dataset/report.json",
        pairs="data/dataset/pairs.jsonl",
        train=training_rows("train"),
        valid=training_rows("valid"),
    output:
        report(
            model_file("report.html"),
            caption="../report/report_page.rst",
            category="Did it work?",
            labels={"page": "the report"},
        ),
    params:
        name=config["name"],
        voice=config["answers"]["voice"],
    log:
        f"logs/{config['name']}/report.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/report.tsv"
    conda:
        "../envs/evaluate.yaml"
    script:
        "../workflow_scripts/report_report.py"


rule publish_plan:
    """Tell what `snakemake publish` would send to the hub, file by file, and how large it is; nothing is sent."""
    input:
        files=files_to_publish(),
        base=f"{BASE}/config.json",
    params:
        sends=False,
    log:
        f"logs/{config['name']}/publish_plan.log",
    conda:
        "../envs/export.yaml"
    script:
        "../workflow_scripts/report_publish_plan.py"


rule publish:
    """Send the model with its card to export.hub_repo; what is there already isn't sent again."""
    input:
        files=files_to_publish_there,
        base=f"{BASE}/config.json",
    params:
        sends=True,
    log:
        f"logs/{config['name']}/publish.log",
    conda:
        "../envs/export.yaml"
    script:
        "../workflow_scripts/report_publish.py"
