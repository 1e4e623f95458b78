"""Stand-in for slicer.packaging (Slicer 5.12): records what would be installed."""

from pathlib import Path
from subprocess import CalledProcessError

requested = []
"""One (requirements, requester) per call of pip_ensure."""

answer = True
"""What the user answers when asked whether packages may be installed."""


def load_requirements(path):
    lines = (line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


is_online = True
"""Whether pip can reach what it installs from."""


def pip_ensure(requirements, requester=None):
    requested.append((requirements, requester))
    if not is_online:
        raise CalledProcessError(1, ["python", "-m", "pip", "install", *requirements])
    if not answer:
        raise RuntimeError("User declined package installation")
