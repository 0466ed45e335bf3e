"""The doctor on pairs that were labelled by hand: seldom wrong, and seldom silent."""

import pytest
from tabulate import tabulate

from doctor_scores import judged_pairs, judged_shared_pairs, scores, shared_scores
from project import REPOSITORY


@pytest.fixture(scope="module")
def table():
    return scores(judged_pairs()).set_index("verdict")


def test_there_are_enough_pairs_in_three_languages():
    pairs = judged_pairs()
    assert len(pairs) >= 200
    assert pairs.groupby("language")["id"].count().min() >= 40
    assert not pairs.duplicated(["question", "answer"]).any()


@pytest.mark.parametrize("part", ["de", "en", "es", "all"])
def test_what_the_doctor_rejects_is_ill_and_most_of_what_is_ill_is_rejected(table, part):
    assert table.loc[f"rejected, {part}", "precision"] >= 0.95
    assert table.loc[f"rejected, {part}", "recall"] >= 0.8


@pytest.mark.parametrize("language", ["de", "en", "es", "fr", "all"])
def test_so_it_is_with_labels_of_somebody_who_saw_no_code(language):
    score = shared_scores(judged_shared_pairs()).set_index("language").loc[language]
    assert score["precision"] >= 0.95
    assert score["recall"] >= 0.6


def test_the_table_of_these_labels_in_the_docs_is_this_one():
    shown = tabulate(shared_scores(judged_shared_pairs()), headers="keys", tablefmt="github", showindex=False)
    assert shown in (REPOSITORY / "docs/dataset.md").read_text(encoding="utf-8")


def test_the_table_in_the_docs_is_this_one(table):
    shown = tabulate(table.reset_index(), headers="keys", tablefmt="github", showindex=False)
    assert shown in (REPOSITORY / "docs/dataset.md").read_text(), (
        "python tests/support/doctor_scores.py prints the table"
    )
