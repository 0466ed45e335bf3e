"""The same question in other words, and another question in the same words, in every language that has a list."""

import json
from collections import Counter

import pandas as pd
import pytest

from project import REPOSITORY
from understudy.dataset.duplicates.meaning import all_lists
from understudy.dataset.duplicates.pairs import similar_pairs

NEAR = {
    "en": [
        ("At what depth should garlic be planted?", "How deep should I plant garlic?"),
        ("Why did the Roman Empire fall?", "What was the reason for the fall of the Roman Empire?"),
        ("How much time does concrete need to cure?", "How long does it take for concrete to cure?"),
        ("In a rented flat, who has to pay for repairs?", "Who pays for repairs in a rented flat?"),
        ("When should a dog be fed?", "When should I feed my dog?"),
        ("How often should I water tomatoes?", "How often do tomatoes need to be watered?"),
    ],
    "de": [
        ("Wie oft soll ich Tomaten gießen?", "Wie häufig müssen Tomaten gegossen werden?"),
        ("Wozu dient das Gewicht am Kran?", "Welchen Zweck hat das Gewicht am Kran?"),
        ("Wann schneidet man Rosen am besten?", "Was ist die beste Zeit, um Rosen zu schneiden?"),
        ("Wie lagert man Kartoffeln im Winter richtig?", "Wie soll ich im Winter meine Kartoffeln richtig lagern?"),
        ("Warum ist der Teig gescheitert?", "Wieso scheitert mein Teig?"),
    ],
    "es": [
        ("¿Cada cuánto se deben regar los tomates?", "¿Con qué frecuencia hay que regar los tomates?"),
        ("¿Qué función tiene el contrapeso de una grúa?", "¿Para qué sirve el contrapeso de una grúa?"),
        ("¿Cuándo hay que podar los rosales?", "¿Cuándo se podan los rosales?"),
    ],
    "fr": [
        ("À quel moment tailler les rosiers ?", "Quand faut-il tailler les rosiers ?"),
        ("À quoi sert le contrepoids d'une grue ?", "Quelle est l'utilité du contrepoids d'une grue ?"),
        ("Combien d'eau faut-il donner aux tomates ?", "Combien d'eau doit-on donner à ses tomates ?"),
        ("Pourquoi l'argile retient-elle l'eau ?", "Pour quelle raison est-ce que l'argile retient l'eau ?"),
    ],
    "it": [
        ("Quante volte devo annaffiare i pomodori?", "Ogni quanto bisogna annaffiare i pomodori?"),
        ("Perché il pane non lievita?", "Come mai il mio pane non lievita?"),
    ],
    "pt": [
        ("Com que frequência devo regar os tomates?", "Quantas vezes é preciso regar os tomates?"),
        ("Por que o pão não cresce?", "Porque é que o meu pão não cresce?"),
    ],
    "nl": [
        ("Wanneer moet je rozen snoeien?", "Wanneer moeten rozen gesnoeid worden?"),
        ("Hoe vaak moet ik tomaten water geven?", "Hoe vaak moeten tomaten water krijgen of geven?"),
        ("Waarom rijst mijn brood niet?", "Hoezo rijst het brood niet?"),
    ],
    "ru": [
        ("Как часто нужно поливать помидоры?", "Как часто следует поливать помидоры?"),
        ("Почему хлеб не поднимается?", "Отчего не поднимается мой хлеб?"),
    ],
    "ar": [("كم مرة يجب أن أسقي الطماطم؟", "كم مرة يمكن أن أسقي الطماطم؟")],
    "hi": [
        ("टमाटर को कितना पानी चाहिए?", "टमाटर को कितना पानी देना चाहिए?"),
        ("क्या मैं टमाटर की छंटाई करूं या नहीं?", "क्या टमाटर की छंटाई करूं या नहीं?"),
    ],
    "ko": [
        ("왜 빵이 부풀지 않나요?", "빵이 부풀지 않는 이유는 무엇인가요?"),
        ("토마토에 물을 얼마나 자주 주어야 하나요?", "토마토는 물을 얼마나 자주 줘야 합니까?"),
        ("장미는 언제 심어야 하나요?", "장미를 언제 심어야 합니까?"),
    ],
    "ja": [
        ("トマトにはどのくらい水をやればいいですか？", "トマトにどれくらい水をやるべきですか？"),
        ("なぜ睡眠は健康に大切なのですか？", "どうして睡眠は健康に大切ですか"),
    ],
    "zh": [("番茄多久浇一次水？", "番茄应该多久浇一次水？"), ("为什么睡眠对健康很重要？", "为何睡眠对健康这么重要？")],
    "th": [("ควรรดน้ำมะเขือเทศบ่อยแค่ไหน", "ต้องรดน้ำมะเขือเทศบ่อยแค่ไหนครับ")],
}
APART = {
    "en": [
        ("Who won the first Punic War?", "Who won the second Punic War?"),
        ("What is the best time to buy a house?", "What is the best place to buy a house?"),
        (
            "How do I start a compost heap in a small city garden?",
            "How do I stop a compost heap in a small city garden?",
        ),
        (
            "How many litres of water does a tomato plant need each week in a hot dry summer?",
            "How many litres of water does a bean plant need each week in a hot dry summer?",
        ),
        ("Why does my bread rise too much in the oven?", "Why does my bread rise too little in the oven?"),
        ("How do I get more nitrogen into the soil?", "How do I avoid getting nitrogen into the soil?"),
    ],
    "de": [
        ("Wie schalte ich die Heizung ein?", "Wie schalte ich die Heizung aus?"),
        ("Wie ziehe ich die Schraube an, wenn sie klemmt?", "Wie ziehe ich die Schraube aus, wenn sie klemmt?"),
        ("Ist es gefährlich, hier zu baden?", "Ist es gut, hier zu baden?"),
        (
            "Wie viel Wasser brauchen Tomaten im Gewächshaus jede Woche im heißen Sommer?",
            "Wie viel Wasser brauchen Gurken im Gewächshaus jede Woche im heißen Sommer?",
        ),
        ("Wie kann ich den Blutdruck auf Dauer senken?", "Wie kann ich den Blutdruck auf Dauer erhöhen?"),
        ("Wie verhindere ich Schimmel im Keller?", "Wie entsteht Schimmel im Keller?"),
    ],
    "es": [
        ("¿Cuánta agua necesitan los tomates en verano?", "¿Cuánta agua necesitan las judías en verano?"),
        ("¿Qué debo comer antes de correr?", "¿Qué debo comer después de correr?"),
    ],
    "fr": [
        (
            "Combien d'eau faut-il donner aux tomates chaque semaine en été ?",
            "Combien d'eau faut-il donner aux haricots chaque semaine en été ?",
        ),
        ("Comment faire une pâte à tarte avec du beurre ?", "Comment faire une pâte à tarte sans beurre ?"),
        ("Quand faut-il tailler les rosiers ?", "Pourquoi faut-il tailler les rosiers ?"),
        ("Comment augmenter la tension artérielle ?", "Comment baisser la tension artérielle ?"),
    ],
    "it": [
        (
            "Quanta acqua bisogna dare ai pomodori ogni settimana in estate?",
            "Quanta acqua bisogna dare ai fagioli ogni settimana in estate?",
        ),
        ("Come si fa il pane con il lievito?", "Come si fa il pane senza lievito?"),
        ("Quando si potano le rose?", "Perché si potano le rose?"),
    ],
    "pt": [
        (
            "Quanta água preciso de dar aos tomates todas as semanas no verão?",
            "Quanta água preciso de dar aos feijões todas as semanas no verão?",
        ),
        ("O que devo comer antes de correr?", "O que devo comer depois de correr?"),
        ("Como aumentar a pressão arterial?", "Como diminuir a pressão arterial?"),
    ],
    "nl": [
        ("Hoe zet ik de verwarming aan?", "Hoe zet ik de verwarming uit?"),
        (
            "Hoeveel water moet ik tomaten elke week geven in de zomer?",
            "Hoeveel water moet ik bonen elke week geven in de zomer?",
        ),
        ("Hoe bak ik brood met gist?", "Hoe bak ik brood zonder gist?"),
        ("Wanneer snoei je rozen?", "Waarom snoei je rozen?"),
    ],
    "ru": [
        ("Сколько воды нужно помидорам каждую неделю летом?", "Сколько воды нужно огурцам каждую неделю летом?"),
        ("Что есть до тренировки?", "Что есть после тренировки?"),
        ("Когда обрезают розы?", "Почему обрезают розы?"),
    ],
    "ar": [
        ("كم من الماء تحتاج الطماطم في الصيف؟", "كم من الماء يحتاج الخيار في الصيف؟"),
        ("ماذا آكل قبل الجري؟", "ماذا آكل بعد الجري؟"),
        ("لماذا نقلم الورد؟", "متى نقلم الورد؟"),
    ],
    "hi": [
        ("गर्मियों में टमाटर को कितना पानी चाहिए?", "गर्मियों में खीरे को कितना पानी चाहिए?"),
        ("दौड़ने से पहले क्या खाना चाहिए?", "दौड़ने के बाद क्या खाना चाहिए?"),
        ("रोटी क्यों नहीं फूलती?", "रोटी कब नहीं फूलती?"),
    ],
    "ko": [
        ("여름에 토마토는 물을 얼마나 자주 주어야 하나요?", "여름에 오이는 물을 얼마나 자주 주어야 하나요?"),
        ("달리기 전에 무엇을 먹어야 하나요?", "달리기 후에 무엇을 먹어야 하나요?"),
        ("장미는 언제 심어야 하나요?", "장미는 왜 심어야 하나요?"),
    ],
    "ja": [
        ("夏のトマトには毎週どのくらい水をやればいいですか？", "夏のナスには毎週どのくらい水をやればいいですか？"),
        ("りんごはいつ収穫しますか？", "みかんはいつ収穫しますか？"),
        ("走る前に何を食べるべきですか？", "走った後に何を食べるべきですか？"),
        ("血圧を上げるにはどうすればいいですか？", "血圧を下げるにはどうすればいいですか？"),
    ],
    "zh": [
        ("夏天番茄每周需要浇多少水？", "夏天黄瓜每周需要浇多少水？"),
        ("跑步前吃什么？", "跑步后吃什么？"),
        ("怎么快速降低血压？", "怎么快速升高血压？"),
        ("小番茄怎么浇水？", "番茄怎么浇水？"),
    ],
    "th": [
        ("ควรรดน้ำมะเขือเทศบ่อยแค่ไหนในฤดูร้อน", "ควรรดน้ำแตงกวาบ่อยแค่ไหนในฤดูร้อน"),
        ("ควรกินอะไรก่อนวิ่ง", "ควรกินอะไรหลังวิ่ง"),
    ],
}
# A language without a list: every word counts, so that no pair is lost.
WITHOUT_LIST = {
    "sv": (
        "Hur mycket vatten behöver tomater varje vecka på sommaren?",
        "Hur mycket vatten behöver bönor varje vecka på sommaren?",
        "Hur mycket vatten behöver tomater varje vecka på sommaren om jorden är torr?",
    ),
    "pl": (
        "Ile wody potrzebują pomidory w każdym tygodniu latem?",
        "Ile wody potrzebuje fasola w każdym tygodniu latem?",
        "Ile wody potrzebują pomidory w każdym tygodniu latem pod folią?",
    ),
    "fi": (
        "Kuinka paljon vettä tomaatit tarvitsevat joka viikko kesällä?",
        "Kuinka paljon vettä pavut tarvitsevat joka viikko kesällä?",
        "Kuinka paljon vettä tomaatit tarvitsevat joka viikko kesällä kasvihuoneessa?",
    ),
    "he": ("כמה מים צריכות העגבניות כל שבוע בקיץ החם?", "כמה מים צריכה השעועית כל שבוע בקיץ החם?", "כמה מים?"),
}


