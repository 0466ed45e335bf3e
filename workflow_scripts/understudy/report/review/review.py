"""Every pair on one readable page, kept or rejected, with where it comes from and what the doctor says."""

from itertools import groupby

from understudy.dataset.curation import CURATION, FINAL_VERDICTS
from understudy.shared.files import read_json_lines, write_text
from understudy.shared.formats import clock_time
from understudy.shared.log import log


def review_page(pairs: list[dict]) -> str:
    """Return the page as markdown, by talk."""
    rejected = sum(pair["verdict"] != "ok" for pair in pairs)
    blocks = [
        f"# {len(pairs) - rejected} pairs, {rejected} rejected",
        "To decide about them: `data/review/index.html`.",
    ]
    for talk, of_one_talk in groupby(sorted(pairs, key=talk_of), key=talk_of):
        blocks.append(f"## {one_line(' '.join(filter(None, talk)) or 'No talk')}")
        blocks += [block for pair in of_one_talk for block in pair_blocks(pair)]
    return "\n\n".join(blocks) + "\n"


def talk_of(pair: dict) -> tuple[str, str]:
    return pair["title"] or "", pair["video_id"] or ""


def pair_blocks(pair: dict) -> list[str]:
    """Question, provenance, remarks and answer; the answer is quoted, so that its own headings stay inside."""
    quoted = "\n".join(f"> {line}".rstrip() for line in pair["answer"].replace("<", "&lt;").splitlines()) or "> "
    remarks = [
        f"- **{remark['level']}: {remark['verdict']}**, {one_line(remark['says'])}" for remark in pair["remarks"]
    ]
    if pair["verdict"] not in ("ok", *FINAL_VERDICTS):
        remarks.append(
            f"- To keep it all the same: `{one_line(pair['video_id'] or '')},{pair['slot']},,keep` in {CURATION}"
        )
    head = [f"### {one_line(pair['question'])}", f"`{one_line(provenance(pair)).replace('`', '')}`"]
    return [*head, *(["\n".join(remarks)] if remarks else []), quoted]


def provenance(pair: dict) -> str:
    """Slot, time span, origin, what became of it, tags, and what a person decided."""
    span = "" if pair["start_s"] is None else f"{clock_time(pair['start_s'])}-{clock_time(pair['end_s'])}"
    became = pair["split"] or pair["verdict"]
    decided = f"decision: {pair['decision']}" if pair["decision"] else ""
    tokens = f"{pair['tokens']} tokens"
    return ", ".join(
        filter(None, [pair["slot"], span, pair["origin"], became, tokens, *map(str, pair["tags"]), decided])
    )


def one_line(text: str) -> str:
    return " ".join(text.split()).replace("<", "&lt;")


def write_review(pairs_path: str, rejected_path: str, path: str) -> None:
    """Write the page of the pairs in both files."""
    pairs = [pair for part in (pairs_path, rejected_path) for _, pair in read_json_lines(part)]
    write_text(path, review_page(pairs))
    log.info("%s: %d pairs to read.", path, len(pairs))
