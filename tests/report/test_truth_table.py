"""Truth beside voice: on the report's first screen and in the card, where there is something to show."""

from understudy.report.page.report import arm_answer_shown, arms_beside_models
from understudy.report.truth_table import truth_markdown, truth_table

FIGURES = {
    "facts_found": {"says": "facts", "better": "higher", "is_share": True},
    "made_up": {"says": "made up", "better": "lower", "is_share": False},
    "unknown_here": {"says": "something new", "better": None, "is_share": False},
}


def interval(estimate, low=None, high=None):
    return {"estimate": estimate, "low": low, "high": high, "confidence": 0.95, "videos": 4}


def evaluation(**truth):
    return {
        "models": {"base": {}, "tuned": {}},
        "truth": {
            "figures": FIGURES,
            "rows": 12,
            "passage_found": 0.5,
            "references": {"facts_found": 1.0, "made_up": 0.2},
            "arms": [
                {"context": "none", "arm": "base", "figures": {"facts_found": interval(0.1, -0.05, 0.2)}},
                {"context": "none", "arm": "tuned", "figures": {"facts_found": interval(0.15, 0.1, 0.2)}},
                {"context": "retrieved", "arm": "prompted", "figures": {"made_up": interval(2.5, -1, 6)}},
                {"context": "retrieved", "arm": "tuned", "figures": {"made_up": interval(1.5)}},
            ],
            "beside_a_prompt": {"context": "retrieved"},
            "error": "Of ten such answers about 3 ...",
            **truth,
        },
    }


def test_an_evaluation_without_arms_has_no_table():
    assert truth_table({"models": {}}) is None and truth_markdown({"models": {}}) == ""
    assert truth_table(evaluation(rows=0)) is None
    assert arms_beside_models({"models": {}}) == {}


def test_values_stand_with_intervals_that_no_share_and_no_count_can_leave():
    table = truth_table(evaluation())
    assert table.headers == ["facts found", "made up in 100 words"]
    assert table.rows[0] == ("Base, without passages", [("10.0 %", "0.0 % to 20.0 %"), ("", "")])
    assert table.rows[2][1] == [("", ""), ("2.5", "0 to 6")]
    assert table.rows[3] == ("Tuned, with the passages that are found", [("", ""), ("1.5", "")])
    assert table.rows[-1] == ("Reference", [("100.0 %", ""), ("0.2", "")])


def test_the_first_screen_has_the_tuned_model_and_its_rival():
    assert [name for name, _ in truth_table(evaluation()).first] == [
        "Tuned, without passages",
        "Base with a good prompt, with the passages that are found",
        "Tuned, with the passages that are found",
        "Reference",
    ]


def test_the_note_says_what_words_can_not_tell_and_how_often_it_errs():
    note = truth_table(evaluation()).note
    assert "12 questions" in note and "50.0 % of them" in note and "may still say the opposite" in note
    assert note.endswith("Of ten such answers about 3 ...")
    assert "hold the right place" not in truth_table(evaluation(passage_found=None, error=None)).note


def test_the_card_has_the_table_after_that_of_the_evaluation():
    text = truth_markdown(evaluation())
    assert "| Tuned, without passages" in text and "15.0 % (10.0 % to 20.0 %)" in text


def test_answers_in_context_say_what_they_made_up():
    assert list(arms_beside_models(evaluation())) == ["retrieved/prompted", "retrieved/tuned"]
    shown = arm_answer_shown(
        {
            "answer": "**So**",
            "finish_reason": "length",
            "tokens": 3,
            "refused": False,
            "facts_found": 0.25,
            "made_up": ["7"],
        }
    )
    assert shown["facts"] == "3 tokens · facts found 25.0 % · made up: 7"
    assert shown["flags"] == ["cut off", "made something up"] and "<strong>So</strong>" in shown["html"]
