"""Where the real data lie; tests of this folder skip, with the reason, where they are absent."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    folder = Path(os.environ.get("CARDIOSAM_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    if not (folder / "acdc").is_dir():
        pytest.skip(f"no real data at {folder}; set CARDIOSAM_DATA to the folder that holds acdc and sunnybrook")
    return folder
