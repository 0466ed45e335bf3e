"""What a pair says of itself: by kind of words in four languages, and what is left alone."""

import pytest

from understudy.text.frames import frames_of, repeated_question


@pytest.mark.parametrize(
    ("language", "answer"),
    [
        ("en", "Sand the edge first. As demonstrated in the first minutes of the clip, a sharp edge sheds varnish."),
        ("en", "Sand the edge first. The test a moment ago showed how varnish sheds."),
        ("en", "Sand the edge first. This has been touched upon before, and it holds here."),
        ("de", "Schleife die Kante. Wie eingangs dargelegt, hält Lack dort nicht."),
        ("de", "Schleife die Kante. Das wurde vorhin schon angesprochen."),
        ("fr", "Poncez l'arête. Comme indiqué plus haut, le vernis n'y tient pas."),
        ("fr", "Poncez l'arête. L'essai présenté tout à l'heure le prouve."),
        ("es", "Lija el canto. En la prueba que se enseñó al principio el barniz saltó."),
        ("es", "Lija el canto. Según la ponencia, el barniz salta."),
        ("en", "Sand the edge. It shows in the third recording."),
        ("de", "Schleife die Kante. Im dritten Ausschnitt ist es zu sehen."),
        ("fr", "Poncez l'arête. On le voit dans le troisième extrait."),
        ("es", "Lija el canto. Se ve en la tercera grabación."),
    ],
)
def test_an_answer_that_points_back_speaks_of_its_source(language, answer):
    assert frames_of(language).answer_at_source(answer)


@pytest.mark.parametrize(
    ("language", "answer"),
    [
        ("en", "No minimum age was named for this, no threshold was given. Ask before you book."),
        ("en", "The exact price never comes up, so ask in the shop."),
        ("de", "Der genaue Grund bleibt ungeklärt. Frage nach."),
        ("de", "Dazu ist leider nichts zu erfahren."),
        ("fr", "On n'en sait pas plus : rien n'est indiqué."),
        ("es", "Hasta ahora no se ha concretado ninguna edad."),
        ("es", "Esa cuestión no se aborda, así que pregunta."),
    ],
)
def test_what_is_not_said_is_no_answer(language, answer):
    frames = frames_of(language)
    assert frames.declines(answer) or frames.answer_at_source(answer)


@pytest.mark.parametrize(
    ("language", "answer"),
    [
        ("en", "When the dose isn't specified, take the smaller one."),
        ("de", "Wird der Preis nicht genannt, frage danach."),
        ("de", "Das Tor bleibt nachts offen, denn der Igel geht hindurch."),
        ("fr", "Si la dose n'est pas précisée, prenez la plus petite."),
        ("es", "Cuando no se indica la dosis, toma la menor."),
    ],
)
def test_a_condition_says_nothing_of_the_source(language, answer):
    frames = frames_of(language)
    assert not frames.declines(answer) and not frames.answer_at_source(answer)


@pytest.mark.parametrize(
    ("language", "question", "answer"),
    [
        ("en", "How do I cut a video on a phone?", "In the video, mark both ends."),
        ("de", "Wie schneide ich ein Lernvideo?", "Im Video markierst du beide Enden."),
        ("fr", "Comment couper une vidéo ?", "Dans la vidéo, marquez les deux bouts."),
        ("es", "¿Cómo corto un vídeo?", "En el vídeo, marca los dos extremos."),
    ],
)
def test_what_the_question_brings_in_may_be_spoken_of(language, question, answer):
    frames = frames_of(language)
    assert "vid" not in frames.without_brought_in(question, answer).casefold()
    assert frames.without_brought_in("A stalk that rots?", "The talk is short.") == "The talk is short."


