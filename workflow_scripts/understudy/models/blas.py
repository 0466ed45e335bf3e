"""Give MLX an optimised BLAS on Linux, whose CPU wheel bundles the slow reference BLAS (7 tokens/s instead of 100)."""

import ctypes
import os
import platform
import sys
from pathlib import Path

MARKER = "UNDERSTUDY_BLAS"
WHAT_TO_INSTALL = "install your system's OpenBLAS (Debian, Ubuntu: apt install libopenblas0-pthread)"

# In each: the variant with threads of its own. Debian, Ubuntu; Fedora, RHEL; openSUSE; Arch; built by hand.
SYSTEM_OPENBLAS = (
    "/usr/lib/{triplet}/openblas-pthread/libblas.so.3",
    "/usr/lib64/libopenblasp.so.0",
    "/usr/lib64/openblas-pthreads/libopenblas.so.0",
    "/usr/lib64/libopenblas_pthreads.so.0",
    "/usr/lib/libopenblasp.so.0",
    "/usr/lib/{triplet}/libopenblas.so.0",
    "/usr/lib64/libopenblas.so.0",
    "/usr/lib/libopenblas.so.0",
    "/usr/lib/libopenblas.so",
    "/opt/OpenBLAS/lib/libopenblas.so.0",
)
IN_THE_ENVIRONMENT = ("libopenblas.so.0", "libmkl_rt.so.*")


def run_with_optimised_blas() -> None:
    """Start this process again, once, with an optimised BLAS preloaded. Returns where that isn't needed or possible.

    Call it before MLX is imported: whatever was done until then is done twice. Linux only; macOS has Accelerate.
    Setting the environment variable UNDERSTUDY_BLAS to anything leaves the process as it is."""
    if MARKER in os.environ or is_blas_optimised():
        return
    library = find_optimised_blas()
    if library is None:
        return
    preloaded = [str(library), *os.environ.get("LD_PRELOAD", "").split()]
    environment = {**os.environ, "LD_PRELOAD": " ".join(preloaded), MARKER: str(library)}
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def find_optimised_blas() -> Path | None:
    """Return the first library that is there and loads: the system's OpenBLAS, then the environment's OpenBLAS or mkl."""
    return next((path for path in candidates() if is_loadable(path)), None)


def candidates() -> list[Path]:
    triplet = f"{platform.machine()}-linux-gnu"
    system = [Path(place.format(triplet=triplet)) for place in SYSTEM_OPENBLAS]
    library_folder = Path(sys.prefix, "lib")
    own = [path for pattern in IN_THE_ENVIRONMENT for path in sorted(library_folder.glob(pattern), reverse=True)]
    return [path for path in system + own if path.exists()]


def is_loadable(path: Path) -> bool:
    """Whether the loader takes the library: one that it can't preload (a missing libgfortran) would stop any program."""
    try:
        return hasattr(ctypes.CDLL(str(path)), "cblas_sgemm")
    except OSError:
        return False


def blas_in_use() -> str:
    """Say which BLAS MLX's CPU device calls in this process; a warning and what to install if it is the slow one."""
    if sys.platform != "linux":
        return "BLAS: Accelerate (macOS)"
    preloaded = optimised_library_in_memory()
    if preloaded:
        return f"BLAS: {preloaded}"
    return f"Warning: the BLAS in MLX's wheel is 10 to 20 times slower than an optimised one: {WHAT_TO_INSTALL}"


def is_blas_optimised() -> bool:
    """Whether matrix products on the CPU run at full speed."""
    return sys.platform != "linux" or optimised_library_in_memory() is not None


def optimised_library_in_memory() -> str | None:
    """Return the preloaded BLAS's file name, from what the loader mapped; numpy's private OpenBLAS doesn't count."""
    wanted = [Path(path).resolve() for path in os.environ.get("LD_PRELOAD", "").split() if is_blas_name(path)]
    mapped = {line.split(maxsplit=5)[-1].strip() for line in Path("/proc/self/maps").read_text().splitlines()}
    return next((path.name for path in wanted if str(path) in mapped), None)


def is_blas_name(path: str) -> bool:
    return any(part in path for part in ("blas", "libmkl_rt", "libblis"))
