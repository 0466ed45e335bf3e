"""Each verdict of the doctor has pairs on both sides of its line, in English and, where words matter, in German and Spanish."""

import pytest

from project import REPOSITORY
from understudy.configuration import complete_configuration
from understudy.dataset.doctor.doctor import Doctor, Talk
from understudy.text.voices import Voices

SCHEMA = REPOSITORY / "schemas/config.schema.yaml"
NEEDED = {"name": "x", "source": {"captions_dir": "x"}, "teacher": {"gguf": "x.gguf"}, "base_model": "x"}
DATASET = complete_configuration(NEEDED, SCHEMA)["dataset"]
PROMPTS = [(REPOSITORY / "prompts" / name).read_text() for name in ("questions.md", "answers.md")]
TALKS = {
    "en": """Tomatoes drink more than people think. I give each plant ten litres of water on a Monday and nothing more until
    the next one, because roots that look for water grow deep, and deep roots carry a plant through a dry summer. Water in
    the morning, at the foot of the plant, never on the leaves, since wet leaves bring blight. My grandmother kept a rain
    barrel behind the shed and never watered from the tap. Mulch with straw so that the soil stays cool. When the lower
    leaves turn yellow, feed the soil with compost first, and only then think of disease.
A plant in a pot needs water every day, because the pot has no depth for the roots to search.""",
    "de": """Tomaten trinken mehr, als man denkt. Ich gebe jeder Pflanze montags zehn Liter Wasser und dann nichts mehr bis
    zum nächsten Montag, denn Wurzeln, die Wasser suchen, wachsen tief, und tiefe Wurzeln tragen die Pflanze durch einen
    trockenen Sommer. Gießen Sie am Morgen, am Fuß der Pflanze, niemals auf die Blätter, denn nasse Blätter bringen die
    Krautfäule. Meine Großmutter hatte eine Regentonne hinter dem Schuppen. Mulchen Sie mit Stroh, damit die Erde kühl
    bleibt. Werden die unteren Blätter gelb, füttern Sie zuerst den Boden mit Kompost.""",
    "es": """Los tomates beben más de lo que la gente cree. Yo le doy a cada planta diez litros de agua los lunes y nada más
    hasta el lunes siguiente, porque las raíces que buscan agua crecen hondo, y las raíces hondas sostienen la planta durante
    un verano seco. Riega por la mañana, al pie de la planta, nunca sobre las hojas, porque las hojas mojadas traen el
    mildiu. Mi abuela tenía un barril de lluvia detrás del cobertizo. Cubre la tierra con paja para que siga fresca. Cuando
    las hojas de abajo se ponen amarillas, alimenta primero la tierra con compost.""",
}
GOOD = {
    "en": (
        "How much water does a tomato plant need each week?",
        "Give each plant **ten litres on a Monday**, and nothing more until the next one.\n\n"
        "- **Roots:** they search for water and grow deep.\n- **Leaves:** keep them dry, because wet leaves bring blight.",
    ),
    "de": (
        "Wie viel Wasser braucht eine Tomatenpflanze in der Woche?",
        "Geben Sie jeder Pflanze **zehn Liter am Montag** und dann nichts mehr bis zum nächsten.\n\n"
        "- **Wurzeln:** Sie suchen das Wasser und wachsen tief.\n- **Blätter:** Halten Sie die Blätter trocken, sonst "
        "kommt die Krautfäule.",
    ),
    "es": (
        "¿Cuánta agua necesita una planta de tomate por semana?",
        "Dale a cada planta **diez litros los lunes** y nada más hasta el siguiente.\n\n"
        "- **Raíces:** buscan el agua y crecen hondo.\n- **Hojas:** que sigan secas, porque las hojas mojadas traen el mildiu.",
    ),
}


def count_words(question: str, answer: str) -> int:
    return len(f"{question} {answer}".split())


def verdicts(question: str, answer: str, language: str = "en", **changes) -> list[str]:
    """The doctor's verdicts on a pair about the talk of a language."""
    doctor = Doctor(
        {**DATASET["doctor"], **changes.get("thresholds", {})},
        {**DATASET["verdicts"], **changes.get("levels", {})},
        changes.get("names", ["Nell Harrow"]),
        PROMPTS,
        count_words,
        changes.get("max_tokens", 500),
    )
    talk = Talk({"text": TALKS[language], "language": language, "segments": [[0.0, 60.0, TALKS[language]]]})
    return [remark.verdict for remark in doctor.remarks_on(question, answer, talk)[0]]


