"""How much memory this process has taken at most (floor 4)."""

from __future__ import annotations

import re
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def highest_rss_mb() -> float | None:
    """Highest resident memory of this process up to now, in MB; None where the system does not tell."""
    # Linux' getrusage begins with the highest memory of the process that started this one; this file does not.
    if _STATUS.is_file() and (found := re.search(r"^VmHWM:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)):
        return int(found[1]) / 1024.0
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1024.0
