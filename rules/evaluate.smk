# From models to what they say on talks that they have never seen.
# Requires: data/dataset/, the models that evaluation.models names, and those that the earlier stages make.
# Makes: models/{name}/evaluation/.


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
        "../workflow_scripts/answer_held_out.py"
