"""Fetching one file over the network, compared with the checksum that is known of it (floor 4)."""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from CardioSAMLib import __version__
from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.progress import Progress

_PIECE_BYTES = 1 << 18
_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class RemoteFile:
    """A file on a server, and what is known of it. name: what it is to be called here."""

    name: str
    url: str
    sha256: str
    bytes: int


def download(file: RemoteFile, path: Path, title: str, progress: Progress) -> None:
    """Writes a file to a path; a part of it is left there where that fails.

    title: of what it belongs to, for messages. progress: asked after each piece.
    Raises UnusableInput where the server cannot be reached or sends something else, OSError where it cannot be written.
    """
    request = urllib.request.Request(file.url, headers={"User-Agent": f"CardioSAM/{__version__}"})
    digest, done = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer, path.open("wb") as target:
            while done <= file.bytes and (piece := answer.read(_PIECE_BYTES)):
                digest.update(piece)
                target.write(piece)
                done += len(piece)
                said = f"downloading {title}: {done / 1e6:.1f} of {file.bytes / 1e6:.1f} MB"
                progress(min(done / file.bytes, 1.0), said)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise UnusableInput(
            f"{title} could not be downloaded ({_reason(error)}); check the network connection and try again."
        ) from error
    if digest.hexdigest() != file.sha256:
        raise UnusableInput(
            f"{_server(file.url)} sent another file for {title} than the catalogue names; it was deleted. Try later."
        )


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server says {error.code} {error.reason}"
    reason = getattr(error, "reason", None) or error
    return getattr(reason, "strerror", None) or str(reason) or type(error).__name__


def _server(url: str) -> str:
    return urlsplit(url).hostname or url
