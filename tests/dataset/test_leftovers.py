"""What the doctor says of a pair that has left something of the chat that it was written in."""

import pytest

from project import REPOSITORY
from understudy.configuration import complete_configuration
from understudy.dataset.doctor.doctor import Doctor
from understudy.dataset.doctor.leftovers import chat_phrase_in, control_token_in

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


def test_the_doctor_rejects_control_tokens_and_remarks_on_words_of_a_chat():
    assert remarks(QUESTION, ANSWER) == []
    assert remarks(QUESTION, f"{ANSWER}<|im_end|>") == [("broken_markdown", "reject")]
    assert remarks(QUESTION.replace("?", "</s>?"), ANSWER) == [("broken_markdown", "reject")]
    assert remarks(QUESTION, f"Sure! Here's the answer:\n\n{ANSWER}") == [("repeats_question", "reject")]


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
        "Sure! Here's the answer:\n\n{}",
        "Certainly! {}",
        "Here is the answer to your question:\n\n{}",
        "Great question! {}",
        "{}\n\nLet me know if you need anything else!",
        "{}\n\nI hope this helps.",
    ],
    "de": ["Gerne! Hier ist die Antwort:\n\n{}", "Gute Frage! {}", "{}\n\nLass mich wissen, ob das hilft."],
    "es": [
        "¡Claro! Aquí tienes la respuesta:\n\n{}",
        "{}\n\nEspero que te sea útil.",
        "{}\n\nAvísame si tienes dudas.",
    ],
    "fr": [
        "Bien sûr ! Voici la réponse :\n\n{}",
        "{}\n\nN’hésitez pas à me demander.",
        "{}\n\nDites-moi si c’est clair.",
    ],
}


@pytest.mark.parametrize(("language", "frame"), [(name, frame) for name, frames in CHAT.items() for frame in frames])
def test_words_to_whoever_asked_are_a_remark(language, frame):
    said = chat_phrase_in(frame.format(ANSWER), language)
    assert said and said.startswith("words to whoever asked for it: ")
    assert chat_phrase_in(frame.format(ANSWER), None)


LOOKALIKES = {
    "en": "Of course you can plant early. Here is what I do in March: nothing.\n\nLet me know your soil, and I know your garden.",
    "de": "Natürlich können Sie früh pflanzen. Hier ist mein Rat: warten.\n\nHoffen Sie auf Regen.",
    "es": "Claro que puedes plantar pronto. Aquí está el truco: esperar.\n\nNo dudes en podar.",
    "fr": "Bien sûr que oui. Voici ce que je fais : rien.\n\nN'hésitez pas à tailler.",
}


@pytest.mark.parametrize("language", LOOKALIKES)
def test_advice_that_begins_alike_is_none(language):
    assert chat_phrase_in(LOOKALIKES[language], language) is None
