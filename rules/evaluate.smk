# From models to what they say on talks that they have never seen.
# Requires: data/dataset/, the models that evaluation.models names, and those that the earlier stages make.
# Makes: models/{name}/evaluation/, evaluation.json, judge.json and report.html. compare tells, and makes nothing.


localrules:
    report,
    compare,


rule held_out_answers:
    """Ask one model the held-out questions and the general ones, and measure what reference answers cost it; a job that was stopped goes on."""
    input:
        model=files_of_evaluated_model,
        rows=held_out_rows_file(),
        train="data/dataset/train.jsonl",
        pairs="data/dataset/pairs.jsonl",
        base=f"{BASE}/config.json",
        general=general_files(),
    output:
        model_file("evaluation/{which}.json"),
    params:
        model=path_of_evaluated_model,
        tokenizer=tokenizer_of_evaluated_model,
        settings=how_models_answer(),
    log:
        f"logs/{config['name']}/held_out_answers-{{which}}.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/held_out_answers-{{which}}.tsv"
    threads: workflow.cores
    conda:
        "../envs/evaluate.yaml"
    script:
        "../workflow_scripts/evaluate_held_out_answers.py"


rule evaluation:
    """Measure what every model answered, and say whether the tuned one is better than its base, and on what."""
    input:
        answers=[model_file(f"evaluation/{which}.json") for which in evaluated_models()],
        train="data/dataset/train.jsonl",
        pairs="data/dataset/pairs.jsonl",
        base=f"{BASE}/config.json",
    output:
        model_file("evaluation.json"),
    log:
        f"logs/{config['name']}/evaluation.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/evaluation.tsv"
    conda:
        "../envs/evaluate.yaml"
    script:
        "../workflow_scripts/evaluate_evaluation.py"


rule judge:
    """Let the teacher say which answer is better, the tuned model's or the base's; only where evaluation.judge asks for it."""
    input:
        evaluation=model_file("evaluation.json"),
        prompt=JUDGE_PROMPT,
        gguf=local_model_files(config["teacher"]["gguf"]),
    output:
        model_file("judge.json"),
    params:
        teacher=teacher_identity(),
        voice=config["answers"]["voice"],
    log:
        f"logs/{config['name']}/judge.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/judge.tsv"
    threads: teacher_threads
    resources:
        llm=calls_of_all_jobs(),
    conda:
        "../envs/evaluate.yaml"
    script:
        "../workflow_scripts/evaluate_judge.py"


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


rule compare:
    """Tell how several runs or projects did beside one another, from their evaluation files; nothing is made."""
    params:
        compared=config["evaluation"]["compare"],
    log:
        "logs/compare.log",
    conda:
        "../envs/evaluate.yaml"
    script:
        "../workflow_scripts/report_compare.py"
