"""The teacher's voice: her phrases are found, who talks like her is told, and who talks like the base is not."""

from random import Random

import numpy as np
import pytest

from understudy.evaluate.intervals import difference_of, interval_of, mean_of
from understudy.evaluate.measures.phrases import START, find_phrases, folds_by_video, phrase_use, phrases_of, z_score
from understudy.evaluate.measures.voice import auc_of, voice_of

SUBJECTS = [
    "slugs",
    "compost",
    "tomatoes",
    "beans",
    "peas",
    "seeds",
    "water",
    "soil",
    "mulch",
    "roses",
    "leeks",
    "onions",
]
OPENINGS = ["Well now, my dear,", "Let me tell you plainly:"]
HABITS = ["the soil keeps the books", "as sure as rain in April", "and no hurry about it"]
BASE_OPENINGS = [
    "There are several factors to consider.",
    "It is important to note the following.",
    "In general, it depends.",
]
BASE_HABITS = ["it is recommended to consult a professional", "this can help to improve overall results"]
FILLERS = [
    "take the {0} in the morning",
    "keep {0} dry in winter",
    "look at your {0} once a week",
    "{0} want a little room",
    "turn {0} over with a fork",
]


def talk(random: Random, subject: str, openings: list[str], habits: list[str]) -> str:
    """An answer with what both sides say, and with what one side likes to say."""
    filler = random.sample(FILLERS, 3)
    said = [text.format(subject).capitalize() for text in filler]
    opening = random.choice(openings) if random.random() < 0.8 else ""
    habit = random.choice(habits) if random.random() < 0.7 else "that is all there is"
    return f"{opening} {said[0]}. **{said[1]}**, {habit}.\n\n- {said[2]}."


def by_teacher(random: Random, subject: str) -> str:
    return talk(random, subject, OPENINGS, HABITS)


def by_base(random: Random, subject: str) -> str:
    return talk(random, subject, BASE_OPENINGS, BASE_HABITS)


@pytest.fixture(scope="module")
def rows():
    """Training answers with their videos; held-out answers of several models, and their videos."""
    random = Random(5)
    trained = [(subject, f"t{number}") for number in range(20) for subject in SUBJECTS]
    held_out = [(subject, f"v{number}") for number in range(6) for subject in SUBJECTS]
    answers = {
        "reference": [by_teacher(random, subject) for subject, _ in held_out],
        "base": [by_base(random, subject) for subject, _ in held_out],
        "tuned": [by_teacher(random, subject) for subject, _ in held_out],
        "untouched": [by_base(random, subject) for subject, _ in held_out],
    }
    training = ([by_teacher(random, subject) for subject, _ in trained], [video for _, video in trained])
    return training, answers, [video for _, video in held_out]


def difference(one, other, video_ids):
    return interval_of(difference_of(mean_of(one), mean_of(other)), video_ids)


def test_phrases_and_openings_of_the_teacher_are_found(rows):
    training, answers, video_ids = rows
    found, use = phrase_use(training, answers, video_ids)
    said = {" ".join(each.words) for each in found}
    assert {f"{START} well now my", f"{START} let me tell", "keeps the books", "rain in april"} <= {
        part for phrase in said for part in (phrase, " ".join(phrase.split()[:4]), " ".join(phrase.split()[-3:]))
    }
    # What both say is neither's, whatever it is about.
    assert not {
        phrase for phrase in said if "want a little" in phrase or "in the morning" in phrase or "slugs" in phrase
    }
    assert all(each.teacher_share > each.base_share and each.z >= 3 for each in found)
    for kind in ("phrases", "openings"):
        shares = {name: getattr(of_one, kind).mean() for name, of_one in use.items()}
        assert shares["base"] < 0.05 < 0.5 < min(shares["tuned"], shares["reference"])


def test_an_untouched_base_uses_no_more_of_them(rows):
    training, answers, video_ids = rows
    use = phrase_use(training, answers, video_ids)[1]
    assert difference(use["tuned"].phrases, use["base"].phrases, video_ids).low > 0.3
    found = difference(use["untouched"].phrases, use["base"].phrases, video_ids)
    assert found.low <= 0 <= found.high


def test_phrases_found_in_noise_favour_nobody():
    """All say the same things by chance: chosen against the very answers of the base, phrases would be rarer there."""
    chosen, measured = [], []
    for seed in range(12):
        random = Random(seed)
        made = [[talk(random, "peas", OPENINGS, HABITS) for _ in range(60)] for _ in range(3)]
        video_ids = [f"v{row % 6}" for row in range(60)]
        found, use = phrase_use((made[0], video_ids), {"base": made[1], "tuned": made[2]}, video_ids)
        chosen.append(len(found))
        measured.append(use["tuned"].phrases.mean() - use["base"].phrases.mean())
    assert np.mean(chosen) < 2
    assert abs(np.mean(measured)) < 0.03


