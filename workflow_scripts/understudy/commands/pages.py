"""Open what was made to be read, in the browser: understudy open [PAGE]"""

import webbrowser
from pathlib import Path

from understudy.shared.errors import UnderstudyError

PAGES = {
    "report": "models/{name}/report.html",
    "review": "data/review/index.html",
    "dataset": "data/dataset/report.html",
    "channel": "data/channel.png",
    "preview": "data/preview/index.html",
}


def open_page(page: str, name: str) -> None:
    """Open one of PAGES of the project in the working directory, whose model is `name`, and print its path.

    Raises UnderstudyError if it isn't made yet."""
    path = Path(PAGES[page].format(name=name))
    if not path.is_file():
        command = "understudy preview" if page == "preview" else f"understudy run {path}"
        raise UnderstudyError(f"{Path.cwd() / path} isn't made yet: `{command}` makes it.")
    print(path.resolve())
    # Without a browser it returns False: the path is printed already.
    webbrowser.open(path.resolve().as_uri())
