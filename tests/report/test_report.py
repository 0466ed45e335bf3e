"""The report in a real browser: the verdict, the answers beside one another, and nothing that gets out."""

import random
import shutil
import zipfile

import pytest
from axe_playwright_python.sync_playwright import Axe

from browser import offline_browser, opened
from grounded_records import context_record, grounded_rows, invented, passages_record, told
from held_out_records import (
    base_answer,
    held_out_rows,
    record,
    teacher_answer,
    varied_answer,
    write_records,
    write_training_set,
)
from hostile import HOSTILE
from project import REPOSITORY
from random_llama import write_small_tokenizer
from understudy.configuration import complete_configuration
from understudy.evaluate.evaluation import evaluate
from understudy.evaluate.intervals import Interval, possible
from understudy.evaluate.judge.statistics import judge_statistics
from understudy.report.page.report import write_report
from understudy.shared.files import read_json, read_json_lines, write_json, write_json_lines

HTML_OF = "found => found.map(each => each.innerHTML)"
PICTURES = ("models/tiny/loss.svg", "models/tiny/export.svg", "data/dataset/report.html")


@pytest.fixture(scope="module")
def browser():
    with offline_browser() as context:
        yield context


@pytest.fixture(scope="module")
def measured(tmp_path_factory, finished):
    """A finished project with everything that the report shows beside the evaluation. Not to be changed."""
    project = finished.copied_to(tmp_path_factory.mktemp("measured") / "project")
    project.snakemake(*PICTURES)
    return project


def evaluation_in(folder, rows, tuned, **others) -> str:
    """Evaluate answers for real; return the file's path."""
    folder.mkdir(parents=True, exist_ok=True)
    write_small_tokenizer(folder, 512)
    train, pairs, _ = write_training_set(folder)
    base = [base_answer(row["subject"], random.Random(row["row"])) for row in rows]
    quantized = [teacher_answer(row["subject"], random.Random(3000 + row["row"])) for row in rows]
    records = {
        "base": record("base", rows, base, 3.0),
        "tuned": record("tuned", rows, tuned, 2.4, noise_seed=5, **others),
        "Q4_K_M": record("Q4_K_M", rows, quantized, 2.45, noise_seed=6),
    }
    path = str(folder / "evaluation.json")
    evaluate(write_records(folder / "evaluation", records), train, pairs, str(folder / "tokenizer.json"), path)
    return path


def taught(rows: list[dict]) -> list[str]:
    return [teacher_answer(row["subject"], random.Random(1000 + row["row"])) for row in rows]


def page_of(project, evaluation: str, name: str = "tiny", voice: str = "plain", judge=None, **changes):
    """Write the page of an evaluation beside it; `changes` are other paths than the project's own."""
    model, data = project / "models/tiny", project / "data/dataset"
    config = complete_configuration(project.config(), REPOSITORY / "schemas/config.schema.yaml")
    paths = {
        "evaluation": evaluation,
        "export": model / "export.json",
        "export_picture": model / "export.svg",
        "loss_picture": model / "loss.svg",
        "metrics": model / "metrics.csv",
        "lora_config": model / "lora.yaml",
        "adapters": model / "adapters/adapters.safetensors",
        "base": project / "models/base/tiny-base",
        "report": data / "report.json",
        "pairs": data / "pairs.jsonl",
        "train": data / "train.jsonl",
        "valid": data / "valid.jsonl",
        "benchmarks": project / "logs/benchmarks",
        "spending": project / "data/spending",
    }
    output = (project / evaluation).with_name("report.html")
    paths = {key: str(path) for key, path in (paths | changes).items()}
    write_report(paths, judge and str(judge), name, voice, config, str(output))
    return output


@pytest.fixture(scope="module")
def page_path(tmp_path_factory, measured):
    """A page with answers of every kind."""
    rows = held_out_rows()
    tuned = [varied_answer(row["subject"], row["row"]) if row["row"] % 2 else taught([row])[0] for row in rows]
    return page_of(measured, evaluation_in(tmp_path_factory.mktemp("varied"), rows, tuned, knows=60))


