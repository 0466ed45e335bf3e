"""What the doctor says of a pair that has left something of the chat that it was written in."""

import pytest

from project import REPOSITORY
from understudy.configuration import complete_configuration
from understudy.dataset.doctor.doctor import Doctor
from understudy.dataset.doctor.leftovers import control_token_in
from understudy.text.frames import chat_words

TOKENS = [
    "<|im_end|>",
    "<|eot_id|>",
    "<end_of_turn>",
    "</s>",
    "[INST]",
    "<\uff5cend▁of▁sentence\uff5c>",
    "<|return|>",
    "\0",
]


NEEDED = {"name": "x", "source": {"captions_dir": "x"}, "teacher": {"gguf": "x.gguf"}, "base_model": "x"}
DATASET = complete_configuration(NEEDED, REPOSITORY / "schemas/config.schema.yaml")["dataset"]
QUESTION = "How much water does a tomato plant need each week?"
ANSWER = (
    "Give each plant **ten litres on a Monday**, and nothing more until the next one.\n\n- **Roots:** they grow deep."
)


def remarks(question: str, answer: str) -> list[tuple[str, str]]:
    doctor = Doctor(DATASET["doctor"] | {"language": "en"}, DATASET["verdicts"], [], [], lambda *_: 50, 500)
    return [(remark.verdict, remark.level) for remark in doctor.remarks_on(question, answer, None)[0]]


def test_the_doctor_rejects_control_tokens_and_words_of_a_chat():
    assert remarks(QUESTION, ANSWER) == []
    assert remarks(QUESTION, f"{ANSWER}<|im_end|>") == [("broken_markdown", "reject")]
    assert remarks(QUESTION.replace("?", "</s>?"), ANSWER) == [("broken_markdown", "reject")]
    for chat in (f"Sure! Here's the answer:\n\n{ANSWER}", f"{ANSWER}\n\nLet me know if you would like more."):
        assert remarks(QUESTION, chat) == [("repeats_question", "reject")]


@pytest.mark.parametrize("token", TOKENS)
def test_a_control_token_of_any_tokenizer_is_found(token):
    assert control_token_in(f"{ANSWER}{token}") == f"a control token: {token!r}"
    assert control_token_in(ANSWER) is None


def test_one_in_inline_code_is_the_base_model_s_own_or_none():
    text = "End it with `<|im_end|>`, or write `cp <filename>`."
    assert control_token_in(text) is None
    assert control_token_in(text, ["<filename>"]) == "a control token: '<filename>'"


CHAT = {
    "en": [
        "Absolutely — let's dive in. {}",
        "{}\n\nIf you'd like, I can also explain tools.",
        "{}\n\nShall I put this into a table?",
        "Sure! Here's the answer:\n\n{}",
        "Sure thing! {}",
        "Okay, here's how:\n\n{}",
        "Certainly! {}",
        "Here is the answer to your question:\n\n{}",
        "Great question! {}",
        "What a good question. {}",
        "That's a great question, and many ask it. {}",
        "{}\n\nLet me know if you need anything else!",
        "{}\n\nLet me know how it goes.",
        "{}\n\nI hope this helps.",
        "{}\n\nFeel free to ask if anything is unclear.",
        "{}\n\nDon't hesitate to reach out with any questions.",
        "{}\n\nIf you have more questions, just ask. Happy gardening!",
        "{}\n\nIs there anything else I can help with?",
        "{}\n\nHope that helps! Good luck.",
        "I'd be happy to help! {}",
        "Of course, let me explain. {}",
    ],
    "de": [
        "Auf jeden Fall! {}",
        "{}\n\nWenn du magst, erstelle ich dir eine Liste.",
        "{}\n\nSoll ich das in eine Tabelle bringen?",
        "Gerne! Hier ist die Antwort:\n\n{}",
        "Gute Frage! {}",
        "Das ist eine sehr gute Frage. {}",
        "{}\n\nLass mich wissen, ob das hilft.",
        "{}\n\nLassen Sie es mich gerne wissen.",
        "{}\n\nSag mir Bescheid. Viel Erfolg!",
        "{}\n\nKann ich dir noch helfen?",
        "{}\n\nSoll ich dir noch eine Liste schreiben?",
        "{}\n\nFalls Sie noch Fragen haben, melden Sie sich gerne.",
        "Hier ist meine Antwort:\n\n{}",
        "Natürlich, hier kommt die Zusammenfassung: {}",
        "{}\n\nWenn du weitere Fragen hast, frag einfach.",
    ],
    "es": [
        "Vamos a verlo paso a paso. {}",
        "{}\n\nSi quieres, puedo hacerte una lista.",
        "{}\n\n¿Te hago una tabla?",
        "¡Claro! Aquí tienes la respuesta:\n\n{}",
        "¡Qué buena pregunta! {}",
        "Buena pregunta. {}",
        "{}\n\nEspero que te sea útil.",
        "{}\n\nAvísame si tienes dudas.",
        "{}\n\nNo dudes en preguntar.",
        "{}\n\nNo dude en consultarme.",
        "{}\n\n¿Quieres que te explique algo más?",
        "{}\n\nSi tienes más preguntas, aquí estoy.",
        "{}\n\n¿Te gustaría saber más?",
        "{}\n\nDime si necesitas algo más.",
    ],
    "fr": [
        "Pas de problème, voici : {}",
        "{}\n\nSi vous le souhaitez, je peux préparer une liste.",
        "Bien sûr ! Voici la réponse :\n\n{}",
        "D'accord, voici un résumé :\n\n{}",
        "Quelle bonne question ! {}",
        "C'est une excellente question. {}",
        "{}\n\nN’hésitez pas à me demander.",
        "{}\n\nN'hésitez pas si vous avez d'autres questions.",
        "{}\n\nDites-moi si c’est clair.",
        "{}\n\nFaites-le-moi savoir.",
        "{}\n\nJ'espère que cela vous aide. Bon jardinage !",
        "{}\n\nSouhaitez-vous que je détaille ?",
        "{}\n\nSi vous avez d'autres questions, dites-le-moi.",
    ],
}


