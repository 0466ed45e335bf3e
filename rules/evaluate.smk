# From models to what they say on talks that they have never seen.
# Requires: data/dataset/, the models that evaluation.models names, and those that the earlier stages make.
# Makes: models/{name}/evaluation/, evaluation.json and judge.json.


include: "functions/evaluate.smk"


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
        teacher=teacher_identity(config["teacher"]),
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
