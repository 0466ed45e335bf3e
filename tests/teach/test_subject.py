"""Questions beside a talk's subject are noticed right after pass 1: before an answer is paid for, and never where they belong."""

import json

import pytest

from project import REPOSITORY
from understudy.shared.files import read_json, read_json_lines
from understudy.shared.run import STOP_FILE, RunStopped
from understudy.teach.questions import check_subject
from understudy.teach.subject import questions_beside_the_talk

LABELLED = REPOSITORY / "tests/labelled"
LANGUAGES = sorted(path.stem for path in (LABELLED / "languages").glob("*.json"))
TALKS = read_json(LABELLED / "talks.json")
# What the shipped prompt's example of a medical talk led a teacher to ask about bread.
MEDICAL = {
    "en": [
        "Why does eating late in the evening raise blood sugar more than eating the same meal at noon?",
        "How does fasting lower insulin in people with diabetes?",
        "What causes fatty liver, and how long does it take to heal?",
    ],
    "de": [
        "Warum erhöht spätes Essen am Abend den Blutzucker mehr als dieselbe Mahlzeit am Mittag?",
        "Wie senkt Fasten das Insulin bei Menschen mit Diabetes?",
        "Was verursacht eine Fettleber, und wie lange dauert die Heilung?",
    ],
    "fr": [
        "Pourquoi manger tard le soir augmente-t-il la glycémie plus que le même repas à midi ?",
        "Comment le jeûne fait-il baisser l'insuline chez les diabétiques ?",
        "Quelles sont les causes d'un foie gras et combien de temps faut-il pour guérir ?",
    ],
    "es": [
        "¿Por qué cenar tarde sube más el azúcar en sangre que la misma comida al mediodía?",
        "¿Cómo reduce el ayuno la insulina en las personas con diabetes?",
        "¿Qué causa el hígado graso y cuánto tarda en curarse?",
    ],
    "it": [
        "Perché mangiare tardi la sera alza la glicemia più dello stesso pasto a mezzogiorno?",
        "In che modo il digiuno abbassa l'insulina nei diabetici?",
        "Che cosa causa il fegato grasso e quanto tempo serve per guarire?",
    ],
    "pt": [
        "Por que comer tarde à noite aumenta mais o açúcar no sangue do que a mesma refeição ao meio-dia?",
        "Como o jejum reduz a insulina em pessoas com diabetes?",
        "O que causa a gordura no fígado e quanto tempo leva para curar?",
    ],
    "nl": [
        "Waarom verhoogt laat eten 's avonds de bloedsuiker meer dan dezelfde maaltijd 's middags?",
        "Hoe verlaagt vasten de insuline bij mensen met diabetes?",
        "Wat veroorzaakt leververvetting en hoe lang duurt het herstel?",
    ],
    "ru": [
        "Почему поздний ужин повышает сахар в крови сильнее, чем та же еда в полдень?",
        "Как голодание снижает инсулин у людей с диабетом?",
        "Что вызывает жировую болезнь печени и сколько времени она заживает?",
    ],
    "ar": [
        "لماذا يرفع الأكل في وقت متأخر من المساء سكر الدم أكثر من نفس الوجبة عند الظهر؟",
        "كيف يخفض الصيام الأنسولين عند مرضى السكري؟",
        "ما الذي يسبب الكبد الدهني وكم يستغرق الشفاء منه؟",
    ],
    "hi": [
        "रात को देर से खाने पर रक्त शर्करा दोपहर के उसी भोजन से ज़्यादा क्यों बढ़ती है?",
        "उपवास मधुमेह के रोगियों में इंसुलिन को कैसे कम करता है?",
        "फैटी लीवर किस कारण होता है और ठीक होने में कितना समय लगता है?",
    ],
    "ja": [
        "夜遅くに食べると、同じ食事を昼に食べるより血糖値が上がるのはなぜですか？",
        "断食は糖尿病の人のインスリンをどのように下げますか？",
        "脂肪肝の原因は何で、治るまでどのくらいかかりますか？",
    ],
    "ko": [
        "밤늦게 먹으면 같은 식사를 점심에 먹을 때보다 혈당이 더 오르는 이유는 무엇인가요?",
        "단식은 당뇨병 환자의 인슐린을 어떻게 낮추나요?",
        "지방간의 원인은 무엇이고 회복하는 데 얼마나 걸리나요?",
    ],
    "zh": [
        "为什么晚上吃得晚比中午吃同样的饭更容易让血糖升高？",
        "断食怎样降低糖尿病人的胰岛素？",
        "脂肪肝是什么原因引起的，多久能恢复？",
    ],
}
# Talks about food and the body say some of these words by chance: sugar in a talk on bread, the meal in one on dogs.
NEAR_ENOUGH = ("ar", "it", "ko")


