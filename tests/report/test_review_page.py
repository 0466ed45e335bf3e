"""The review page in a real browser: what a person decides there is what the data set then has, and nothing in a pair gets
out."""

import csv
import random

import pytest

from browser import offline_browser, opened
from hostile import HOSTILE
from understudy.dataset.curation import COLUMNS as CURATION_COLUMNS
from understudy.dataset.curation import question_sha256
from understudy.dataset.dataset import COLUMNS
from understudy.report.review.flags import flagged_answers
from understudy.report.review.rests_on import LONGEST, said_in
from understudy.report.review.review_page import write_review_page
from understudy.serving.kept.flags import add_flag
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json_lines, write_json, write_json_lines

WORDS = [
    "soil",
    "water",
    "spring",
    "beans",
    "roots",
    "compost",
    "frost",
    "seed",
    "shade",
    "mulch",
    "worm",
    "leaf",
    "stem",
    "light",
    "rain",
    "heat",
    "clay",
    "sand",
    "peat",
    "bark",
]


@pytest.fixture(scope="module")
def browser():
    with offline_browser() as context:
        yield context


def pair(number: int, question: str, answer: str, **changes) -> dict:
    record = dict.fromkeys(COLUMNS) | {"video_id": f"video{number // 12:06d}", "slot": f"q{number % 12 + 1:02d}"}
    record |= {
        "question": question,
        "answer": answer,
        "question_sha256": question_sha256(question),
        "title": f"Talk {number // 12}",
    }
    record |= {
        "tags": [f"tag_{number % 7}"],
        "origin": "teacher",
        "verdict": "ok",
        "remarks": [],
        "split": "train",
        "tokens": 200,
    }
    return record | {"start_s": 1.0, "end_s": 61.0} | changes


def many_pairs(count: int) -> list[dict]:
    """Pairs as long as real ones, every tenth with a remark."""
    chance = random.Random(1)
    pairs = []
    for number in range(count):
        text = " ".join(chance.choices(WORDS, k=60))
        answer = f"The **{text[:10]}** first.\n\n- **One:** {text}\n- **Two:** {text[::2]}\n\n{text}."
        remarks = [{"verdict": "no_structure", "level": "warn", "says": "a wall of text"}] if number % 10 == 0 else []
        pairs.append(
            pair(number, f"How does number {number} work with {chance.choice(WORDS)}?", answer, remarks=remarks)
        )
    return pairs


def page_of(folder, pairs: list[dict], curation: str | None = None, transcripts: tuple = (), flags: str | None = None):
    """Write the page of pairs; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json_lines(folder / "pairs.jsonl", [record for record in pairs if record["verdict"] == "ok"])
    write_json_lines(folder / "rejected.jsonl", [record for record in pairs if record["verdict"] != "ok"])
    if curation is not None:
        (folder / "curation.csv").write_bytes(curation.encode())
    path = folder / "index.html"
    decided = str(folder / "curation.csv") if curation is not None else None
    pairs, rejected = str(folder / "pairs.jsonl"), str(folder / "rejected.jsonl")
    write_review_page(pairs, rejected, list(transcripts), decided, flags, folder.name, str(path))
    return path


def saved(page) -> tuple[bytes, list[dict]]:
    """Press s; return the file's bytes and rows."""
    with page.expect_download() as download:
        page.keyboard.press("s")
    data = download.value.path().read_bytes()
    return data, list(csv.DictReader(data.decode("utf-8-sig").splitlines(keepends=True)))


