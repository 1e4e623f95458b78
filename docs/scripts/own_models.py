"""A folder of models in place of the user's own, for scripts that train some."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def own_models(folder: Path) -> Iterator[None]:
    """Models are looked for in `folder`, and no longer afterwards."""
    before = os.environ.get("CARDIOSAM_MODELS")
    os.environ["CARDIOSAM_MODELS"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("CARDIOSAM_MODELS")
        if before is not None:
            os.environ["CARDIOSAM_MODELS"] = before
