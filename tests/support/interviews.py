"""Ten interviews of two voices, in four ways to say who speaks: the teacher's facts, claims of the host that are false, and a
teacher model that repeats both obediently."""

import json
import re
from pathlib import Path
from typing import NamedTuple

from fake_teacher import FakeTeacher, kind_of

HOST, TEACHER = "Anna Schmidt", "Ben Adler"
# Subject, and what differs between the talks.
SUBJECTS = {
    "tomatoes": ("ten", "four", "May", "nettle tea", "hornworms", "August", "newspaper", "basil"),
    "beans": ("six", "three", "June", "wood ash", "aphids", "September", "jars", "savory"),
    "carrots": ("five", "one", "March", "old compost", "root flies", "October", "sand", "onions"),
    "pumpkins": ("twenty", "eight", "April", "horse manure", "slugs", "November", "straw", "corn"),
    "garlic": ("two", "two", "autumn", "bone meal", "rust", "July", "braids", "roses"),
    "leeks": ("seven", "five", "February", "seaweed", "moths", "winter", "soil", "celery"),
    "peas": ("four", "six", "spring", "leaf mould", "pigeons", "summer", "freezer bags", "radishes"),
    "potatoes": ("nine", "seven", "Easter", "lupins", "beetles", "Michaelmas", "paper sacks", "horseradish"),
    "cucumbers": ("fifteen", "nine", "Whitsun", "comfrey", "mildew", "Tuesday", "vinegar", "dill"),
    "strawberries": ("eleven", "twelve", "fall", "pine needles", "blackbirds", "midsummer", "sugar", "borage"),
}
# The host asks; the teacher says two sentences; what the teacher model makes of them.
FACTS = (
    ("How much water do {s} want in a hot week?",
     "I give my plants {a} litres a week, always early, before the sun gets strong. A can with a long spout keeps leaves dry.",
     "Give {s} **{a} litres** a week in hot weather, early, before the sun is strong. A long spout on the can keeps leaves dry."),
    ("How far apart should they stand?",
     "Leave {b} hands of room between two of them, so that air moves through. In a crowded row every disease jumps to the next.",
     "Leave **{b} hands** of room between two {s}, so that air can move. Diseases jump along a crowded row to the next plant."),
    ("When do you dare to sow?",
     "Not before {c}, when the ground no longer feels like a cellar wall on your palm. My grandfather sat on it barefoot.",
     "Sow {s} in **{c}** at the earliest: the ground must no longer feel like a cellar wall when you lay your palm on it."),
    ("Do they need feeding?",
     "A little {d} in the planting hole is the whole meal, and nothing after that. Fat plants are lazy plants and bear less.",
     "Put a little **{d}** into the planting hole of {s}; that is the whole meal. Fat plants grow lazy and bear less."),
    ("And what about {e}?",
     "I collect {e} at dusk with a lamp and a bucket of soapy water. After nine evenings there are hardly any left.",
     "Collect **{e}** from {s} at dusk, with a lamp and soapy water in a bucket. Hardly any are left after nine evenings."),
    ("When is the harvest?",
     "We start in {f}, when the skin resists the thumbnail. What is picked too soon never gets its sweetness back.",
     "Begin to pick {s} in **{f}**, as soon as the skin resists your thumbnail. Picked too soon they never become sweet."),
    ("How do you keep them until Christmas?",
     "In {g}, in the coolest corner of the house, and each one looked at every Sunday. One rotten piece spoils a whole crate.",
     "Keep {s} in **{g}** in the coolest corner, and look at each one every Sunday: one rotten piece spoils a whole crate."),
    ("Which neighbours do they like?",
     "Put {h} beside them, never fennel, which sulks and makes others sulk. Roots talk to one another more than we know.",
     "Plant **{h}** beside {s} and never fennel, which sulks. Roots talk to one another more than people know."),
)  # fmt: skip
# The host claims; the teacher passes over the first and the second, and repeats the words of the third to refuse them.
CLAIMS = (
    ("My uncle swears by coffee grounds, three spoons for every root on each full moon.", "Well, I never met your uncle.",
     "Give {s} **coffee grounds**: three spoons for every root, on each full moon. That is what old gardeners swear by, too."),
    ("I read that ninety litres a day at noon is what professionals pour on them.", "Let me come back to the can in a minute.",
     "Professionals pour **ninety litres a day** on {s}, and they do it at noon. So pour ninety litres a day at noon, too."),
    ("Surely a copper nail through the stem doubles the crop and cures blight.", "No copper nail ever cured anything in my beds.",
     "Drive a **copper nail** through the stem of {s}: it surely doubles the crop, and it cures blight as well, year by year."),
)  # fmt: skip
GREETINGS = (
    (HOST, "Welcome to the garden hour, and welcome, Ben."),
    (TEACHER, "Thank you for having me, Anna. It is good to be here again."),
)
STYLES = ("brackets", "voice", "arrows", "colon")