def test_ten_thousand_pairs_are_searched_decided_and_saved(browser, tmp_path):
    page, complaints = opened(browser, page_of(tmp_path / "many", many_pairs(10_000)))
    assert page.locator("#progress").inner_text() == "0 of 10000 decided, 10000 shown"
    for _ in range(200):
        page.keyboard.press("j")
    assert "number 200 " in page.locator("#question").inner_text()
    assert page.locator("#rows li").count() < 100
    page.evaluate("document.getElementById('list').scrollTop = 9000 * 56")
    # A locator waits from outside; wait_for_function evaluates a string in the page again and again, which its policy forbids.
    page.locator("#rows", has_text="number 9005 ").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("NUMBER 123")
    assert page.locator("#progress").inner_text().endswith("32 shown"), (
        "11 begin with it, 9 end with it, 12 are of talk 123"
    )
    page.keyboard.press("Escape")
    for _ in range(3):
        page.keyboard.press("n")
    page.keyboard.press("e")
    page.locator("#edited-answer").fill("Written **anew**, with a comma,\nand a second line.")
    page.keyboard.press("Control+Enter")
    _, rows = saved(page)
    decided = [(row["video_id"], row["slot"], row["decision"]) for row in rows]
    numbers = [123, 1123, 1230, 1231]
    assert decided == [
        (f"video{n // 12:06d}", f"q{n % 12 + 1:02d}", d)
        for n, d in zip(numbers, ["reject"] * 3 + ["edit"], strict=True)
    ]
    assert rows[3]["edited_answer"] == "Written **anew**, with a comma,\nand a second line."
    assert rows[3]["edited_question"] == ""
    assert (complaints, page.evaluate("reported")) == ([], [])
    page.close(run_before_unload=False)


def test_filters_narrow_by_verdict_decision_talk_and_tag(browser, tmp_path):
    records = many_pairs(120)
    records[5] |= {
        "verdict": "too_short",
        "split": None,
        "remarks": [{"verdict": "too_short", "level": "reject", "says": "3 words"}],
    }
    page, _ = opened(browser, page_of(tmp_path / "filters", records))
    for select, value, count in (
        ("verdict", "verdict:too_short", 1),
        ("verdict", "remark:no_structure", 12),
        ("video", "video:video000003", 12),
        ("tag", "tag:tag_2", 17),
        ("decision", "decision:keep", 0),
    ):
        page.select_option(f"#{select}", value)
        assert page.locator("#progress").inner_text().endswith(f"{count} shown"), (select, value)
        assert page.locator("#nothing").is_visible() == (count == 0)
        page.select_option(f"#{select}", "")
    page.close()


def test_on_a_telephone_the_pair_has_the_whole_width(browser, tmp_path):
    page, _ = opened(browser, page_of(tmp_path / "phone", many_pairs(120)))
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("#rows li").nth(1).click()
    assert page.locator("#question").inner_text().startswith("How does number 1 ")
    assert page.locator("#pair").bounding_box()["width"] == 390
    assert page.locator("#pair").bounding_box()["height"] > 300
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()


def test_a_hostile_pair_stays_text(browser, tmp_path):
    records = [pair(n, text, text, title=text, tags=[text], note=text) for n, text in enumerate(HOSTILE)]
    records += [
        pair(20 + n, f"Question {n}", text, remarks=[{"verdict": text, "level": "warn", "says": text}])
        for n, text in enumerate(HOSTILE)
    ]
    page, complaints = opened(browser, page_of(tmp_path / "hostile", records))
    for number, record in enumerate(records):
        assert page.locator("#question").inner_text() == " ".join(record["question"].split()), number
        assert page.locator("#answer :is(script, img, svg, iframe, a, [onclick], [style])").count() == 0
        for link in page.locator("#answer a").all():
            link.click()
        page.keyboard.press("j")
    assert page.evaluate("window.hacked") is None
    assert (complaints, page.evaluate("reported")) == ([], [])
    page.close()


def test_the_columns_of_a_table_are_aligned_without_a_style(browser, tmp_path):
    table = "| plant | litres |\n| --- | ---: |\n| bean | 2 |"
    page, complaints = opened(browser, page_of(tmp_path / "table", [pair(0, "How much?", table)]))
    assert page.locator("#answer td").last.evaluate("cell => getComputedStyle(cell).textAlign").endswith("right")
    assert (complaints, page.evaluate("reported")) == ([], [])
    page.close()