@pytest.fixture
def opened_page(browser, page_path):
    page, complaints = opened(browser, page_path)
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    yield page
    assert (complaints, page.evaluate("reported")) == ([], [])
    page.close()


def test_the_verdict_comes_first_and_all_parts_are_there(opened_page, page_path):
    verdict = read_json(page_path.with_name("evaluation.json"))["verdict"]
    assert opened_page.locator("main > :first-child h1").inner_text() == verdict["opening"]
    assert opened_page.locator(".said p").inner_text() == "Measured on 40 questions of 10 talks that it has never seen."
    said = opened_page.locator("#verdict tbody td.mark").all_inner_texts()
    assert len(said) == sum(len(verdict[outcome]) for outcome in ("better", "worse", "no_difference"))
    assert set(said) <= {"better", "worse", "no difference shown"}
    assert "It has forgotten general knowledge." in opened_page.locator(".bounds li").all_inner_texts()
    assert "forgetting" in verdict["beyond_bounds"]
    for part in ("answers", "differences", "form", "forgetting", "training", "dataset", "exports", "cost", "settings"):
        assert opened_page.locator(f"nav a[href='#{part}']").count() == 1, part
        assert opened_page.locator(f"#{part} h2").is_visible(), part
    for image in opened_page.locator("img").all():
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    table = opened_page.locator("#exports tbody tr").all_inner_texts()
    assert [line.split("\t")[0] for line in table] == [
        "base",
        "base with adapters",
        "fused",
        "Hugging Face folder",
        "Q4_K_M",
    ]
    assert opened_page.locator("#cost tbody th").all_inner_texts()[-2:] == ["answers", "questions"]
    assert "training" in opened_page.locator("#cost tbody th").all_inner_texts()


def test_three_answers_stand_beside_one_another_and_the_figures_say_what_is_next(opened_page, page_path):
    evaluation = read_json(page_path.with_name("evaluation.json"))
    places = opened_page.locator("#examples .place").all_inner_texts()
    assert places == ["typical", "best", "worst"]
    assert opened_page.locator("#examples .example").first.locator("h4").all_inner_texts() == [
        "Tuned",
        "Base",
        "Reference",
    ]
    voices = {row["question"]: row["answers"]["tuned"]["voice"] for row in evaluation["rows"]}
    best = opened_page.locator("#examples h3").nth(1).inner_text().removeprefix("best").strip()
    assert voices[best] == max(voices.values())
    worst = opened_page.locator("#examples .example").last
    assert "(no answer)" in worst.inner_text() or worst.locator(".answer").first.inner_text()
    steps = opened_page.locator(".next li").all_inner_texts()
    assert any("it has forgotten" in step for step in steps)


def test_a_phone_shows_at_most_six_screens_before_the_details(browser, page_path, measured, tmp_path):
    paths = [page_path, page_of(measured, grounded_evaluation(tmp_path))]
    for path in paths:
        page, _ = opened(browser, path)
        page.set_viewport_size({"width": 390, "height": 844})
        page.reload()
        top = page.locator("#differences").evaluate("part => part.getBoundingClientRect().top + scrollY")
        assert top <= 6 * 844
        assert page.locator("#differences table").first.is_visible() is False
        page.locator("nav a[href='#differences']").click()
        page.locator("#differences details[open] table").first.wait_for()
        page.close()


@pytest.mark.parametrize(
    ("base", "low", "high", "shown"),
    [(0.85, -0.763, 0.513, (-0.763, 0.15)), (0.25, -1.078, 0.578, (-0.25, 0.578)), (0.5, None, None, (None, None))],
)
def test_an_interval_ends_where_a_share_can_not_go_on(base, low, high, shown):
    interval = possible(Interval(-0.125, low, high, 0.95, 4), base)
    assert (interval.low, interval.high) == (shown if low is None else pytest.approx(shown))


