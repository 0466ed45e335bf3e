import pytest

from understudy.shared.files import write_json
from understudy.teacher.prompts import is_of_another_prompt, prompt_sha256


@pytest.mark.parametrize(("by", "is_another"), [(None, False), ("this", False), ("0" * 64, True)])
def test_a_record_for_which_nobody_was_asked_is_of_no_other_prompt(tmp_path, by, is_another):
    prompt, record = tmp_path / "answers.md", tmp_path / "q01.json"
    prompt.write_text("Answer.")
    write_json(record, {"prompt_sha256": prompt_sha256(prompt) if by == "this" else by})
    assert is_of_another_prompt(record, prompt) == is_another