def test_a_script_that_got_in_would_be_reported(browser, tmp_path):
    """What the test above relies on: the policy stops a script, and the witness sees it."""
    path = page_of(tmp_path / "control", many_pairs(1))
    path.write_text(
        path.read_text().replace(
            "<footer>", "<footer><script>window.hacked = 1</script><img src=x onerror='window.hacked=1'>"
        )
    )
    page, complaints = opened(browser, path)
    assert page.evaluate("window.hacked") is None
    assert any("script-src" in report for report in page.evaluate("reported"))
    assert complaints
    page.close()


ODD = "Windows\r\nends **stay**, emoji 🌱👩🏽‍🌾, right to left שלום مرحبا.\r\n\r\n```\r\ncode `x`\r\n```\r\n"


def test_earlier_decisions_are_saved_again_unchanged(browser, tmp_path):
    records = many_pairs(3)
    header = ",".join(CURATION_COLUMNS)
    rows = [
        f'goneVideo01,q01,{"0" * 64},edit,"A ""quoted"" one?","{ODD}",gone',
        f"{records[0]['video_id']},q01,{'1' * 64},reject,,,about another question",
        f'{records[1]["video_id"]},q02,{records[1]["question_sha256"]},edit,,"{ODD}",fine',
    ]
    given = "\r\n".join([header, *rows]) + "\r\n"
    page, _ = opened(browser, page_of(tmp_path / "again", records, given))
    data, _ = saved(page)
    assert data.decode() == "\ufeff" + given
    page.close()


def test_line_ends_emoji_and_code_survive_the_edit_of_the_question(browser, tmp_path):
    page, _ = opened(browser, page_of(tmp_path / "odd", [pair(0, "Why not?", ODD)]))
    page.keyboard.press("e")
    page.locator("#edited-question").fill("Why ever not?")
    page.locator("#edit button[type=submit]").click()
    page.keyboard.press("e")
    page.locator("#edited-answer").press("End")
    page.locator("#edited-answer").type("!")
    page.keyboard.press("Control+Enter")
    _, rows = saved(page)
    assert rows[0]["edited_question"] == "Why ever not?"
    assert rows[0]["edited_answer"].replace("!", "") == ODD
    assert rows[0]["edited_answer"].count("!") == 1
    page.close()


def test_a_closed_page_loses_no_decision(browser, tmp_path):
    path = page_of(tmp_path / "closed", many_pairs(30))
    page, _ = opened(browser, path)
    page.keyboard.press("y")
    page.keyboard.press("n")
    page.keyboard.press("n")
    page.keyboard.press("u")
    page.close()
    page, _ = opened(browser, path)
    assert page.locator("#message").inner_text() == "2 decisions from your last visit are back, and not saved yet."
    assert page.locator("#progress").inner_text().startswith("2 of 30 decided")
    saved(page)
    page.close()
    # The saved file is applied, and edited since: what the browser remembers is no news.
    applied = ",".join(CURATION_COLUMNS) + "\r\nvideo000000,q01,,reject,,,\r\n"
    page, _ = opened(browser, page_of(tmp_path / "closed", many_pairs(30), applied))
    assert page.locator("#progress").inner_text().startswith("1 of 30 decided")
    page.close()


def test_what_is_decided_on_the_page_is_what_the_data_set_has(browser, project):
    project.snakemake("data/review/index.html")
    before = {(row["video_id"], row["slot"]): row for _, row in read_json_lines(project / "data/dataset/pairs.jsonl")}
    page, complaints = opened(browser, project / "data/review/index.html")
    page.keyboard.press("n")
    page.keyboard.press("e")
    answer = page.locator("#edited-answer").input_value() + " I mean it."
    page.locator("#edited-answer").fill(answer)
    page.keyboard.press("Control+Enter")
    data, _ = saved(page)
    page.close()
    (project / "data/curation.csv").write_bytes(data)
    project.snakemake("data/dataset/train.jsonl", "data/review/index.html")
    after = {(row["video_id"], row["slot"]): row for _, row in read_json_lines(project / "data/dataset/pairs.jsonl")}
    first, second, *others = before
    assert set(after) == set(before) - {first}
    assert after[second]["answer"] == answer
    assert [after[key]["answer"] for key in others] == [before[key]["answer"] for key in others]
    rejected = [row for _, row in read_json_lines(project / "data/dataset/rejected.jsonl")]
    assert [(row["video_id"], row["slot"], row["verdict"]) for row in rejected] == [(*first, "rejected_by_person")]
    page, more = opened(browser, project / "data/review/index.html")
    assert page.locator("#progress").inner_text().startswith("2 of 6 decided")
    assert complaints + more == []
    page.close()


