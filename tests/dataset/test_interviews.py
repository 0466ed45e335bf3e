"""Interviews: what is kept rests on the teacher's turns, and no claim of the host is kept that the teacher model repeats."""

import pytest

from interviews import HOST, ObedientTeacher, interviews, write_captions
from project import Project
from understudy.dataset.doctor.other_speaker import VoicesOfAnswers
from understudy.shared.files import read_json, read_json_lines
from understudy.source.transcript import transcript_of_file
from understudy.text.transcripts import Reading


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_base):
    """A project of the ten interviews with its data set, and what its teacher was asked."""
    talks = interviews()
    with ObedientTeacher(talks) as teacher:
        project = Project.made_in(tmp_path_factory.mktemp("interviews") / "project", teacher.base_url, tiny_base)
        for path in (project / "captions").iterdir():
            path.unlink()
        for talk in talks:
            write_captions(talk, project / "captions")
        # The same questions are asked about each plant.
        project.configure(questions={"per_video": 12}, dataset={"question_similarity": 1.0, "answer_similarity": 1.0})
        project.snakemake("data/dataset/train.jsonl", "channel_report")
        yield project, talks, list(teacher.requests)


def pairs_of(project: Project) -> tuple[list[dict], list[dict]]:
    return tuple(
        [row for _, row in read_json_lines(project / f"data/dataset/{name}.jsonl")] for name in ("pairs", "rejected")
    )


def share_of_host(pair: dict, transcript: dict) -> float:
    """Of the words in a pair's span the share that the host says, by the record."""
    words = {True: 0, False: 0}
    for start_s, duration_s, text, speaker in transcript["segments"]:
        if start_s < pair["end_s"] and start_s + duration_s > pair["start_s"]:
            words[speaker.casefold() in (HOST.casefold(), "speaker_00")] += len(text.split())
    return words[True] / sum(words.values())


def test_the_doctor_knows_each_voice(tmp_path):
    """The same without a run: seconds."""
    for number, talk in enumerate(interviews()):
        record = {"video_id": f"{number:011d}", "title": talk.subject}
        record |= transcript_of_file(str(write_captions(talk, tmp_path)))
        read = Reading().applied(record)
        voices = VoicesOfAnswers(read, read["voices"])
        for _, answer, is_claim in talk.pairs:
            assert (voices.fault_of(answer) is not None) == is_claim, answer


def test_every_segment_has_its_speaker(made):
    project, talks, _ = made
    records = {record["title"]: record for record in map(read_json, project.path.glob("data/transcripts/*.json"))}
    assert len(records) == len(talks) == 10
    for talk in talks:
        said = [(segment[3].casefold().replace("speaker_00", HOST.casefold()) == HOST.casefold(), segment[2])
                for segment in records[f"On {talk.subject}"]["segments"]]  # fmt: skip
        turns = [(is_host, text) for is_host, text in said]
        assert " ".join(text for _, text in turns) == " ".join(text for _, text in talk.turns)
        assert " ".join(text for is_host, text in turns if is_host) == " ".join(
            t for name, t in talk.turns if name == HOST
        )


def test_what_is_kept_is_the_teacher_s(made):
    project, talks, _ = made
    claims = {answer for talk in talks for _, answer, is_claim in talk.pairs if is_claim}
    kept, rejected = pairs_of(project)
    transcripts = {path.stem: read_json(path) for path in project.path.glob("data/transcripts/*.json")}
    assert not [pair["answer"] for pair in kept if pair["answer"] in claims]
    assert {pair["verdict"] for pair in rejected if pair["answer"] in claims} == {"other_speaker"}
    shares = [share_of_host(pair, transcripts[pair["video_id"]]) for pair in kept]
    assert sum(share <= 0.5 for share in shares) >= 0.95 * len(kept)
    of_teacher = [
        pair for pair in (*kept, *rejected)
        if pair["answer"] not in claims and share_of_host(pair, transcripts[pair["video_id"]]) <= 0.5
    ]  # fmt: skip
    assert len(of_teacher) >= 60
    assert sum(pair["verdict"] == "ok" for pair in of_teacher) >= 0.9 * len(of_teacher)


def test_turns_are_shown_to_the_teacher_model_as_turns(made):
    _, talks, requests = made
    for talk in talks:
        about = [
            r["messages"][0]["content"]
            for r in requests
            if f"about: On {talk.subject}\n" in r["messages"][0]["content"]
        ]
        assert len(about) == 1 + len(talk.pairs)
        for content in about:
            lines = content.split("=====")[2].splitlines()
            assert sum("(the teacher): " in line for line in lines) == sum(name != HOST for name, _ in talk.turns)
            assert "several people speak" in content.casefold()


def test_the_channel_report_counts_the_turns_and_shows_whom_to_choose(made):
    project, talks, _ = made
    report = read_json(project / "data/channel.json")
    for video in report["each_video"]:
        talk = next(talk for talk in talks if video["title"] == f"On {talk.subject}")
        told = {speaker["speaker"].casefold(): speaker for speaker in video["voices"]["speakers"]}
        assert len(told) == 2 and all(speaker["excerpt"] for speaker in told.values())
        assert sum(speaker["turns"] for speaker in told.values()) == len(talk.turns)
        assert [name.casefold() for name in video["voices"]["teacher"]] in (["ben adler"], ["speaker_01"])
    table = (project / "data/channel.txt").read_text()
    assert "Ben Adler" in table and "My uncle swears by coffee" in table
