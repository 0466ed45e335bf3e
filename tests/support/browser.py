"""A real headless browser: Chromium or Chrome as it is installed, without a network."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
# What a page must never cause: written down before any of its own scripts run.
WITNESS = """
window.reported = [];
addEventListener("securitypolicyviolation", (event) => reported.push(event.violatedDirective + " " + event.blockedURI));
"""


def browser_path() -> str:
    """The browser of this machine. Skips the test without one; in CI, where .ci/run installs one, fails it."""
    found = (
        os.environ.get("CHROMIUM")
        or next(filter(None, map(shutil.which, NAMES)), None)
        or (str(MAC) if MAC.exists() else None)
    )
    if found is None:
        message = "No Chromium or Chrome here: install one, or name it in the variable CHROMIUM."
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return found


@contextmanager
def launched_browser() -> Iterator[Browser]:
    """A browser whose contexts can reach servers on this machine. No name is looked up."""
    with sync_playwright() as playwright:
        arguments = ["--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
        arguments += ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=browser_path(), args=arguments)
        yield browser
        browser.close()


@contextmanager
def offline_browser() -> Iterator[BrowserContext]:
    """A browser context that can load files and nothing else."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=browser_path(), args=arguments)
        context = browser.new_context(offline=True, viewport={"width": 1280, "height": 800}, accept_downloads=True)
        context.add_init_script(WITNESS)
        yield context
        browser.close()


def opened(context: BrowserContext, path: Path) -> tuple[Page, list[str]]:
    """Open a file; also return the list in which everything that the page complains about is gathered."""
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.accept()))
    page.on(
        "request",
        lambda request: complaints.append(request.url) if not request.url.startswith(("file:", "blob:")) else None,
    )
    page.goto(path.as_uri())
    return page, complaints
