"""Counts and times as a person reads them."""


def in_thousands(count: float) -> str:
    """A count in k or M: 900 is 0.9 k."""
    if count >= 1e6:
        return f"{count / 1e6:.2f} M"
    return f"{count / 1e3:.0f} k" if count >= 1e5 else f"{count / 1e3:.1f} k"


def as_duration(seconds: float) -> str:
    """Seconds as s, min and s, or h and min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