def is_near(one: str, other: str, language: str | None) -> bool:
    pairs = pd.DataFrame({"question": [one, other], "answer": ["one", "other"], "language": language})
    return len(similar_pairs(pairs, 0.85, 0.7)) == 1


def test_every_language_with_a_list_has_cases_of_both_kinds():
    assert set(NEAR) == set(APART) == set(all_lists())
    assert {"en", "de", "es", "fr", "it", "pt", "nl", "ja", "zh", "ko", "ar", "hi", "ru"} <= set(NEAR)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("language", NEAR)
def test_the_same_question_in_other_words_is_near(language, known):
    for one, other in NEAR[language]:
        assert is_near(one, other, language if known else None), (one, other)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("language", APART)
def test_another_subject_end_or_way_of_asking_is_not(language, known):
    for one, other in APART[language]:
        assert not is_near(one, other, language if known else None), (one, other)


@pytest.mark.parametrize("language", WITHOUT_LIST)
def test_a_language_without_a_list_loses_no_pair(language):
    one, *others = WITHOUT_LIST[language]
    assert not any(is_near(one, other, language) for other in others)
    assert is_near(one, f"{one[:-1].upper()} ?", language)


@pytest.mark.parametrize("language", ["en", "de", "es", "fr"])
def test_the_shared_labels(language):
    """Written by somebody who saw no code. What is said in quite other words stays unfound: docs/dataset.md says so."""
    lines = (REPOSITORY / "tests/labelled/shared/near_questions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["language"] == language]
    found = Counter((row["label"], row["kind"]) for row in rows if is_near(row["a"], row["b"], None))
    asked = Counter((row["label"], row["kind"]) for row in rows)
    assert sum(count for (label, _), count in found.items() if label == "different") <= asked.total() / 60
    assert not found["different", "opposite"]
    assert found["duplicate", "reworded"] >= 0.6 * asked["duplicate", "reworded"]