@pytest.mark.parametrize(
    ("language", "question", "answer"),
    [
        ("en", "How do I oil a table?", "The violinist recommends walnut oil."),
        ("de", "Wie öle ich eine Tischplatte?", "Er nimmt Walnussöl und wartet."),
        ("de", "Wie öle ich ein Brett?", "Sie nimmt Walnussöl und wartet."),
        ("de", "Wie öle ich ein Brett?", "Die Geigerin empfiehlt Walnussöl."),
        ("fr", "Comment huiler une table ?", "Il prend de l'huile de noix."),
        ("fr", "Comment huiler un banc ?", "Elle prend de l'huile de noix."),
        ("es", "¿Cómo aceito una mesa?", "Ella toma aceite de nuez."),
    ],
)
def test_who_was_not_named_is_the_teacher_seen_from_outside(language, question, answer):
    assert frames_of(language).outside_view(question, answer)


@pytest.mark.parametrize(
    ("language", "question", "answer"),
    [
        ("en", "How do I oil a table?", "The manufacturer recommends walnut oil."),
        ("en", "What does a violinist put on wood?", "The violinist recommends walnut oil."),
        ("de", "Wann ist Teig fertig?", "Er gibt unter dem Finger nach."),
        ("de", "Wie öle ich einen Tisch?", "Er braucht Walnussöl."),
        ("de", "Wie oft öle ich die Platte?", "Sie braucht jedes Jahr Öl."),
        ("de", "Was meint meine Ärztin mit Ruhe?", "Sie meint wohl Schlaf."),
        ("fr", "Comment huiler une table ?", "Il faut de l'huile de noix."),
        ("fr", "Comment huiler un banc ?", "Il boit l'huile de noix."),
        ("fr", "Pourquoi huiler la table ?", "Elle boit l'huile de noix."),
        ("es", "¿Qué hace mi abuela con la mesa?", "Ella toma aceite de nuez."),
    ],
)
def test_who_the_question_has_a_noun_for_is_left_alone(language, question, answer):
    assert not frames_of(language).outside_view(question, answer)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Why does my varnish peel?", "Why does your varnish peel? Because the wood was wet."),
        ("How do I oil a kitchen table?", "**How to oil a kitchen table**\n\nTake walnut oil."),
        ("Wie pflege ich meinen Küchentisch?", "## Küchentisch pflegen\n\nNimm Walnussöl."),
        ("¿Cómo aceito mi mesa?", "**Aceitar la mesa**\n\nToma aceite de nuez."),
    ],
)
def test_a_question_again_in_other_forms_is_the_question(question, answer):
    assert repeated_question(question, answer)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How do I know that varnish is dry?", "**Signs of dry varnish**\n\nIt isn't cold."),
        ("How do I oil a kitchen table?", "To oil a kitchen table:\n\n- Take walnut oil."),
        ("How do I oil a kitchen table?", "**Walnut oil**, thin.\n\nWait an hour."),
    ],
)
def test_a_title_of_its_own_is_none(question, answer):
    assert repeated_question(question, answer) is None


@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("en", "What did the second pupil sand first?"),
        ("en", "What was the result of the third trial?"),
        ("en", "What is the point made about varnish?"),
        ("de", "Was schliff der zweite Schüler zuerst?"),
        ("de", "Wie wurde der Fehler beim dritten Brett begründet?"),
        ("fr", "Qu'a poncé la deuxième cliente ?"),
        ("es", "¿Qué lijó la segunda clienta?"),
        ("es", "En el ejemplo de la mesa, ¿qué se lija?"),
    ],
)
def test_a_question_about_somebody_or_something_of_the_talk_points_at_it(language, question):
    assert frames_of(language).question_at_source(question)


@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("en", "Who was the first woman in space?"),
        ("de", "Wer war der erste Mensch im All?"),
        ("fr", "Que mettre sur la première diapositive d'un exposé ?"),
        ("es", "¿Quién fue la primera mujer en el espacio?"),
    ],
)
def test_what_is_first_of_its_kind_in_the_world_needs_no_talk(language, question):
    assert not frames_of(language).question_at_source(question)
