# The two passes of the teacher model, each with the whole transcript as its context.
# Requires: data/transcripts/{video_id}.json, prompts/questions.md, prompts/answers.md, and the teacher of the configuration.
# Makes: data/questions/{video_id}.json, data/answers/{video_id}/{slot}.json. What the teacher replied stays in data/responses/,
# what it cost in data/spending/.


include: "functions/teach.smk"


rule questions:
    """Pass 1: write the questions that a talk answers, into numbered slots."""
    input:
        transcript=transcript_of_talk,
        prompt=QUESTIONS_PROMPT,
        gguf=local_model_files(config["teacher"]["gguf"]),
    output:
        questions="data/questions/{video_id}.json",
    params:
        teacher=teacher_identity(config["teacher"]),
        slots=SLOTS,
        style={key: config["questions"][key] for key in ("openings", "max_tokens")},
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
    output:
        expand("data/answers/{{video_id}}/{slot}.json", slot=SLOTS),
    params:
        teacher=teacher_identity(config["teacher"]),
        style={key: config["answers"][key] for key in ("voice", "form", "quote", "max_tokens")},
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
