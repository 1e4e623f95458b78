"""How to install what the core installation lacks (floor 0)."""

from __future__ import annotations


def install_hint(extra: str) -> str:
    """The command for an extra of `pyproject.toml`, for the end of a message."""
    return f"pip install '.[{extra}]' (in the folder of CardioSAM)"