@pytest.mark.parametrize("language", list(GOOD))
def test_a_good_pair_has_no_remark(language):
    assert verdicts(*GOOD[language], language) == []


ILL_QUESTIONS = [
    ("en", "What does the speaker say about water?"),
    ("en", "How much water is recommended in this video?"),
    ("en", "Why is it so important?"),
    ("en", "How do they grow?"),
    ("en", "Which three mistakes are mentioned?"),
    ("de", "Warum ist das so wichtig?"),
    ("de", "Was empfiehlt der Sprecher beim Gießen?"),
    ("de", "Wie viel Wasser wird in diesem Video empfohlen?"),
    ("es", "¿Por qué es tan importante eso?"),
    ("es", "¿Qué recomienda el ponente sobre el riego?"),
    ("es", "¿Cuánta agua se recomienda en este vídeo?"),
]
SOUND_QUESTIONS = [
    ("en", "Is it better to water tomatoes in the morning?"),
    ("en", "How long does it take until tomato roots grow deep?"),
    ("en", "Why do roots grow deep when they look for water?"),
    ("en", "Where should I put the speaker when I play music to my tomatoes?"),
    ("en", "Should I water this year's tomatoes more than last year's?"),
    ("de", "Wie lange dauert es, bis die Wurzeln tief sind?"),
    ("de", "Wann ist das Gießen am besten?"),
    ("de", "Was hilft, wenn Tomaten gelbe Blätter haben und sie hängen lassen?"),
    ("es", "¿Es mejor regar los tomates por la mañana?"),
    ("es", "¿Qué hago si la planta está seca y esta se dobla?"),
]


@pytest.mark.parametrize(("language", "question"), ILL_QUESTIONS)
def test_a_question_that_needs_the_talk_is_not_standalone(language, question):
    assert "not_standalone" in verdicts(question, GOOD[language][1], language)


@pytest.mark.parametrize(("language", "question"), SOUND_QUESTIONS)
def test_a_question_with_its_noun_is_standalone(language, question):
    assert verdicts(question, GOOD[language][1], language) == []


@pytest.mark.parametrize(
    ("language", "opening"),
    [
        ("en", "The speaker explains that roots grow deep. "),
        ("en", "According to the transcript, water is needed. "),
        ("en", "Nell Harrow waters on Mondays. "),
        ("en", "She recommends water. "),
        ("de", "Der Sprecher empfiehlt zehn Liter. "),
        ("de", "Laut dem Vortrag reichen zehn Liter. "),
        ("es", "El ponente recomienda diez litros. "),
        ("es", "Según la charla, bastan diez litros. "),
    ],
)
def test_an_answer_about_the_teacher_is_in_the_third_person(language, opening):
    assert "third_person" in verdicts(GOOD[language][0], opening + GOOD[language][1], language)


@pytest.mark.parametrize(
    ("language", "ending"),
    [
        ("en", "\n\nMy grandmother never watered from the tap, she says to this day."),
        ("en", "\n\nI explain it to every neighbour who asks."),
        ("en", "\n\nI am Nell Harrow, and I still carry the can myself."),
        ("de", "\n\nMeine Großmutter sagte immer, die Regentonne reicht."),
        ("es", "\n\nMi abuela decía que la lluvia basta."),
    ],
)
def test_somebody_else_may_be_in_the_third_person(language, ending):
    assert verdicts(GOOD[language][0], GOOD[language][1] + ending, language) == []


@pytest.mark.parametrize(
    ("language", "answer"),
    [
        (
            "en",
            "I'm sorry, but I can't help with that question about tomatoes. Please ask somebody in your garden centre.",
        ),
        (
            "en",
            "As an AI language model, I have no garden. Tomatoes need **water**, though, ten litres on a Monday for each plant.",
        ),
        (
            "en",
            "The transcript does not mention how much water tomatoes need, and so nothing more can be said about it here.",
        ),
        (
            "de",
            "Dazu kann ich leider keine Angaben machen. Fragen Sie bitte jemanden in Ihrer Gärtnerei nach Wasser und Tomaten.",
        ),
        (
            "de",
            "Als KI habe ich keinen Garten. Tomaten brauchen aber **Wasser**, zehn Liter am Montag für jede Pflanze im Beet.",
        ),
        (
            "es",
            "Lo siento, pero no puedo responder a esa pregunta sobre los tomates y el agua que necesitan durante el verano.",
        ),
    ],
)
def test_an_answer_that_declines_is_a_refusal(language, answer):
    assert "refusal" in verdicts(GOOD[language][0], answer, language)


