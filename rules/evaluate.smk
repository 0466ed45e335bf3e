# From models to what they say on talks that they have never seen.
# Requires: data/dataset/, the models that evaluation.models names, and those that the earlier stages make; data/index/ where
# answers are asked for with passages.
# Makes: models/{name}/evaluation/, evaluation.json and judge.json; held_out_passages.json where passages are asked with.


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


rule held_out_passages:
    """Look up the passages of each held-out question: the true one, those that are found, and those that miss its talk."""
    input:
        rows=held_out_rows_file(),
        pairs="data/dataset/pairs.jsonl",
        index="data/index/index.json",
        base=f"{BASE}/config.json",
        embedder=local_model_files(config["retrieval"]["embedder"]["gguf"]),
    output:
        model_file("held_out_passages.json"),
    params:
        settings=which_rows_are_asked(),
        search=what_shapes_a_search(),
    log:
        f"logs/{config['name']}/held_out_passages.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/held_out_passages.tsv"
    threads: 1 if config["retrieval"]["embedder"]["gguf"] is None else workflow.cores
    conda:
        "../envs/evaluate.yaml"
    script:
        "../workflow_scripts/evaluate_held_out_passages.py"


rule context_answers:
    """Ask one arm the held-out questions in one context: with passages, or with a prompt in place of the training."""
    input:
        model=files_of_evaluated_model,
        passages=model_file("held_out_passages.json"),
        train="data/dataset/train.jsonl",
        pairs="data/dataset/pairs.jsonl",
        base=f"{BASE}/config.json",
        persona=persona_of_arm,
    output:
        model_file("evaluation/{context}/{which}.json"),
    params:
        model=path_of_evaluated_model,
        tokenizer=tokenizer_of_evaluated_model,
        voice=voice_of_arm,
        settings=how_models_answer(),
    log:
        f"logs/{config['name']}/context_answers-{{context}}-{{which}}.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/context_answers-{{context}}-{{which}}.tsv"
    threads: workflow.cores
    conda:
        "../envs/evaluate.yaml"
    script:
        "../workflow_scripts/evaluate_context_answers.py"


rule evaluation:
    """Measure what every model answered, and say whether the tuned one is better than its base, and on what."""
    input:
        answers=[model_file(f"evaluation/{which}.json") for which in evaluated_models()],
        in_context=context_answers(),
        passages=held_out_passages(),
        index=where_in_context("data/index/index.json"),
        gate=where_in_context("data/gate.json"),
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