def talk_in(language: str) -> tuple[dict, list[str]]:
    """The labelled passages of a language as one talk, and questions that people asked in other words than the talk's."""
    record = read_json(LABELLED / f"languages/{language}.json")
    text = "\n".join(record["passages"])
    return talk(text, language), [question["question"] for question in record["questions"]]


def talk(text: str, language: str | None, title: str = "A talk") -> dict:
    return {"video_id": "abcdefghijk", "title": title, "status": "ok", "language": language, "text": text}


def own_questions(name: str) -> list[str]:
    pairs = [pair for _, pair in read_json_lines(LABELLED / "pairs.jsonl")]
    return [pair["question"] for pair in pairs if pair["talk"] == name and pair["label"] == "good"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_questions_on_the_subject_pass_in_every_language_even_in_a_layman_s_words(language):
    record, asked = talk_in(language)
    assert questions_beside_the_talk(record, asked) == []
    assert questions_beside_the_talk({**record, "language": None}, asked) == []


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language not in NEAR_ENOUGH])
def test_questions_on_medicine_are_noticed_in_other_talks(language):
    beside = questions_beside_the_talk(talk_in(language)[0], MEDICAL[language])
    assert len(beside) >= 2 and set(beside) <= set(MEDICAL[language])


@pytest.mark.parametrize("name", sorted(TALKS))
def test_whole_talks_know_their_own_questions_and_not_those_of_medicine(name):
    record = talk(TALKS[name]["text"], TALKS[name]["language"])
    assert questions_beside_the_talk(record, own_questions(name)) == []
    assert len(questions_beside_the_talk(record, MEDICAL[record["language"]])) >= 2


@pytest.mark.parametrize(
    "asked",
    [
        [],
        ["Why?"],
        ["How does part 1 of 3f9a work?", "How does part 2 of 3f9a work?"],
        MEDICAL["en"][:1],
        MEDICAL["fr"],
    ],
    ids=["none", "no noun", "hardly a noun", "one", "in another language"],
)
def test_what_says_too_little_or_is_in_another_language_is_not_judged(asked):
    assert questions_beside_the_talk(talk(TALKS["water"]["text"], "en"), asked) == []


def test_a_talk_about_medicine_may_be_asked_about_medicine():
    text = "When you fast, insulin falls. Sugar leaves the blood, the fatty liver heals, and the meal at noon does less harm."
    assert questions_beside_the_talk(talk(text, "en"), MEDICAL["en"]) == []


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(answers, off_topic: str = "stop", asked: list[str] = MEDICAL["en"]) -> None:
    check_subject(
        talk(TALKS["compost"]["text"], "en"),
        [{"question": question} for question in asked],
        "prompts/questions.md",
        off_topic,
        answers,
    )


def test_the_run_stops_and_the_message_names_the_prompt_and_the_key(here):
    with pytest.raises(RunStopped, match=r"3 of 3 questions .* prompts/questions\.md .* questions\.off_topic: warn"):
        check(here / "data/answers")
    assert STOP_FILE.exists()


def test_nothing_stops_a_project_that_has_answers_nor_one_that_says_so(here, caplog):
    check(here / "data/answers", "warn")
    check(here / "data/answers", "ignore")
    (here / "data/answers/abcdefghijk").mkdir(parents=True)
    (here / "data/answers/abcdefghijk/q01.json").write_text("{}")
    check(here / "data/answers")
    assert not STOP_FILE.exists()


def test_no_answer_is_asked_for_and_a_mended_prompt_goes_on(new_project, teacher, session_teacher):
    off = {"questions": [{"question": question, "tags": ["insulin"]} for question in MEDICAL["en"]]}
    session_teacher.questions_reply = json.dumps(off)
    try:
        said = new_project.snakemake("data/dataset/train.jsonl", succeeds=False)
        assert "prompts/questions.md tells the teacher model what to ask" in said
        assert teacher.asked(kind="answers") == [] and not list(new_project.path.glob("data/answers/*/*"))
        asked = len(teacher.asked())
        new_project.snakemake("data/dataset/train.jsonl", succeeds=False)
        assert len(teacher.asked()) <= 2 and len(teacher.asked()) - asked <= 1, "a stored reply was asked for again"
    finally:
        session_teacher.questions_reply = None
    prompt = new_project / "prompts/questions.md"
    prompt.write_text(prompt.read_text() + "\nOnly what the talk is about.\n")
    new_project.snakemake("data/dataset/train.jsonl")