def test_the_questions_are_searched_and_compared_by_keyboard(opened_page):
    assert opened_page.locator("#count").inner_text() == "40 of 40 questions"
    assert opened_page.locator("#columns h4").all_inner_texts() == ["Reference", "Base", "Tuned", "Q4_K_M"]
    opened_page.keyboard.press("j")
    opened_page.keyboard.press("j")
    opened_page.keyboard.press("k")
    assert opened_page.locator("#question").inner_text() == "What do tomatoes need, part 2?"
    opened_page.keyboard.press("/")
    opened_page.keyboard.type("SLUGS part")
    assert opened_page.locator("#count").inner_text() == "4 of 40 questions"
    opened_page.keyboard.press("ArrowDown")
    assert opened_page.evaluate("document.activeElement.id") == "list"
    assert opened_page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    opened_page.keyboard.press("ArrowDown")
    opened_page.keyboard.press("End")
    assert opened_page.locator("#question").inner_text() == "What do slugs need, part 4?"
    chosen = opened_page.locator("#list").get_attribute("aria-activedescendant")
    assert opened_page.locator(f"#{chosen}").get_attribute("aria-selected") == "true"
    assert opened_page.locator("#list [aria-selected=true]").count() == 1
    opened_page.keyboard.press("ArrowDown")
    opened_page.keyboard.press("Home")
    assert opened_page.locator("#question").inner_text() == "What do slugs need, part 1?"
    opened_page.keyboard.press("/")
    opened_page.keyboard.type(" nowhere to be found")
    assert opened_page.locator("#nothing").is_visible()
    assert not opened_page.locator("#chosen").is_visible()


def test_what_only_an_answer_says_is_found(opened_page):
    opened_page.locator("#search").fill("gesla litres")
    assert opened_page.locator("#count").inner_text() == "0 of 40 questions"
    opened_page.locator("#search").fill("GESLA jazn")
    assert opened_page.locator("#count").inner_text() == "3 of 40 questions"
    assert "Zażółć" in opened_page.locator("#columns").inner_text()


def test_the_flawed_answers_are_a_choice_away(opened_page):
    options = opened_page.locator("#flag option").all_inner_texts()
    assert "empty (Tuned): 2" in options
    opened_page.select_option("#flag", "empty (Tuned)")
    assert opened_page.locator("#count").inner_text() == "2 of 40 questions"
    assert opened_page.locator("#list li .bad").all_inner_texts() == ["empty (Tuned)"] * 2
    assert "(no answer)" in opened_page.locator("#columns section").nth(2).inner_text()


def test_markdown_is_shown_as_it_means_and_loads_nothing(opened_page):
    seen = ""
    for _ in range(40):
        seen += "".join(opened_page.locator("#columns section").nth(2).locator(".answer").evaluate_all(HTML_OF))
        assert opened_page.locator("#columns :is(img, a, script)").count() == 0
        opened_page.keyboard.press("j")
    for mark in ("<table", "<pre", "<ol>", "<blockquote>", "<strong>", "&lt;b&gt;never&lt;/b&gt;"):
        assert mark in seen, mark
    assert "[my shed](https://example.org/a?b=1&amp;c=2)" in seen


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing(opened_page, scheme, width):
    opened_page.emulate_media(color_scheme=scheme)
    opened_page.set_viewport_size({"width": width, "height": 844})
    for details in opened_page.locator("details").all():
        details.evaluate("details => { details.open = true; }")
    found = Axe().run(opened_page)
    assert found.violations_count == 0, found.generate_report()
    assert opened_page.evaluate("document.documentElement.scrollWidth") == width


def grounded_evaluation(folder) -> str:
    """An evaluation in which a prompted and a tuned model were asked with passages."""
    folder.mkdir(parents=True, exist_ok=True)
    write_small_tokenizer(folder, 512)
    rows = grounded_rows()
    train, pairs, _ = write_training_set(folder)
    right, wrong = ([told(row, row["number"], row["name"]) for row in rows], [invented(row) for row in rows])
    records = {"base": record("base", rows, wrong, 3.0), "tuned": record("tuned", rows, right, 2.4, noise_seed=5)}
    arms = {arm: context_record(arm, rows, said) for arm, said in (("prompted", wrong), ("tuned", right))}
    in_context = write_records(folder / "evaluation/retrieved", arms)
    write_json(folder / "passages.json", passages_record(rows))
    path = str(folder / "evaluation.json")
    evaluate(
        write_records(folder / "evaluation", records),
        *(train, pairs, str(folder / "tokenizer.json"), path),
        {f"retrieved/{arm}": file for arm, file in in_context.items()},
        str(folder / "passages.json"),
    )
    return path