@pytest.mark.parametrize(
    ("language", "ending"),
    [
        (
            "en",
            "\n\nI have not measured how much a **pot** needs, but it has no depth, and so it wants water every day.",
        ),
        ("de", "\n\nWie viel ein Topf braucht, habe ich **nicht gemessen**, aber ihm fehlt die Tiefe für die Wurzeln."),
        ("es", "\n\nNo he medido cuánta agua quiere una **maceta**, pero le falta hondura para las raíces."),
    ],
)
def test_a_limit_that_is_admitted_is_no_refusal(language, ending):
    assert verdicts(GOOD[language][0], GOOD[language][1] + ending, language) == []


@pytest.mark.parametrize(
    ("language", "answer"),
    [
        ("en", "Give each plant **ten litres on a Monday**. The roots search for water, grow deep and carry the"),
        ("en", GOOD["en"][1] + "\n- **Mulch:** straw keeps the soil"),
        ("en", GOOD["en"][1] + "\n\n## Feeding the soil"),
        ("en", GOOD["en"][1] + "\n\n```\nwater(10)\n"),
        ("en", GOOD["en"][1] + "\n\nThree more things matter:"),
        ("de", "Geben Sie jeder Pflanze **zehn Liter am Montag**. Die Wurzeln suchen das Wasser und wachsen tief und"),
        ("es", "Dale a cada planta **diez litros los lunes**. Las raíces buscan el agua, crecen hondo y sostienen la"),
    ],
)
def test_an_answer_that_stops_before_its_end_is_cut_off(language, answer):
    assert verdicts(GOOD[language][0], answer, language) == ["cut_off"]


@pytest.mark.parametrize(
    "ending",
    [
        "\n\n- straw for the soil\n- compost for the leaves",
        "\n\n```\nwater(litres=10)\n```",
        '\n\nAs I say: "deep roots carry a plant."',
        "\n\nThat is all it takes 🍅",
        "\n\n> Water at the foot of the plant.",
    ],
)
def test_an_answer_may_end_without_a_full_stop(ending):
    assert verdicts(GOOD["en"][0], GOOD["en"][1] + ending) == []


@pytest.mark.parametrize(
    ("language", "ending"),
    [
        ("de", "\n\n- Stroh für die Erde\n- Kompost für die Blätter"),
        ("de", "\n\nMeine Großmutter sagte: „Die Wurzeln suchen das Wasser.“"),
        ("de", "\n\nMeine Großmutter sagte: »Die Wurzeln suchen das Wasser.«"),
        ("es", "\n\n- paja para la tierra\n- compost para las hojas"),
        ("es", "\n\nMi abuela decía: «Las raíces buscan el agua.»"),
    ],
)
def test_an_answer_may_end_as_its_language_does(language, ending):
    assert verdicts(GOOD[language][0], GOOD[language][1] + ending, language) == []


@pytest.mark.parametrize(("talk", "written"), [("en", "de"), ("en", "es"), ("de", "en"), ("es", "en"), ("de", "es")])
def test_another_language_is_wrong(talk, written):
    assert "wrong_language" in verdicts(GOOD[talk][0], GOOD[written][1], talk)
    assert "wrong_language" in verdicts(*GOOD[written], talk)
    assert "wrong_language" not in verdicts(*GOOD[written], talk, thresholds={"language": written})


def words(count: int, language: str = "en") -> str:
    """So many words of a talk, no ten of them in its order."""
    chosen = TALKS[language].replace(".", "").replace(",", "").split()
    return " ".join((chosen[::3] + chosen[1::3] + chosen[2::3])[:count]) + "."


@pytest.mark.parametrize("language", list(GOOD))
def test_a_long_answer_needs_structure(language):
    question = GOOD[language][0]
    block = words(81, language)
    assert "no_structure" in verdicts(question, block, language)
    assert "no_structure" not in verdicts(question, words(79, language), language)
    assert "no_structure" not in verdicts(question, "**Water**: " + block, language)
    assert "no_structure" not in verdicts(question, block + "\n\n" + GOOD[language][1], language)
    # Asterisks are no emphasis: the syntax tree says so.
    assert "no_structure" in verdicts(question, block.replace(" ", " 5 * 3 * 2 ", 1), language)