@pytest.mark.parametrize(("language", "frame"), [(name, frame) for name, frames in CHAT.items() for frame in frames])
def test_words_to_whoever_asked_are_found(language, frame):
    assert chat_words(language, QUESTION, frame.format(ANSWER))
    if language == "en":
        assert chat_words(None, QUESTION, frame.format(ANSWER)) and chat_words("it", QUESTION, frame.format(ANSWER))


LOOKALIKES = {
    "en": [
        "Of course you can plant early. Here is what I do in March: nothing.\n\nLet me know your soil, and I know your garden.",
        "Water on Monday. Don't hesitate to contact a vet.",
        "Water. Feel free to ask your doctor for a second opinion.",
        "Important topics come first. Water.",
        "Great questions make great science.\n\nSo ask one.",
        "Good questions to ask a builder: how long, how much.",
        "Ask twice. If you have any more questions for the seller, ask before you sign.",
        "Okay soil is fine.",
        "Here is my rule for summer: ten litres.",
        "Sure signs of blight are brown spots.",
        "Certainly not before May.",
        "Water first. Do not hesitate to prune hard.",
        "Do this. I hope this frost is the last one.",
        "Let me know a place by its weeds. That is how I read it.",
    ],
    "de": [
        "Natürlich können Sie früh pflanzen. Hier ist mein Rat: warten.\n\nHoffen Sie auf Regen.",
        "Ein wichtiger Punkt ist der Boden. Er trägt.",
        "Eine wichtige Frage ist: wie tief?",
        "Gießen. Lassen Sie die Erde trocknen.",
        "Klar ist: nie zu viel.",
        "Natürlich, aber nur im März.",
        "Gießen. Fragen Sie den Verkäufer nach der Wurzel.",
        "Sicher ist nur der Frost. Ich hoffe nie auf Regen.",
    ],
    "es": [
        "Claro que puedes plantar pronto. Aquí está el truco: esperar.\n\nNo dudes en podar.",
        "Riega. No dudes en consultar a un veterinario.",
        "Claro, te conviene regar.",
        "Una buena pregunta es cuándo.",
        "Seguro que le sienta bien.",
        "Riega el lunes. ¿Quieres más tomates? Entonces menos.",
        "Gran pregunta de la física: la gravedad.",
    ],
    "fr": [
        "Bien sûr que oui. Voici ce que je fais : rien.\n\nN'hésitez pas à tailler.",
        "Arrosez. N'hésitez pas à tailler si vous voulez des fruits.",
        "N'hésitez pas si le sol est sec : arrosez. Toujours.",
        "Une question importante est la lumière.",
        "Taillez. N'hésitez pas à demander un devis.",
        "Arrosez. N'hésitez pas à contacter un médecin.",
        "La bonne question est de savoir quand.",
    ],
}


@pytest.mark.parametrize(("language", "advice"), [(name, said) for name, each in LOOKALIKES.items() for said in each])
def test_advice_that_reads_alike_is_none(language, advice):
    assert chat_words(language, QUESTION, advice) is None


def test_a_title_that_is_the_question_again_is_found_in_every_language():
    question, answer = "Quanta acqua serve ogni settimana ai pomodori?", "Dieci litri il **lunedì**, e non di più."
    assert chat_words("it", question, f"**{question}**\n\n{answer}") == f"**{question}**"
    assert chat_words("it", question, answer) is None