def test_truth_stands_beside_voice_on_the_first_screen(browser, measured, opened_page, tmp_path):
    assert opened_page.locator("table.truth").count() == 0
    page, _ = opened(browser, page_of(measured, grounded_evaluation(tmp_path)))
    names = page.locator("#truth table.truth").first.locator("tbody th").all_inner_texts()
    assert names[-1] == "Reference" and "Tuned, with the passages that are found" in names
    heads = page.locator("#truth table.truth").first.locator("thead th").all_inner_texts()
    assert {"facts found", "made up in 100 words", "voice"} <= set(heads)
    assert page.locator("#truth b").inner_text() == "It does more than a prompt."
    assert page.locator("#truth td small").first.is_visible() is False, "intervals unfold"
    compared = page.locator("#examples .example").first.locator("h4").all_inner_texts()
    assert compared == ["Tuned", "Base with a good prompt, with the passages that are found", "Reference"]
    columns = page.locator("#columns h4").all_inner_texts()
    assert columns[-2:] == [
        "Base with a good prompt, with the passages that are found",
        "Tuned, with the passages that are found",
    ]
    assert "made something up" in page.locator("#flag option").all_inner_texts()[1]
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 844})
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") == width
    page.close()


def test_what_axe_would_find_is_found(browser, page_path, tmp_path):
    """What the test above relies on."""
    path = tmp_path / "control.html"
    path.write_text(page_path.read_text().replace('aria-label="Which answers"', ""))
    page, _ = opened(browser, path)
    assert "select-name (critical)" in Axe().run(page).generate_snapshot()
    page.close()


def test_the_judges_verdicts_stand_beside_the_answers(browser, measured, page_path, tmp_path):
    evaluation = page_path.with_name("evaluation.json")
    rows = read_json(evaluation)["rows"]
    records = [
        {
            "row": row["row"],
            "video_id": row["video_id"],
            "order": order,
            "length_a": 90,
            "length_b": 60 + row["row"],
            "verdict": "tie" if row["row"] == 1 else "first" if order == "AB" else "second",
            "reason": HOSTILE[row["row"] % len(HOSTILE)],
        }
        for row in rows
        for order in ("AB", "BA")
    ]
    figures = {
        name: value._asdict() if isinstance(value, Interval) else value
        for name, value in judge_statistics(records).items()
    }
    judge = {"model": HOSTILE[0], "compared": ["tuned", "base"], **figures, "without_verdict": 0, "records": records}
    write_json(tmp_path / "judge.json", judge)
    shutil.copy(evaluation, tmp_path)
    page, complaints = opened(
        browser, page_of(measured, str(tmp_path / "evaluation.json"), judge=tmp_path / "judge.json")
    )
    page.locator("#judge details").evaluate("details => { details.open = true; }")
    assert page.locator("#judge tbody tr").first.inner_text().split("\t")[1] == "98.8 %"
    assert HOSTILE[0] in page.locator("#judge p").inner_text()
    ties = page.locator("#judged li").all_inner_texts()
    assert [text.split(":")[0] for text in ties] == [
        "Shown Tuned first, the judge says that neither is better",
        "Shown Base first, the judge says that neither is better",
    ]
    page.keyboard.press("j")
    assert (
        page.locator("#judged li").last.inner_text().startswith("Shown Base first, the judge prefers Tuned: </script>")
    )
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert (complaints, page.evaluate("reported"), page.evaluate("window.hacked")) == ([], [], None)
    page.close()


