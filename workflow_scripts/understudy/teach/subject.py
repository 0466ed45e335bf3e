"""Whether questions ask about what a talk is about: right after pass 1, before an answer is paid for."""

from collections.abc import Iterator

from understudy.passages.terms import IS_PAIRED, common_words, forms_and_words, weight_of
from understudy.text.language import language_of_talk, other_language
from understudy.text.words import stems_of, words_of

# Names and nouns of a field; what occurs more often in its language is in talks about anything.
LEAST_WEIGHT_OF_A_SUBJECT = 0.5
# From the labelled questions of 13 languages (tests/teach/test_subject.py): up to these shares a question has by chance. Where
# pairs of characters stand for words, most pairs are no word.
BY_CHANCE, BY_CHANCE_IN_PAIRS = 0.16, 0.05
# Fewer questions or words say nothing.
FEWEST_QUESTIONS, FEWEST_WORDS = 2, 5
CERTAIN = 0.95


def questions_beside_the_talk(transcript: dict, questions: list[str]) -> list[str]:
    """Return the questions that share no more names and nouns with the talk than chance gives, if they are most of them;
    otherwise none.

    Questions in another language than the talk's, or with too few such words, are not judged."""
    text = f"{transcript['title']}\n{transcript['text']}"
    if shares_most_stems(questions, text):
        return []
    language = language_of_talk(transcript)
    judged = {question: words for question in questions if (words := dict(words_of_subject(question, language)))}
    if len(judged) < FEWEST_QUESTIONS or sum(map(len, judged.values())) < FEWEST_WORDS:
        return []
    if language is not None and other_language(" ".join(judged), language, CERTAIN):
        return []
    in_talk = {form for form, _ in forms_and_words(text, language)}
    by_chance = BY_CHANCE_IN_PAIRS if any(map(IS_PAIRED.search, judged)) else BY_CHANCE
    beside = [question for question, words in judged.items() if share_of(words, in_talk) <= by_chance]
    return beside if len(beside) > len(judged) / 2 else []


def shares_most_stems(questions: list[str], text: str) -> bool:
    """Whether the talk has most of the questions' long words, which takes no list of words to see; never so where words have no
    spaces between them."""
    if any(map(IS_PAIRED.search, questions)):
        return False
    stems = stems_of(words_of(" ".join(questions)))
    return 2 * len(stems & stems_of(words_of(text))) > len(stems)


def words_of_subject(question: str, language: str | None) -> Iterator[tuple[str, float]]:
    """The forms of a question's names and nouns with their weights; what has a digit is neither."""
    common = common_words(language)
    for form, words in forms_and_words(question, language):
        weight = weight_of(max(common.get(word, 0.0) for word in words))
        if weight >= LEAST_WEIGHT_OF_A_SUBJECT and not any(sign.isdigit() for sign in form):
            yield form, weight


def share_of(words: dict[str, float], in_talk: set[str]) -> float:
    return sum(weight for form, weight in words.items() if form in in_talk) / sum(words.values())
