"""understudy review: the review page on this machine, until Ctrl-C."""

from pathlib import Path

from understudy.report.review.served import HAND_WRITTEN, Review, create_review
from understudy.serving.guard import Hosts
from understudy.serving.served import Address
from understudy.serving.service import listening_socket, run

SAYS = """The review of {name}, {count} pairs, answers at {address} in a browser, for this machine alone.

What you decide is in data/curation.csv at once; the next `understudy run` applies it. Ctrl-C ends it."""


def serve_review(name: str, extra_pairs: str | None, port: int) -> None:
    """Serve until SIGINT or SIGTERM. The working directory is the project. Raises InputFileError without pairs, ServeError."""
    review = Review(name, Path(extra_pairs) if extra_pairs else HAND_WRITTEN)
    count, address = len(review.pairs()), Address(port=port)
    with listening_socket(address, "review") as listening:
        host, port = listening.getsockname()[:2]
        says = SAYS.format(count=count, name=name, address=f"http://{host}:{port}")
        run(create_review(review, Hosts(address.host)), listening, None, says)
    print("\nEnded.")