def test_hostile_texts_stay_texts(browser, measured, tmp_path):
    rows = [
        {**row, "question": f"{HOSTILE[n % len(HOSTILE)]} {n}", "reference": HOSTILE[n % len(HOSTILE)]}
        for n, row in enumerate(held_out_rows())
    ]
    evaluation = evaluation_in(tmp_path / "hostile", rows, [row["reference"] for row in rows])
    pairs = [pair for _, pair in read_json_lines(measured / "data/dataset/pairs.jsonl")]
    titles = [
        {**pairs[0], "video_id": f"talk{talk:07d}", "title": HOSTILE[talk % len(HOSTILE)]}
        for talk in range(len({row["video_id"] for row in rows}))
    ]
    write_json_lines(tmp_path / "pairs.jsonl", [*pairs, *titles])
    path = page_of(measured, evaluation, HOSTILE[0], HOSTILE[2], pairs=tmp_path / "pairs.jsonl")
    page, complaints = opened(browser, path)
    for row in rows:
        assert page.locator("#question").inner_text() == " ".join(row["question"].split())
        assert page.locator("#answers :is(script, img, svg, iframe, a, [onclick], [style])").count() == 0
        page.keyboard.press("j")
    assert page.locator("header .name").inner_text() == HOSTILE[0]
    page.locator("#search").fill("parent.hacked")
    assert page.locator("#count").inner_text().startswith("14 of 40"), "8 questions, and 8 of talks"
    assert page.evaluate("window.hacked") is None
    assert (complaints, page.evaluate("reported")) == ([], [])
    page.close()


def test_a_thousand_answers_are_searched_and_four_are_drawn(browser, measured, tmp_path):
    rows = held_out_rows(talks=63)
    page, complaints = opened(browser, page_of(measured, evaluation_in(tmp_path / "many", rows, taught(rows))))
    assert page.locator("#count").inner_text() == "252 of 252 questions"
    assert page.locator("#columns section").count() == 4
    page.locator("#search").fill("carrots part")
    assert page.locator("#count").inner_text() == "24 of 252 questions"
    assert complaints == []
    page.close()


def test_the_same_records_give_the_same_bytes_without_secrets(measured, page_path, monkeypatch):
    evaluation = str(page_path.with_name("evaluation.json"))
    assert page_of(measured, evaluation).read_bytes() == page_of(measured, evaluation).read_bytes()
    config = measured.config()
    measured.configure(source={"proxy": "http://inner.example:3128"})
    text = page_of(measured, evaluation).read_text()
    measured.write_config(config)
    assert "inner.example" not in text
    assert "(set)" in text
    assert "sk-test" not in text


def test_the_pictures_hang_on_snakemakes_own_report(measured):
    measured.snakemake("--report", str(measured / "all.zip"), "--", *PICTURES)
    with zipfile.ZipFile(measured / "all.zip") as made:
        names = made.namelist()
        page = made.read("all/report.html").decode()
    for picture in PICTURES:
        assert any(name.endswith(picture.rsplit("/", 1)[1]) for name in names), picture
    for words in ("Training", "Data set", "Export", "perplexity on the validation rows", "answers in a teacher"):
        assert words in page, words


def test_the_rule_makes_the_page_of_the_run(browser, measured, page_path, tmp_path):
    project = measured.copied_to(tmp_path / "project")
    shutil.copy(page_path.with_name("evaluation.json"), project / "models/tiny")
    project.snakemake("--allowed-rules", "report", "--", "models/tiny/report.html")
    page, complaints = opened(browser, project / "models/tiny/report.html")
    assert page.locator("header .name").inner_text() == "tiny"
    page.locator("#settings details").first.evaluate(
        "part => [part, ...part.querySelectorAll('details')].forEach((details) => { details.open = true; })"
    )
    settings = dict(
        line.split("\t") for line in page.locator("#settings details tr").all_inner_texts()[:300] if "\t" in line
    )
    assert settings["teacher.model"] == "fake-1"
    assert settings["training.epochs"] == "4"
    assert complaints == []
    page.close()