def test_a_row_is_measured_by_phrases_that_its_own_video_did_not_choose():
    """Two videos of three have the phrase in the base's answers: too many for it to be the teacher's, but for each of the two,
    the others have it half of the time."""
    teacher = (["Mind the gap"] * 100, [f"t{row % 10}" for row in range(100)])
    base = ["Mind the gap"] * 60 + ["Something else"] * 30
    video_ids = [f"v{row // 30}" for row in range(90)]
    found, use = phrase_use(teacher, {"base": base}, video_ids)
    assert not found
    assert use["base"].openings.tolist() == [1] * 60 + [0] * 30


def test_a_phrase_of_one_talk_is_no_habit():
    here = [phrases_of("Dibber on a string is what you need.") for _ in range(30)]
    elsewhere = [phrases_of(f"Other words number {row} stand here.") for row in range(60)]
    video_ids = ["one talk"] * 30 + [f"v{row % 20}" for row in range(60)]
    assert not find_phrases([*here, *elsewhere], video_ids, elsewhere)
    spread = [f"v{row % 10}" for row in range(30)] + [f"v{row % 20}" for row in range(60)]
    found = find_phrases([*here, *elsewhere], spread, elsewhere)
    assert ("dibber", "on", "a", "string") in {each.words for each in found}


def test_what_both_say_often_is_no_habit_though_the_teacher_says_it_more():
    phrase = ("look", "at", "your")
    teacher = [{phrase} if row % 3 else set() for row in range(900)]
    base = [{phrase} if row % 2 else set() for row in range(900)]
    assert z_score(600, 900, 450, 900) > 3
    assert not find_phrases(teacher, [f"v{row % 20}" for row in range(900)], base)


def test_the_z_score_is_that_of_the_paper():
    """10 of 100 answers against 2 of 50, by hand; and what every answer has is no division by zero."""
    prior = 10 * 12 / 151
    log_odds = np.log((10 + prior) / (100 - prior)) - np.log((2 + prior) / (58 - prior))
    assert z_score(10, 100, 2, 50) == pytest.approx(log_odds / np.sqrt(1 / (10 + prior) + 1 / (2 + prior)))
    assert z_score(40, 40, 0, 40) > 3 > z_score(40, 40, 40, 40)


def test_a_phrase_does_not_cross_the_end_of_a_sentence():
    assert phrases_of("# Yes\n\nGo on. Stop **there** now") == {
        (START, "yes"),
        ("go", "on"),
        ("stop", "there"),
        ("there", "now"),
        ("stop", "there", "now"),
    }
    assert phrases_of("") == set()


def test_no_video_is_on_both_sides_of_a_fold():
    video_ids = [f"v{row % 7}" for row in range(40)]
    folds = folds_by_video(video_ids)
    assert sorted(row for _, rows in folds for row in rows) == list(range(40))
    for others, measured in folds:
        assert {video_ids[row] for row in others}.isdisjoint(video_ids[row] for row in measured)
    assert [len(part) for part in folds_by_video(["a", "a"])[0]] == [0, 2]


def test_who_sounds_like_the_teacher_is_a_number(rows):
    _, answers, video_ids = rows
    voice = voice_of(answers, video_ids)
    assert voice.auc > 0.95
    means = {name: probabilities.mean() for name, probabilities in voice.probabilities.items()}
    assert means["reference"] > 0.75 and means["tuned"] > 0.75
    assert means["base"] < 0.25 and means["untouched"] < 0.25
    found = difference(voice.probabilities["untouched"], voice.probabilities["base"], video_ids)
    assert found.low <= 0 <= found.high


def test_two_that_talk_alike_are_not_told_apart(rows):
    """The subjects of a video are the same on both sides, so nothing else can tell them apart."""
    _, answers, video_ids = rows
    voice = voice_of({"reference": answers["tuned"], "base": answers["reference"]}, video_ids)
    assert 0.35 < voice.auc < 0.65


def test_form_is_not_voice(rows):
    _, answers, video_ids = rows
    listed = [f"# Answer\n\n- {answer}" for answer in answers["base"]]
    voice = voice_of({"reference": answers["reference"], "base": answers["base"], "listed": listed}, video_ids)
    assert voice.probabilities["listed"].mean() == pytest.approx(voice.probabilities["base"].mean(), abs=0.1)


def test_one_video_has_no_classifier():
    assert voice_of({"reference": ["a"], "base": ["b"]}, ["v"]) is None
    use = phrase_use((["a b"] * 4, list("wxyz")), {"base": ["c d"]}, ["v"])[1]
    assert use["base"].phrases.tolist() == [0.0]


def test_the_area_under_the_curve_counts_ties_half():
    assert auc_of(np.array([0.9, 0.5]), np.array([0.5, 0.1])) == 0.875
