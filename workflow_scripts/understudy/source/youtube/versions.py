"""How old the packages are that speak with YouTube, and the JavaScript runtime that yt-dlp has."""

import datetime
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from understudy.source.youtube.errors import YouTubeError

UPDATE = "`understudy update-youtube` (make youtube) brings the newest"
# The oldest Node that yt-dlp takes; it brings a deno of its own environment into use by itself.
OLDEST_NODE = 22
NO_RUNTIME = (
    "yt-dlp has no JavaScript runtime, without which it no longer gets everything from YouTube: `make youtube DENO=1` installs "
    f"deno (96 MB), or install Node {OLDEST_NODE} or newer"
)


def advice(error: YouTubeError, asked_yt_dlp: bool = False) -> str:
    """What to add to an error that newer versions may mend, with how old the installed ones are, and whether yt-dlp lacked a
    JavaScript runtime; nothing for another error."""
    if not error.newer_versions_may_help:
        return ""
    lacks = asked_yt_dlp and not has_javascript_runtime()
    return f" {ages()}; {UPDATE}.{f' {NO_RUNTIME}.' if lacks else ''}"


def ages(today: datetime.date | None = None) -> str:
    """How old the installed packages are. yt-dlp's version is its date; the other one's says nothing."""
    today = today or datetime.datetime.now(datetime.UTC).date()
    released = datetime.date(*map(int, version("yt-dlp").split(".")[:3]))
    installed = installed_on("youtube-transcript-api")
    return (
        f"yt-dlp {version('yt-dlp')} is {(today - released).days} days old, "
        f"youtube-transcript-api {version('youtube-transcript-api')} was installed {(today - installed).days} days ago"
    )


def installed_on(package: str) -> datetime.date:
    """The day on which a package came into this environment."""
    metadata = (
        Path(str(distribution(package).locate_file(""))) / f"{package.replace('-', '_')}-{version(package)}.dist-info"
    )
    return datetime.datetime.fromtimestamp(metadata.stat().st_mtime, datetime.UTC).date()


def javascript_runtimes() -> dict[str, dict[str, str]]:
    """The runtimes for yt-dlp's `js_runtimes`: its own choice, deno, and a Node that is new enough."""
    node = shutil.which("node")
    return {"deno": {}, **({"node": {"path": node}} if node and is_new_enough(node) else {})}


def is_new_enough(node: str) -> bool:
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20).stdout
        return int(said.strip().lstrip("v").split(".")[0]) >= OLDEST_NODE
    except (OSError, ValueError, subprocess.SubprocessError):
        return False


def has_javascript_runtime() -> bool:
    """Whether yt-dlp can run YouTube's scripts: with a runtime, and with the scripts of yt-dlp-ejs."""
    from yt_dlp.utils._jsruntime import _find_exe

    try:
        version("yt-dlp-ejs")
    except PackageNotFoundError:
        return False
    return "node" in javascript_runtimes() or shutil.which(_find_exe("deno")) is not None
