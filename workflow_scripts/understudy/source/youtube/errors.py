"""Every cause for which YouTube gives no captions or no list, and what each means for the workflow.

NoCaptions is final: the video gets a record with its reason, and is not asked for again. NotNow fails the job, and the next run
takes it up. AddressBlocked fails the whole run."""

import re

from understudy.shared.errors import UnderstudyError

LONGEST_REASON = 200


class YouTubeError(UnderstudyError):
    """The root. `said` is what YouTube itself gave as the reason, if anything."""

    meaning = ""
    # Whether yt-dlp, which signs in and speaks as other players, may get what youtube-transcript-api can't.
    another_client_may_help = False
    # ... but only with the cookies of somebody who is signed in.
    cookies_may_help = False
    # Whether it may be a change of YouTube's that newer packages know.
    newer_versions_may_help = False
    # Whether asking again a little later may help.
    worth_repeating = False

    def __init__(self, said: str | None = None):
        self.said = " ".join(re.sub(r"[^\x20-\x7e\xa0-\uffff]", " ", said or "").split())[:LONGEST_REASON]
        super().__init__(self.meaning + (f" ({self.said})" if self.said else ""))


class NoCaptions(YouTubeError):
    """This video gives no captions, and another try won't change it."""


class CaptionsDisabled(NoCaptions):
    meaning = "it has no captions, or they are switched off"


class NoCaptionsInLanguages(NoCaptions):
    meaning = "no captions in the languages asked for"


class MembersOnly(NoCaptions):
    meaning = "for members of the channel only"
    cookies_may_help = True


class PrivateVideo(NoCaptions):
    meaning = "private"
    cookies_may_help = True


class PaidVideo(NoCaptions):
    meaning = "to be bought or rented"
    cookies_may_help = True


class AgeRestricted(NoCaptions):
    meaning = "age-restricted, and only shown to somebody who is signed in"
    cookies_may_help = True


class VideoRemoved(NoCaptions):
    meaning = "removed, or never there"


class NotInThisCountry(NoCaptions):
    meaning = "not available in this country"


class NotNow(YouTubeError):
    """Nothing was fetched, but another try may succeed."""


class AddressBlocked(NotNow):
    meaning = "YouTube blocks requests from this address"
    cookies_may_help = True


class NotOverYet(NotNow):
    meaning = "a live stream or premiere that is not over yet"


class PoTokenNeeded(NotNow):
    meaning = "YouTube gives these captions only with a proof-of-origin token (PO token), which a browser makes"
    another_client_may_help = True
    newer_versions_may_help = True


class Unreachable(NotNow):
    meaning = "YouTube could not be reached"
    worth_repeating = True


class ServerFailure(NotNow):
    meaning = "YouTube answered with an error of its own"
    worth_repeating = True


class UnexpectedAnswer(NotNow):
    meaning = "YouTube's answer was damaged, or is of a kind that is not known"
    worth_repeating = True
    another_client_may_help = True
    newer_versions_may_help = True


class UnknownReason(NotNow):
    meaning = "YouTube doesn't play it, for a reason that is not known here"
    another_client_may_help = True


class ListingFailed(NotNow):
    """`may_be_a_change` where YouTube's answer was not understood."""

    meaning = "YouTube gave no list of videos; the old list is kept"

    def __init__(self, said: str | None = None, may_be_a_change: bool = False):
        super().__init__(said)
        self.newer_versions_may_help = may_be_a_change


# What YouTube's English texts hold, in the order in which they are tried.
REASONS: list[tuple[str, type[YouTubeError]]] = [
    (r"not a bot|unusual traffic|content isn.t available, try again later|rate.limited", AddressBlocked),
    (r"too many requests|error 429|captcha", AddressBlocked),
    # A refused client or a rate limit without its name: not to be taken for a video that is gone.
    (r"latest version of youtube|^(video unavailable\. )?this content isn.t available\.?$", UnknownReason),
    (r"members.only|join this channel", MembersOnly),
    (r"\bprivate\b", PrivateVideo),
    (r"\bage\b|age-restricted|inappropriate for some users", AgeRestricted),
    (r"\bcountry\b|\bregion\b|\blocation\b", NotInThisCountry),
    (r"recording is not available|copyright", VideoRemoved),
    (r"premieres|live event|live stream|begin in|offline", NotOverYet),
    (r"\bpurchase\b|\brent\b|\bpayment\b|\bbuy\b|premium", PaidVideo),
    (r"removed|terminated|no longer available|unavailable|is(n.t| not) available|deleted", VideoRemoved),
    (r"does(n.t| not) exist|not found", VideoRemoved),
]


def error_for_reason(said: str) -> YouTubeError:
    """The error for a text with which YouTube says why it doesn't play a video."""
    found = (kind for pattern, kind in REASONS if re.search(pattern, said, re.IGNORECASE))
    return next(found, UnknownReason)(said)
