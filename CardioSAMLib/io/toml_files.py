"""Reading TOML files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from CardioSAMLib.cine import UnusableInput

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file. Raises UnusableInput, with the line at fault, where it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise UnusableInput(f"{path} cannot be read ({reason}); check its path and its permissions.") from error
    except ValueError as error:
        raise UnusableInput(f"{path} is no TOML file ({error}); mend that line.") from error
