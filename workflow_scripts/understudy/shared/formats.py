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


def clock_time(seconds: float) -> str:
    """A place in a talk: 75 is 1:15, 3675 is 1:01:15."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def counted(number: int, noun: str, plural: str = "s") -> str:
    """A number with its noun, in the plural where it takes one: 1 row, 1,367 rows."""
    return f"{number:,} {noun}" + ("" if number == 1 else plural)


def in_gigabytes(size: float) -> str:
    """Bytes in GB or MB, by the thousand: 6,430,000,000 is 6.4 GB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def file_size(size: float) -> str:
    """Bytes in GB, MB or kB, by the thousand: 15,281 is 15.3 kB."""
    return in_gigabytes(size) if size >= 1e6 else f"{size / 1e3:.1f} kB"


def figure_text(value: float, is_share: bool) -> str:
    """A measure: a share in percent, anything else with three digits that count, 0 below a millionth."""
    return f"{value * 100:.1f} %" if is_share else f"{round(value, 6):.3g}"


def change_text(value: float, is_share: bool) -> str:
    """The difference of two measures with its sign; of shares in points of a hundred."""
    return f"{value * 100:+.1f} points" if is_share else f"{round(value, 6):+.3g}"
