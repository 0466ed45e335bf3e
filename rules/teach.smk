# The two passes of the teacher model, each with the whole transcript as its context; and, where the configuration asks for it,
# what it rewords and rewrites for rows with passages.
# Requires: data/transcripts/{video_id}.json, the prompts, and the teacher of the configuration.
# Makes: data/questions/{video_id}.json, data/answers/{video_id}/{slot}.json, data/reworded/{video_id}.json,
# data/grounded/{video_id}.json, data/reader/{video_id}.json. What the teacher replied stays in data/responses/, what it cost in data/spending/.


include: "functions/teach.smk"


rule questions:
    """Pass 1: write the questions that a talk answers, into numbered slots."""
    input:
        transcript=transcript_of_talk,
        prompt=QUESTIONS_PROMPT,
        gguf=local_model_files(config["teacher"]["gguf"]),
        nothing=look_at_questions,
    output:
        questions="data/questions/{video_id}.json",
    params:
        teacher=teacher_identity(config["teacher"]),
        slots=SLOTS,
        style=style_of_questions,
    log:
        "logs/questions/{video_id}.log",
    benchmark:
        "logs/benchmarks/questions/{video_id}.tsv"
    threads: teacher_threads
    resources:
        llm=calls_of_questions,
        question_jobs=1,
    conda:
        "../envs/teach.yaml"
    script:
        "../workflow_scripts/teach_questions.py"


rule answers:
    """Pass 2: answer each question of a talk in the teacher's voice, one file a slot."""
    input:
        transcript=transcript_of_talk,
        questions="data/questions/{video_id}.json",
        prompt=ANSWERS_PROMPT,
        gguf=local_model_files(config["teacher"]["gguf"]),
        nothing=look_at_answers,
    output:
        expand("data/answers/{{video_id}}/{slot}.json", slot=SLOTS),
    params:
        teacher=teacher_identity(config["teacher"]),
        style=style_of_answers,
    log:
        "logs/answers/{video_id}.log",
    benchmark:
        "logs/benchmarks/answers/{video_id}.tsv"
    priority: 10  # a talk's answers follow its questions, while the server still has the transcript in its cache
    threads: teacher_threads
    resources:
        llm=calls_of_answers,
    conda:
        "../envs/teach.yaml"
    script:
        "../workflow_scripts/teach_answers.py"


rule reworded:
    """Reword a drawn share of a talk's questions as people ask who don't know its field; only where questions.naive_fraction asks for it."""
    input:
        questions=questions_of_talk,
        prompt=REWORDED_PROMPT,
        gguf=local_model_files(config["teacher"]["gguf"]),
    output:
        reworded="data/reworded/{video_id}.json",
    params:
        teacher=teacher_identity(config["teacher"]),
        slots=SLOTS,
        style={"fraction": naive_fraction(config), "max_tokens": config["questions"]["max_tokens"]},
    log:
        "logs/reworded/{video_id}.log",
    benchmark:
        "logs/benchmarks/reworded/{video_id}.tsv"
    threads: teacher_threads
    resources:
        llm=calls_of_questions,
    conda:
        "../envs/teach.yaml"
    script:
        "../workflow_scripts/teach_reworded.py"


rule grounded:
    """Rewrite from one passage each answer of a talk that its place doesn't hold; only where grounding.rewrite asks for it."""
    input:
        transcript=transcript_of_talk,
        answers=expand("data/answers/{{video_id}}/{slot}.json", slot=SLOTS),
        prompt=GROUNDED_PROMPT,
        gguf=local_model_files(config["teacher"]["gguf"]),
    output:
        grounded="data/grounded/{video_id}.json",
    params:
        teacher=teacher_identity(config["teacher"]),
        style=style_of_grounded,
        passage_words=config["grounding"]["passage_words"],
    log:
        "logs/grounded/{video_id}.log",
    benchmark:
        "logs/benchmarks/grounded/{video_id}.tsv"
    threads: teacher_threads
    resources:
        llm=calls_of_answers,
    conda:
        "../envs/teach.yaml"
    script:
        "../workflow_scripts/teach_grounded.py"


rule reader:
    """Let the teacher model look through a talk's finished pairs, without the talk; only where dataset.second_reader asks for it."""
    input:
        answers=answers_of_talk,
        prompt=READER_PROMPT,
        gguf=local_model_files(config["teacher"]["gguf"]),
    output:
        reader="data/reader/{video_id}.json",
    params:
        teacher=teacher_identity(config["teacher"]),
    log:
        "logs/reader/{video_id}.log",
    benchmark:
        "logs/benchmarks/reader/{video_id}.tsv"
    threads: teacher_threads
    resources:
        llm=calls_of_questions,
    conda:
        "../envs/teach.yaml"
    script:
        "../workflow_scripts/teach_reader.py"
