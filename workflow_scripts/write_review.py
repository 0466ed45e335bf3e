"""Every pair of the data set on one readable page."""

from itertools import groupby

from lib.files import read_json_lines, write_text
from lib.job_log import log, start_job_log


def review_page(pairs: list[dict]) -> str:
    """Return the page as markdown, by talk."""
    blocks = [f"# {len(pairs)} pairs"]
    for title, of_one_talk in groupby(sorted(pairs, key=talk_of), key=talk_of):
        blocks.append(f"## {one_line(title)}")
        blocks += [block for pair in of_one_talk for block in pair_blocks(pair)]
    return "\n\n".join(blocks) + "\n"


def talk_of(pair: dict) -> str:
    return pair["title"] or "No talk"


def pair_blocks(pair: dict) -> list[str]:
    """Question, provenance and answer; the answer is quoted, so that its own headings stay inside."""
    origin = (
        f"{pair['video_id']} {pair['slot']}, {pair['origin']}, {pair['split']}, {', '.join(map(str, pair['tags']))}"
    )
    quoted = "\n".join(f"> {line}".rstrip() for line in pair["answer"].replace("<", "&lt;").splitlines())
    return [f"### {one_line(pair['question'])}", f"`{one_line(origin).replace('`', '')}`", quoted]


def one_line(text: str) -> str:
    return " ".join(text.split()).replace("<", "&lt;")


def write_review(pairs_path: str, path: str) -> None:
    """Write the page of the pairs in `pairs_path`."""
    pairs = [pair for _, pair in read_json_lines(pairs_path)]
    write_text(path, review_page(pairs))
    log.info("%s: %d pairs to read.", path, len(pairs))


if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    write_review(snakemake.input.pairs, snakemake.output[0])
