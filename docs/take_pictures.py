"""docs/chat_page.png, README's picture, a real dialogue with the demo's model in a browser, and docs/report.png and
docs/review.png, as its pages open: `make pictures`, which makes the pages first.

The demo is copied: the dialogue doesn't come into its conversations. Another built demo than demo/ is the argument."""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / folder) for folder in ("workflow_scripts", "tests/support")]

from playwright.sync_api import Locator, Page, expect  # noqa: E402

from browser import launched_browser  # noqa: E402
from chat_server import ChatServer  # noqa: E402

PICTURE = REPOSITORY / "docs/chat_page.png"
PAGES = {"report": "models/demo/report.html", "review": "data/review/index.html"}
WINDOW, DOTS_A_PIXEL = {"width": 1280, "height": 800}, 1.5
QUESTION = "How often should I water my tomatoes?"
DRAWN_MS = 300
# Minutes, on a busy machine.
NO_LIMIT = 0
NEEDED = ("config.yaml", "captions", "prompts", "extra_pairs.jsonl", "data", "models/demo-Q4_K_M.gguf")
ALSO = "models/demo/evaluation.json"


def copied(demo: Path, folder: Path) -> Path:
    """What serving reads of a built demo, in a new folder."""
    for name in [*NEEDED, *([ALSO] if (demo / ALSO).exists() else [])]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (demo / name).is_dir() else shutil.copy
        copy(demo / name, folder / name)
    shutil.rmtree(folder / "data/conversations", ignore_errors=True)
    return folder


def ask(page: Page, question: str) -> None:
    """Ask, and wait for the whole answer."""
    page.fill("#question", question)
    page.keyboard.press("Enter")
    expect(page.locator(".turn.newest [data-does=copy]")).to_be_visible(timeout=NO_LIMIT)


def take_picture(server: ChatServer, question: str, picture: Path) -> None:
    """Ask a question, and photograph the answer with the card of the place that has most words."""
    with launched_browser() as browser:
        page = browser.new_page(viewport=WINDOW, device_scale_factor=DOTS_A_PIXEL)
        page.goto(server.url)
        ask(page, question)
        places = page.locator("button.place:not(.none)").all()
        if places:
            max(places, key=lambda place: len(words_at(page, place))).click()
        page.wait_for_timeout(DRAWN_MS)
        page.screenshot(path=picture)


def words_at(page: Page, place: Locator) -> str:
    """The talk's words on the card of a place."""
    place.hover()
    words = page.locator("#place-card blockquote").inner_text()
    page.mouse.move(0, 0)
    expect(page.locator("#place-card")).to_be_hidden()
    return words


def take_pictures_of_pages(demo: Path) -> list[Path]:
    """Photograph the first screen of each page of PAGES that is there."""
    pictures = []
    with launched_browser() as browser:
        page = browser.new_page(viewport=WINDOW, device_scale_factor=DOTS_A_PIXEL)
        for name, file in PAGES.items():
            if (demo / file).exists():
                page.goto((demo / file).absolute().as_uri())
                page.wait_for_timeout(DRAWN_MS)
                pictures.append(PICTURE.with_name(f"{name}.png"))
                page.screenshot(path=pictures[-1])
    return pictures


def main(demo: Path) -> None:
    """Raise SystemExit where the demo isn't built."""
    if not (demo / "models/demo-Q4_K_M.gguf").exists():
        raise SystemExit(f"{demo} has no model yet: run `make demo` first.")
    with TemporaryDirectory(prefix="understudy-") as folder:
        project = copied(demo, Path(folder, "demo"))
        with ChatServer(project) as server:
            take_picture(server, QUESTION, PICTURE)
    for picture in [PICTURE, *take_pictures_of_pages(demo)]:
        print(picture.relative_to(REPOSITORY))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "demo")
