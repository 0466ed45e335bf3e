"""How the record of every benchmark begins: the day, the machine, and how busy it was before."""

import datetime
import os
import platform


def record_head() -> dict:
    """Return `date`, `machine` and `load_before`, how many processes wanted a core; call it before the first run."""
    return {
        "date": datetime.date.today().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "load_before": round(os.getloadavg()[0], 1),
    }