def test_a_paragraph_can_be_too_long():
    longer = {"max_paragraph_words": 60}
    answer = f"**Water.**\n\n{words(61)}"
    assert "no_structure" in verdicts(GOOD["en"][0], answer, thresholds=longer)
    assert "no_structure" not in verdicts(GOOD["en"][0], f"**Water.**\n\n{words(60)}", thresholds=longer)


@pytest.mark.parametrize(
    "broken",
    [
        "The **roots grow deep.",
        "The `roots grow deep.",
        "The <b>roots</b> grow deep.",
        "The roots &amp; the leaves.",
        "See [the roots](http",
        "##Roots of a plant\nThey grow deep.",
        "| roots | leaves |\n| deep | dry |",
        "It needs three things: - water - straw - compost.",
        "It needs 1. water 2. straw 3. compost.",
    ],
)
def test_broken_markdown_is_told(broken):
    assert "broken_markdown" in verdicts(GOOD["en"][0], f"{GOOD['en'][1]}\n\n{broken}")


@pytest.mark.parametrize(
    "sound",
    [
        "Ten litres - no more - are enough, 2 * 3 * 4 plants or 2**3.",
        "| roots | leaves |\n| --- | --- |\n| deep | dry |",
        "In code: `a ** b`, `<b>` and `&amp;`.",
        "```html\n<b>roots</b> **\n```",
        "Roots < leaves & soil > sand.",
        "1. water\n2. straw\n3. compost",
    ],
)
def test_sound_markdown_is_left_alone(sound):
    assert verdicts(GOOD["en"][0], f"{GOOD['en'][1]}\n\n{sound}") == []


def test_lengths_have_a_line():
    fifteen = "Give each plant **ten litres** of water on a Monday and nothing more until Tuesday."
    assert verdicts(GOOD["en"][0], fifteen) == []
    assert verdicts(GOOD["en"][0], fifteen.replace("of water ", "")) == ["too_short"]
    assert verdicts("Tomato water?", fifteen) == ["too_short"]
    tokens = count_words(*GOOD["en"])
    assert verdicts(*GOOD["en"], max_tokens=tokens) == []
    assert verdicts(*GOOD["en"], max_tokens=tokens - 1) == ["too_long"]


@pytest.mark.parametrize("language", list(GOOD))
def test_a_loop_repeats_itself(language):
    question, answer = GOOD[language]
    loop = answer.rsplit("**", 1)[-1].strip(": ")
    assert "repeats_itself" in verdicts(question, f"{answer}\n\n" + " ".join([loop] * 4), language)
    assert "repeats_itself" not in verdicts(question, answer, language)


@pytest.mark.parametrize("language", list(GOOD))
def test_a_passage_of_the_transcript_is_a_copy_and_a_quotation_is_not(language):
    question, answer = GOOD[language]
    spoken = TALKS[language].split()
    assert "copies_transcript" in verdicts(question, f"{answer}\n\n{' '.join(spoken[10:56])}.", language)
    assert "copies_transcript" not in verdicts(question, f"{answer}\n\n{' '.join(spoken[10:38])}.", language)


@pytest.mark.parametrize("language", list(GOOD))
def test_an_answer_from_elsewhere_is_off_topic(language):
    elsewhere = {
        "en": "**Compound interest** rewards patience: invest monthly, ignore market headlines, choose cheap index funds, and "
        "rebalance yearly.",
        "de": "**Zinseszins** belohnt Geduld: monatlich investieren, Schlagzeilen ignorieren, günstige Indexfonds wählen, "
        "jährlich umschichten, niemals panisch verkaufen.",
        "es": "El **interés compuesto** premia la paciencia: invierte mensualmente, ignora titulares, elige fondos indexados "
        "baratos, reequilibra anualmente y conserva.",
    }
    assert verdicts(GOOD[language][0], elsewhere[language], language) == ["off_topic"]


