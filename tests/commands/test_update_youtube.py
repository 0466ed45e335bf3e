"""The newest packages for YouTube are tried beside the environment first; what fails the tests is never installed."""

import zipfile

import pytest

from understudy.commands import update_youtube
from understudy.commands.update_youtube import PACKAGES, UpdateFailed, bounds, installed

NEEDS = {"yt-dlp": "Requires-Dist: yt-dlp-ejs==9.1; extra == 'default'\n"}


def wheel(folder, name: str, version: str) -> None:
    stem = f"{name.replace('-', '_')}-{version}"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{NEEDS.get(name, '')}"
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as packed:
        packed.writestr(f"{stem}.dist-info/METADATA", metadata)
        packed.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr(f"{stem}.dist-info/RECORD", "")


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder with newer versions in place of the package index; what would be installed is only noted."""
    wheels = (("yt-dlp", "2099.1.2"), ("youtube-transcript-api", "1.99"), ("yt-dlp-ejs", "9.1"), ("yt-dlp-ejs", "9.2"))
    for name, version in wheels:
        wheel(tmp_path, name, version)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(update_youtube, "noted", [], raising=False)
    monkeypatch.setattr(update_youtube, "install", lambda requirements: update_youtube.noted.extend(requirements))
    return update_youtube.noted


def test_what_passes_is_installed_and_old_and_new_are_shown(index, monkeypatch, capsys):
    monkeypatch.setattr(update_youtube, "try_with_tests", lambda folder: None)
    update_youtube.update_youtube()
    assert index == ["youtube-transcript-api==1.99", "yt-dlp==2099.1.2", "yt-dlp-ejs==9.1"]
    shown = capsys.readouterr().out
    assert f"yt-dlp: {installed('yt-dlp')} -> 2099.1.2" in shown and "yt-dlp-ejs" in shown


def test_what_fails_the_tests_is_not_installed(index, monkeypatch):
    monkeypatch.setattr(update_youtube, "TESTS", ("tests/no_such_test.py",))
    with pytest.raises(UpdateFailed, match=r"fail the tests of this checkout, so the installed ones stay"):
        update_youtube.update_youtube()
    assert index == []


def test_without_an_index_everything_stays(index, monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))
    with pytest.raises(UpdateFailed, match="can't be fetched; the installed ones stay"):
        update_youtube.update_youtube()
    assert index == []


def test_the_packages_are_those_of_the_project_within_its_bounds():
    assert bounds()["youtube-transcript-api"] == "youtube-transcript-api>=1.2.5,<2"
    assert all(installed(name) for name in PACKAGES)
