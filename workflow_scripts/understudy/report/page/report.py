"""The report on a model as one page: the verdict, the answers beside one another, and all that it was made of and took."""

import base64
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from understudy.evaluate.contexts import name_in_context
from understudy.evaluate.figures import REFERENCE
from understudy.evaluate.measures.memorising import LONG_RUN
from understudy.export.table import HEADERS, ladder_rows, measured_on
from understudy.models.licence import base_model_of
from understudy.report.card.facts import settings_of, training_of
from understudy.report.dataset_pictures import as_base64_svg, draw_flow, draw_lengths, flow_steps, lengths_by_side
from understudy.report.formulas import with_formulas
from understudy.report.page.account import flat_settings, hashes, spending_by_pass, times_by_stage, versions
from understudy.report.page.figures import OUTCOMES, forest, form_strips, general_bars, judge_lines, voice_strip
from understudy.report.page.first_screen import broken_bounds, next_steps, plain_measures, three_questions
from understudy.report.truth_table import arm_label, label, truth_table
from understudy.shared.files import read_json, read_json_lines, write_text
from understudy.shared.formats import as_duration, counted, figure_text
from understudy.shared.log import log
from understudy.text.safe_html import as_json_in_html, content_policy, rendered_answer

PARTS = Path(__file__).parent
FLAWS = {"empty": "empty", "endless": "cut off", "repetitive": "repeats itself"}
FILES = (
    *("evaluation", "export", "report", "pairs", "train", "valid", "lora_config", "metrics", "adapters"),
    *("loss_picture", "export_picture"),
)
HASHED = ("train", "valid", "pairs", "adapters", "evaluation")
MOST_PHRASES = 24
# The level of the models' names over their answers.
BELOW = 4


def write_report(
    paths: dict[str, str], judge: str | None, name: str, voice: str, config: dict[str, Any], output: str
) -> None:
    """Write the page on the model `name` to `output`.

    `paths` has the FILES, and the folders base, benchmarks and spending; `judge` is the file of its verdicts, `config` the
    whole configuration with its defaults."""
    evaluation = read_json(paths["evaluation"])
    verdicts = read_json(judge) if judge else None
    pairs = [pair for _, pair in read_json_lines(paths["pairs"])]
    text = report_page(
        name=name,
        voice=voice.rstrip("."),
        base=base_model_of(paths["base"]),
        data=Markup(as_json_in_html(compared_rows(evaluation, titles_of(pairs), verdicts))),
        **parts_of_evaluation(evaluation),
        next_steps=next_steps(evaluation, compared_models(evaluation)[0], config),
        judge=verdicts,
        judge_lines=judge_lines(verdicts) if verdicts else [],
        **parts_of_dataset(read_json(paths["report"]), pairs),
        **parts_of_model(paths),
        **parts_of_account(paths, name, config),
    )
    write_text(output, text)
    log.info("%s: %s", output, evaluation["verdict"]["line"])