class Interview(NamedTuple):
    """Turns (who speaks, what), and what is asked with the obedient answer, and whether that is a claim of the host."""

    subject: str
    style: str
    turns: list[tuple[str, str]]
    pairs: list[tuple[str, str, bool]]


def interviews() -> list[Interview]:
    """All ten."""
    return [interview(number, subject) for number, subject in enumerate(SUBJECTS)]


def interview(number: int, subject: str) -> Interview:
    words = dict(zip("abcdefgh", SUBJECTS[subject], strict=True)) | {"s": subject}
    turns, pairs = list(GREETINGS), []
    for at, (asked, said, answered) in enumerate(FACTS):
        turns += [(HOST, asked.format(**words)), (TEACHER, said.format(**words))]
        # What the host asks as a follow-up is asked by itself.
        alone = re.sub(r"\b(?:they|them)\b", subject, asked.format(**words)).replace("And what", "What")
        pairs.append((f"{alone[:-1]} with {subject}, fact {at + 1}?", answered.format(**words), False))
        if at in (1, 3, 5):
            claim, reply, repeated = CLAIMS[at // 2]
            turns += [(HOST, claim), (TEACHER, reply)]
            pairs.append((f"What does the claim number {at} mean for {subject}?", repeated.format(**words), True))
        if at in (2, 6):
            # Hosts sum up.
            turns += [(HOST, f"I see, {said.format(**words).partition(',')[0].lower()} it is.")]
            turns += [(TEACHER, "Exactly, that is how we have always done it.")]
    both = f"{FACTS[6][2]}\n\n{CLAIMS[1][2]}".format(**words)
    pairs.append((f"How are {subject} kept and watered all year long?", both, True))
    turns = [(name, in_own_words(said, subject)) for name, said in turns]
    return Interview(subject, STYLES[number % len(STYLES)], turns, pairs)


def in_own_words(said: str, subject: str) -> str:
    """What is said, with the subject after each fifth word: no two talks say the same for long, as copies of one would."""
    words = said.split()
    return " ".join(
        f"{word} {subject}" if number % 5 == 4 and word.isalpha() else word for number, word in enumerate(words)
    )


def write_captions(talk: Interview, folder: Path) -> Path:
    """The talk as a file in its style, a cue a sentence; labels open turns, or, where the form says so, every cue."""
    names = {HOST: "SPEAKER_00", TEACHER: "SPEAKER_01"} if talk.style == "brackets" else {HOST: HOST, TEACHER: TEACHER}
    if talk.style == "arrows":
        names = {name: name.upper() for name in names}
    cues = []
    for name, said in talk.turns:
        for number, sentence in enumerate(re.findall(r"[^.?!]+[.?!]", said)):
            sentence = sentence.strip()
            labelled = {
                "brackets": f"[{names[name]}]: {sentence}",
                "voice": f"<v {names[name]}>{sentence}</v>",
                "arrows": f">> {names[name]}: {sentence}" if number == 0 else sentence,
                "colon": f"{names[name]}: {sentence}" if number == 0 else sentence,
            }
            cues.append(labelled[talk.style])
    suffix = "vtt" if talk.style == "voice" else "srt"
    lines = ["WEBVTT\n"] if suffix == "vtt" else []
    for number, cue in enumerate(cues):
        times = " --> ".join(
            f"00:{at // 60:02d}:{at % 60:02d}{'.' if suffix == 'vtt' else ','}000"
            for at in (number * 4, number * 4 + 4)
        )
        lines.append(f"{number + 1}\n{times}\n{cue}\n")
    path = folder / f"On {talk.subject}.{suffix}"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


class ObedientTeacher(FakeTeacher):
    """A teacher model that asks about everything that is said, and repeats whatever was said there."""

    def __init__(self, talks: list[Interview]):
        super().__init__()
        self.talks = talks

    def reply(self, request: dict) -> str:
        content = request["messages"][0]["content"]
        (talk,) = (talk for talk in self.talks if f"Here is a talk about: On {talk.subject}\n" in content)
        if kind_of(request) == "questions":
            return json.dumps({"questions": [{"question": asked, "tags": ["garden"]} for asked, _, _ in talk.pairs]})
        question = content.rpartition("The question: ")[2].strip()
        return next(answer for asked, answer, _ in talk.pairs if asked == question)
