"""How much of two masks is shared."""

from __future__ import annotations

from CardioSAMLib.cine import Array


def dice(a: Array, b: Array) -> float:
    """2 |A and B| / (|A| + |B|) of two bool masks of one shape; 1 where both are empty (METHODS 3.2, 3.3)."""
    if a.shape != b.shape:
        raise ValueError(f"The masks have the shapes {a.shape} and {b.shape}; they must lie on one grid.")
    size = int(a.sum()) + int(b.sum())
    return 2.0 * int((a & b).sum()) / size if size else 1.0
