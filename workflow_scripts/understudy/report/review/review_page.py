"""The page on which a person keeps, rejects and edits pairs: one file, without a server or a network."""

import hashlib
from html import escape
from pathlib import Path

import pandas as pd

from understudy.dataset.curation import COLUMNS, FINAL_VERDICTS, read_curation
from understudy.report.formulas import with_formulas
from understudy.report.review.flags import flagged_answers
from understudy.report.review.rests_on import RestsOn, passages_of_pairs
from understudy.shared.files import read_json_lines, write_text
from understudy.shared.formats import clock_time
from understudy.shared.log import log
from understudy.text.safe_html import as_json_in_html, content_policy, rendered_answer

PARTS = Path(__file__).parent
SERVED_PROGRAMS = ("page/formulas/katex.js", "page/formulas/formulas.js", "review.js")
SHOWN = [
    "video_id",
    "slot",
    "question",
    "answer",
    "tags",
    "title",
    "origin",
    "verdict",
    "remarks",
    "split",
    "tokens",
    "question_sha256",
]
DECIDED = ["decision", "edited_question", "edited_answer", "note"]


def page_data(pairs: list[dict], passages: list[RestsOn], flags: list[dict], curation: pd.DataFrame, name: str) -> dict:
    """What the page's script reads; `passages` has what each pair rests on, `flags` what somebody found wrong.

    The decisions about these pairs go with them; all others are `untouched`, and saved again."""
    by_key: dict[tuple[str, str], list[dict]] = {}
    for row in curation.to_dict("records"):
        by_key.setdefault((row["video_id"], row["slot"]), []).append(row)
    used, shown = set(), []
    for pair, passage in zip(pairs, passages, strict=True):
        about = by_key.get((pair["video_id"] or "", pair["slot"]), [])
        decision = next((row for row in about if row["question_sha256"] in ("", pair["question_sha256"])), None)
        if decision is not None:
            used.add(decision["line"])
        shown.append({**page_pair(pair, decision), "passage": passage.text, "link": passage.link})
    untouched = curation[~curation["line"].isin(used)][COLUMNS].values.tolist()
    applied = hashlib.sha256(curation.to_json(orient="values").encode()).hexdigest()
    return {
        "name": name,
        "pairs": shown,
        "flags": flags,
        "untouched": untouched,
        "columns": COLUMNS,
        "applied": applied,
    }


def page_pair(pair: dict, decision: dict | None) -> dict:
    """One pair as the page shows it; what a person edited is in `decided`, and the pair as the teacher gave it."""
    span = "" if pair["start_s"] is None else f"{clock_time(pair['start_s'])}-{clock_time(pair['end_s'])}"
    return {
        **{key: pair[key] for key in SHOWN},
        "is_final": pair["verdict"] in FINAL_VERDICTS,
        "readers_differ": bool(pair.get("readers_differ")),
        "topic": pair.get("topic") or "",
        "title": pair["title"] or "",
        "video_id": pair["video_id"] or "-",
        "curation_video_id": pair["video_id"] or "",
        "split": pair["split"] or "",
        "span": span,
        "key": f"{pair['video_id'] or ''} {pair['slot']} {pair['question_sha256']}",
        "original_question": pair["original_question"],
        "original_answer": pair["original_answer"],
        "rendered": rendered_answer(pair["answer"]),
        "decided": {key: decision[key] if decision else "" for key in DECIDED},
    }


def review_page(data: dict) -> str:
    """Return the page as HTML, with what `page_data` gives."""
    page, style, program = (part(f"page.{kind}") for kind in ("html", "css", "js"))
    rows = as_json_in_html(data)
    program = with_formulas(program, rows)
    filled = {
        "policy": content_policy(program, style),
        "name": escape(data["name"]),
        "style": style,
        "program": program,
    }
    for key, text in filled.items():
        page = page.replace("{{ " + key + " }}", text)
    # Last, so that no pair's text is taken for a placeholder.
    before, _, after = page.partition("{{ data }}")
    return before + rows + after


def served_page(data: dict) -> str:
    """Return the page as `understudy review` serves it: program and style are files of their own, under the server's policy."""
    page = part("page.html").replace('<meta http-equiv="Content-Security-Policy" content="{{ policy }}">\n', "")
    page = page.replace("<style>{{ style }}</style>", '<link rel="stylesheet" href="/review.css">')
    scripts = [f'<script src="/{name}"></script>' for name in SERVED_PROGRAMS]
    page = page.replace("<script>{{ program }}</script>", "\n".join(scripts)).replace(
        "{{ name }}", escape(data["name"])
    )
    before, _, after = page.partition("{{ data }}")
    return before + as_json_in_html({**data, "served": True}) + after


def part(name: str) -> str:
    return (PARTS / name).read_text(encoding="utf-8")


def write_review_page(
    pairs_path: str,
    rejected_path: str,
    transcripts: list[str],
    curation_path: str | None,
    flags_path: str | None,
    name: str,
    path: str,
) -> None:
    """Write the page of the pairs in both files, with the decisions of `curation_path` and the flagged answers of `flags_path`
    where these are there. Raises InputFileError."""
    pairs = [pair for part in (pairs_path, rejected_path) for _, pair in read_json_lines(part)]
    # Where doctor and second reader differ, a person looks first.
    pairs.sort(key=lambda pair: not pair.get("readers_differ"))
    passages, flags = passages_of_pairs(pairs, transcripts), flagged_answers(flags_path)
    text = review_page(page_data(pairs, passages, flags, read_curation(curation_path), name))
    write_text(path, text)
    log.info(
        "%s: %d pairs, %.1f MB. Open it in a browser.", path, len(pairs), len(text.encode("utf-8", "replace")) / 1e6
    )
