"""How much memory this process has taken at most (floor 4)."""

from __future__ import annotations

import sys


def highest_rss_mb() -> float | None:
    """Highest resident memory of this process up to now, in MB; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1024.0