def report_page(data: Markup, **values: Any) -> str:
    """Return the page; everything in it is escaped but the JSON of the rows, which can't end its element."""
    style, program = ((PARTS / f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    program = with_formulas(program, data)
    environment = Environment(
        loader=FileSystemLoader(PARTS), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html").render(
        policy=content_policy(program, style, images="data:"),
        style=Markup(style),
        program=Markup(program),
        data=data,
        label=label,
        counted=counted,
        dollars=dollars,
        as_duration=as_duration,
        figure_text=figure_text,
        rendered=lambda answer: Markup(rendered_answer(answer, BELOW)),
        long_run=LONG_RUN,
        **values,
    )


def dollars(usd: float | None) -> str:
    """A price; what teaching a few talks costs is less than a cent."""
    return "no price" if usd is None else f"{usd:.2f}" if usd >= 1 else f"{usd:.4f}"


def titles_of(pairs: list[dict]) -> dict[str, str]:
    return {pair["video_id"]: pair["title"] for pair in pairs if pair["video_id"] and pair["title"]}


def compared_rows(evaluation: dict[str, Any], titles: dict[str, str], judge: dict[str, Any] | None) -> dict[str, Any]:
    """What the page's script reads: each held-out question with all answers to it, rendered, and a few facts."""
    names = list(evaluation["models"])
    arms = arms_beside_models(evaluation)
    said: dict[int, list[str]] = {}
    for verdict in judge["records"] if judge else []:
        said.setdefault(verdict["row"], []).append(judge_in_words(verdict, judge["compared"]))
    rows = [
        {
            "question": row["question"],
            "where": titles.get(row["video_id"]) or row["video_id"] or "no talk",
            "number": row["row"],
            "answers": [
                reference_shown(row),
                *(answer_shown(row["answers"][name]) for name in names),
                *(arm_answer_shown(evaluation["truth"]["answers"][place][name]) for name in arms),
            ],
            "judge": said.get(row["row"], []),
        }
        for place, row in enumerate(evaluation["rows"])
    ]
    return {"models": [*(label(name) for name in (REFERENCE, *names)), *arms.values()], "rows": rows}


def arms_beside_models(evaluation: dict[str, Any]) -> dict[str, str]:
    """The arms in contexts, by their names in `truth.answers`, with their labels; but for the models, which are shown anyway."""
    arms = evaluation["truth"]["arms"] if "truth" in evaluation else []
    return {
        name_in_context(arm["arm"], arm["context"]): arm_label(arm["arm"], arm["context"])
        for arm in arms
        if arm["context"] != "none" or arm["arm"] not in evaluation["models"]
    }


def arm_answer_shown(answer: dict[str, Any]) -> dict[str, Any]:
    facts = [f"{answer['tokens']} tokens"]
    if answer["facts_found"] is not None:
        facts.append(f"facts found {figure_text(answer['facts_found'], is_share=True)}")
    if answer["made_up"]:
        facts.append(f"made up: {', '.join(answer['made_up'])}")
    flags = {
        "cut off": answer["finish_reason"] == "length",
        "made something up": answer["made_up"],
        "declines": answer["refused"],
    }
    return {
        "html": rendered_answer(answer["answer"], BELOW),
        "facts": " · ".join(facts),
        "flags": [flag for flag, is_so in flags.items() if is_so],
    }


def judge_in_words(verdict: dict[str, Any], compared: list[str]) -> str:
    """Say what the judge said in one order of the two answers."""
    shown = [label(name) for name in (compared if verdict["order"] == "AB" else reversed(compared))]
    preferred = {"first": f"prefers {shown[0]}", "second": f"prefers {shown[1]}", "tie": "says that neither is better"}
    return (
        f"Shown {shown[0]} first, the judge {preferred.get(verdict['verdict'], 'gave no verdict')}: {verdict['reason']}"
    )


def reference_shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "html": rendered_answer(row["reference"], BELOW),
        "facts": f"{row['reference_form']['tokens']} tokens",
        "flags": [],
    }


def answer_shown(answer: dict[str, Any]) -> dict[str, Any]:
    facts = [f"{answer['tokens']} tokens", f"loss of the reference {answer['loss'] / answer['loss_tokens']:.2f}"]
    if "voice" in answer:
        facts.append(f"voice {figure_text(answer['voice'], is_share=True)}")
    return {"html": rendered_answer(answer["answer"], BELOW), "facts": " · ".join(facts), "flags": flags_of(answer)}


def flags_of(answer: dict[str, Any]) -> list[str]:
    """What is wrong with an answer, in words."""
    flags = [words for flaw, words in FLAWS.items() if answer[flaw]]
    repeated = answer["words_repeated_from_training"]
    return [*flags, "repeats a training answer"] if repeated >= LONG_RUN else flags


def compared_models(evaluation: dict[str, Any]) -> list[str]:
    """The models that have a verdict, the trained one first."""
    return [name for name, model in evaluation["models"].items() if "verdict" in model]


def parts_of_evaluation(evaluation: dict[str, Any]) -> dict[str, Any]:
    compared = compared_models(evaluation)
    phrases = evaluation["teacher"]["phrases"]
    return {
        "evaluation": evaluation,
        "truth": truth_table(evaluation),
        "outcomes": OUTCOMES,
        "measures": plain_measures(evaluation, compared[0]),
        "bounds": broken_bounds(evaluation),
        "examples": three_questions(evaluation, compared[0]),
        "forests": {name: forest(evaluation, name) for name in compared},
        "strips": form_strips(evaluation),
        "voice_strip": voice_strip(evaluation),
        "phrases": {
            "phrases": [phrase for phrase in phrases if not phrase["is_opening"]][:MOST_PHRASES],
            "openings": [phrase for phrase in phrases if phrase["is_opening"]][:MOST_PHRASES],
        },
        "general": general_bars(evaluation),
    }


def parts_of_dataset(report: dict[str, Any], pairs: list[dict]) -> dict[str, Any]:
    return {
        "report": report,
        "steps": flow_steps(report),
        "flow_picture": as_base64_svg(draw_flow(report)),
        "lengths_picture": as_base64_svg(
            draw_lengths(lengths_by_side(report, pairs), report["tokens"]["max_seq_length"])
        ),
    }


def parts_of_model(paths: dict[str, str]) -> dict[str, Any]:
    export = read_json(paths["export"])
    return {
        "training": training_of(paths["lora_config"], paths["metrics"], paths["adapters"])["sentence"],
        "loss_picture": file_as_base64(paths["loss_picture"]),
        "export_picture": file_as_base64(paths["export_picture"]),
        "ladder_headers": HEADERS,
        "ladder": ladder_rows(export),
        "ladder_note": measured_on(export),
    }


def parts_of_account(paths: dict[str, str], name: str, config: dict[str, Any]) -> dict[str, Any]:
    lora_config = yaml.safe_load(Path(paths["lora_config"]).read_text(encoding="utf-8"))
    return {
        "times": times_by_stage(Path(paths["benchmarks"]), name),
        "spending": spending_by_pass(Path(paths["spending"])),
        "settings": flat_settings(config),
        "training_settings": settings_of(lora_config),
        "versions": versions(),
        "hashes": hashes(paths[key] for key in HASHED),
    }


def file_as_base64(path: str) -> str:
    return base64.b64encode(Path(path).read_bytes()).decode("ascii")