@pytest.mark.parametrize(
    ("language", "datum"),
    [
        ("en", "Write to nell.harrow@gardenmail.org about it."),
        ("en", "Call me on (212) 736-5000 about it."),
        ("en", "My shed is at 42 Maple Street, Springfield."),
        ("en", "Ring me on 020 7946 0958 any morning."),
        ("de", "Schreiben Sie an nell@gartenpost.de, gern auch spät."),
        ("de", "Rufen Sie mich unter 030 12345678 an."),
        ("de", "Mein Garten liegt in der Lindenstraße 12, 10969 Berlin."),
        ("es", "Llámame al 612 345 678 por la mañana."),
        ("es", "Mi huerto está en la Calle Mayor 15, 28013 Madrid."),
    ],
)
def test_personal_data_is_found(language, datum):
    assert "personal_data" in verdicts(GOOD[language][0], f"{GOOD[language][1]}\n\n{datum}", language)


@pytest.mark.parametrize(
    ("language", "number"),
    [
        ("en", "From 1914 to 1918, and 1,500,000 plants since."),
        ("en", "On 2024-05-12 at 10:30 I gave 10.5 litres to 12 plants."),
        ("en", "Ask `user@example.com`, or not."),
        ("en", "I walked 12 rows of beans, then 5 Street trees."),
        ("de", "Von 1914 bis 1918, und seitdem 1.500.000 Pflanzen."),
        ("de", "Am 12.05.2024 um 10:30 gab ich 10,5 Liter; der Weg 12 Meter lang, an der Straße 3 Bäume."),
        ("es", "De 1914 a 1918, y desde entonces 1.500.000 plantas."),
        ("es", "El 12/05/2024 a las 10:30 di 10,5 litros; en la calle hay 12 árboles."),
    ],
)
def test_other_numbers_are_no_personal_data(language, number):
    assert "personal_data" not in verdicts(GOOD[language][0], f"{GOOD[language][1]}\n\n{number}", language)


def test_the_prompts_words_are_a_leak():
    instruction = "Begin with the answer itself, without a greeting and without repeating the question."
    assert "prompt_leak" in verdicts(GOOD["en"][0], f"{GOOD['en'][1]}\n\n{instruction}")
    assert verdicts(GOOD["en"][0], f"{GOOD['en'][1]}\n\nBegin with the answer itself, I say.") == []


@pytest.mark.parametrize(
    ("question", "answer"), [("", "So."), ("...", "So."), ("Why not?", " \n"), ("Why not?", "**\n- ")]
)
def test_a_pair_without_words_is_empty_and_nothing_else(question, answer):
    assert verdicts(question, answer) == ["empty"]


def test_a_verdict_can_warn_or_be_ignored():
    question, answer = "Why is it so important?", GOOD["en"][1]
    assert verdicts(question, answer, levels={"not_standalone": "ignore"}) == []
    assert verdicts(question, answer, levels={"not_standalone": "warn"}) == ["not_standalone"]


@pytest.mark.parametrize(
    "piece", ["1. a 2. b ", "**", "[x](", "- a ", "Calle Aaa de la ", "call 1 2 3 ", "12 Aaa ", "the speaker ", "it "]
)
def test_a_hostile_answer_is_examined_like_any_other(piece):
    """Each of these would take hours with a pattern that goes back and forth over the text."""
    assert verdicts("How do I plant tomatoes?", piece * 3000)


@pytest.mark.parametrize("label", ["[SPEAKER_00]:", "SPEAKER_01", "speaker_0", "[Speaker 1]", "(spk 2)", "Guest 2:"])
def test_a_label_that_a_program_gave_a_voice_reaches_no_answer(label):
    question, answer = GOOD["en"]
    record = {"text": TALKS["en"], "language": "en", "segments": [[0.0, 60.0, TALKS["en"], "Guest 2"]]}
    talk = Talk(record | {"voices": Voices({"Guest 2": 1.0}, frozenset(["Guest 2"]))})
    doctor = Doctor(DATASET["doctor"], DATASET["verdicts"], [], PROMPTS, count_words, 500)
    for pair in ((question, f"{label} {answer}"), (f"{question[:-1]} as {label} says?", answer)):
        remarks = {remark.verdict: remark for remark in doctor.remarks_on(*pair, talk)[0]}
        assert (
            remarks["broken_markdown"].level == "reject"
            and "a label of the captions" in remarks["broken_markdown"].says
        )


@pytest.mark.parametrize(
    "said", ["Connect speaker 1 to the left.", "The speaker (1 of 2) hums.", "Guest 2 is a network."]
)
def test_a_speaker_that_is_no_label_stays(said):
    question, answer = GOOD["en"]
    assert verdicts(question, f"{answer}\n- {said}") == []