def test_what_is_said_at_an_answer_s_place_stands_beside_it_and_does_nothing(browser, tmp_path):
    segments = [
        [0.0, 4.0, "Hello."],
        [4.0, 4.0, "Sow at two"],
        [8.0, 4.0, f"centimetres. {' '.join(HOSTILE)}"],
        [60.0, 4.0, "Bye."],
    ]
    write_json(tmp_path / "video000000.json", {"segments": segments})
    pairs = [
        pair(0, "How deep?", "Two centimetres.", start_s=4.0, end_s=12.0),
        pair(1, "Without a place?", "No.", start_s=None, end_s=None),
        pair(2, "By hand?", "Yes.", video_id=None),
    ]
    page, complaints = opened(
        browser, page_of(tmp_path / "said", pairs, transcripts=[str(tmp_path / "video000000.json")])
    )
    said = page.locator("#said")
    assert page.locator("#rests-on").is_visible() and page.locator("#said-at").inner_text() == "0:04-0:12"
    assert said.inner_text().startswith("Sow at two centimetres.") and "Hello" not in said.inner_text()
    assert "Bye" not in said.inner_text() and said.locator("*").count() == 0
    for _ in range(2):
        page.keyboard.press("j")
        assert page.locator("#rests-on").is_hidden()
    assert complaints == []


def test_what_was_flagged_on_the_chat_page_is_read_beside_its_passages(browser, tmp_path):
    path = tmp_path / "flags.csv"
    same = {"when": "2026-11-29T08:00:00+00:00", "conversation": "0" * 16, "turn": 0}
    sources = [
        {"heading": "Compost, 2:06", "link": "https://youtu.be/k3Vq9TzLw0E?t=126", "text": "Two parts of brown."},
        {"heading": HOSTILE[0], "link": "javascript:window.hacked=1", "text": " ".join(HOSTILE)},
    ]
    add_flag(path, **same, question="How much brown?", answer="= **Three** parts.", passages=sources, note="It is two")
    add_flag(path, **same, question=HOSTILE[3], answer=" ".join(HOSTILE), passages=[], note="")
    page, complaints = opened(browser, page_of(tmp_path / "flagged", [pair(0, "How?", "So.")], flags=str(path)))
    page.locator("#flagged", has_text="Said to be wrong (2)").click()
    assert page.locator("#flag-list h3").all_inner_texts() == [HOSTILE[3], "How much brown?"]
    first = page.locator("#flag-list section").nth(1)
    assert first.locator(".answer").inner_text() == "= Three parts." and "Note: It is two" in first.inner_text()
    assert [link.get_attribute("href") for link in first.locator("a").all()] == [sources[0]["link"]]
    page.keyboard.press("n")
    assert page.locator("#progress").inner_text().startswith("0 of 1 decided")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    assert page.locator("#progress").inner_text().startswith("1 of 1 decided")
    assert complaints == [] and page.evaluate("window.hacked") is None


def test_a_file_of_flags_that_is_none_is_named_with_its_line(tmp_path):
    path = tmp_path / "flags.csv"
    path.write_text('question,answer\nHow?,"So', encoding="utf-8")
    with pytest.raises(InputFileError, match=r"flags\.csv, line 2: not CSV"):
        flagged_answers(path)


def test_a_passage_all_over_a_talk_has_its_beginning():
    text = said_in([[float(second), 1.0, f"word{second}"] for second in range(5000)], 0.0, 5000.0)
    assert text.startswith("word0 word1 ") and text.endswith(" ...") and len(text) < LONGEST + 10
