"""Embeddings of slices, kept so that the second click on a slice needs no encoder: in memory and on disk.

An embedding is found by what went into the encoder (`embedding_key`), never by a patient's or a slice's name: two
frames of a slice, or two augmented views of it, can then not share one, and no name reaches the disk. Why this is own
code: docs/decisions/0006-embedding-cache.md.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from CardioSAMLib.cine import Array, UnusableInput

DEFAULT_MAX_BYTES = 2 * 2**30  # 1,000 slices of SAM at 1024 px, or four cines of 250 images
DEFAULT_MEMORY_BYTES = 256 * 2**20  # 128 of them: all slices of several frames

_MAGIC = b"CardioSAM embedding 1\n"
_DIGEST_BYTES = 32
_KEY = re.compile(r"[0-9a-f]{64}")
_ENTRY = re.compile(r"[0-9a-f]{64}\.embedding")
_UNFINISHED = re.compile(r"[0-9a-f]{64}\..+\.part")
_UNFINISHED_IS_LEFT_OVER_AFTER_S = 3600.0
_LARGEST_FLOAT16 = 65504.0
_PROGRAMS = 16
"""That may add to a cache at the same time without passing its bound."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CacheInfo:
    """What a cache holds on disk, and how much that may be."""

    folder: Path
    entries: int
    bytes: int
    max_bytes: int


class _CacheFile(NamedTuple):  # a tuple sorts and is made fast: there may be 20,000
    used_ns: int  # the file's modification time: access times are switched off on many systems
    path: str
    bytes: int
    is_entry: bool  # else it is unfinished


def default_folder() -> Path:
    """Where this user's embeddings lie: below CARDIOSAM_CACHE if that is set, else in the system's folder for caches.

    Raises UnusableInput where the user has no home folder and CARDIOSAM_CACHE is not set.
    """
    if named := os.environ.get("CARDIOSAM_CACHE"):
        return Path(named).absolute() / "embeddings"
    try:
        home = Path.home()
    except RuntimeError as error:
        raise UnusableInput("There is no home folder for the cache; name one in CARDIOSAM_CACHE.") from error
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "CardioSAM" / "embeddings"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "CardioSAM" / "embeddings"
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))  # a relative one is to be ignored, says the XDG specification
    return (xdg if xdg.is_absolute() else home / ".cache") / "cardiosam" / "embeddings"


def embedding_key(pixels: Array, model_sha256: str, preprocessing_id: str, dtype: str) -> str:
    """The hexadecimal sha256 of all that determines an embedding.

    pixels: as they go into the encoder, after every crop, scaling, flip and normalization; their shape counts, too.
    model_sha256: of the weights. preprocessing_id: of the way from the image to the pixels. dtype: in which the encoder
    computes, as "float32" or "bfloat16".
    """
    little_endian = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<"))
    described = [model_sha256, preprocessing_id, dtype, little_endian.dtype.str, list(pixels.shape)]
    digest = hashlib.sha256(json.dumps(described).encode() + b"\n")
    digest.update(little_endian.data)
    return digest.hexdigest()


class EmbeddingCache:
    """Named arrays by key, in memory and in a folder that several programs may use at the same time.

    Floating-point arrays are kept as float16 and given back as float32, from memory and from disk alike, so that a
    click gives the same contour before and after a restart. Loss: at most 2**-11 of a value (0.05 %), and 2**-25 where
    a value is below 2**-14; an array with values that float16 cannot hold is kept as float32. Whole numbers and
    booleans are kept as they are.

    max_bytes: of all files; while a file is being written there may be one more per program. memory_bytes: of all
    arrays in memory. The least recently used go first; what is larger than a bound is not kept there. A folder that
    cannot be read or written costs the time of encoding again, and one warning in the log.
    """

    def __init__(
        self, folder: Path | str, max_bytes: int = DEFAULT_MAX_BYTES, memory_bytes: int = DEFAULT_MEMORY_BYTES
    ) -> None:
        self._folder = Path(folder)
        self._max_bytes = max_bytes
        self._memory = _Memory(memory_bytes)
        self._warned = False
        self._unlooked_bytes = 0

    def get(self, key: str) -> dict[str, Array] | None:
        """The arrays that were put, as the caller's own copies; None if they are not there, or no longer intact."""
        path = self._path(key)
        kept = self._memory.get(key)
        if kept is None:
            kept = _read(path, key)
            if kept is None:
                return None
            self._memory.put(key, kept)
        # On disk, too, where the answer came from memory: else another program would evict what is used most here.
        _mark_used(path)
        return _restored(kept)

    def put(self, key: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Keeps arrays, and returns them as `get` will from now on: decode these, and all clicks see the same values.

        Raises ValueError for a key that `embedding_key` cannot have made, and for arrays that are not of numbers.
        """
        path = self._path(key)
        kept = {name: _shrunk(name, array) for name, array in arrays.items()}
        self._memory.put(key, kept)
        content = _to_bytes(key, kept)
        if len(content) <= self._max_bytes:
            try:
                _write(path, content)
                self._unlooked_bytes -= len(content)
                if self._unlooked_bytes < 0:
                    self._evict()
            except OSError as error:
                self._warn_once(error)
        return _restored(kept)

    def info(self) -> CacheInfo:
        """Entries and bytes on disk now; makes no folder. Raises UnusableInput where the folder cannot be read."""
        with self._plain_errors("read"):
            files = _files_in(self._folder)
        entries = sum(file.is_entry for file in files)
        return CacheInfo(self._folder, entries, sum(file.bytes for file in files), self._max_bytes)

    def clear(self) -> CacheInfo:
        """Empties memory and folder, of the cache's own files only; returns what was there.

        Raises UnusableInput if files could not be removed.
        """
        self._memory.clear()
        before = self.info()
        with self._plain_errors("emptied"):
            for file in _files_in(self._folder):
                Path(file.path).unlink(missing_ok=True)
        return before

    def _path(self, key: str) -> Path:
        # Whatever else somebody might use as a key, a patient's name for one, would become the name of a file.
        if _KEY.fullmatch(key) is None:
            raise ValueError("The key of an embedding is a sha256 in 64 hexadecimal digits; make it by embedding_key.")
        return self._folder / f"{key}.embedding"

    def _evict(self) -> None:
        """Removes left-over unfinished files, then the least recently used entries until the rest is within the bound.

        Comes after the new file is in place: of several programs that add at once, the last one sees all files. As
        long as there is room, looking at all files for every new one is saved: each program may take a share of it.
        """
        files = _files_in(self._folder)
        total = sum(file.bytes for file in files)
        oldest_unfinished_ns = time.time_ns() - int(_UNFINISHED_IS_LEFT_OVER_AFTER_S * 1e9)
        left_over = [file for file in files if not file.is_entry and file.used_ns < oldest_unfinished_ns]
        self._unlooked_bytes = max(self._max_bytes - total, 0) // _PROGRAMS
        if total <= self._max_bytes and not left_over:
            return
        entries = sorted(file for file in files if file.is_entry)
        for file in left_over + entries:
            if file in left_over or total > self._max_bytes:
                _remove(Path(file.path))
                total -= file.bytes

    @contextmanager
    def _plain_errors(self, done: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UnusableInput(
                f"The cache {self._folder} cannot be {done} ({_reason(error)}); close programs that use it, and check "
                "who may write there."
            ) from error

    def _warn_once(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            _log.warning(
                "The cache %s cannot be written to (%s): embeddings are kept in memory only. To keep them, free some "
                "space or name another folder in CARDIOSAM_CACHE.",
                self._folder,
                _reason(error),
            )


class _Memory:
    """Arrays by key up to a number of bytes, the least recently used go first. For several threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, Mapping[str, Array]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> Mapping[str, Array] | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: str, arrays: Mapping[str, Array]) -> None:
        with self._lock:
            self._bytes -= _bytes_of(self._kept.pop(key, {}))
            if _bytes_of(arrays) > self._max_bytes:
                return
            self._kept[key] = arrays
            self._bytes += _bytes_of(arrays)
            while self._bytes > self._max_bytes:
                self._bytes -= _bytes_of(self._kept.popitem(last=False)[1])

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._bytes = 0


def _reason(error: OSError) -> str:
    return (error.strerror or "unknown reason").lower()


def _bytes_of(arrays: Mapping[str, Array]) -> int:
    return sum(array.nbytes for array in arrays.values())


def _shrunk(name: str, array: Array) -> Array:
    """A copy in the form in which it is kept, in the order in which a file gives it back."""
    if array.dtype.kind not in "fiub":
        raise ValueError(f"The array {name!r} of an embedding is of {array.dtype}; only real numbers can be kept.")
    if array.dtype.kind != "f":
        return array.copy(order="C")
    largest = np.max(np.abs(array), initial=0.0, where=np.isfinite(array))
    return array.astype(np.float16 if largest <= _LARGEST_FLOAT16 else np.float32, order="C")


def _restored(kept: Mapping[str, Array]) -> dict[str, Array]:
    return {name: array.astype(np.float32 if array.dtype.kind == "f" else array.dtype) for name, array in kept.items()}


def _digest(key: str, payload: bytes) -> bytes:
    # The key belongs to it: a file under another's name is not intact.
    return hashlib.sha256(key.encode() + payload).digest()


def _to_bytes(key: str, arrays: Mapping[str, Array]) -> bytes:
    """A file's content: magic line, sha256 of the rest, a line of JSON that lists the arrays, their values."""
    in_order = {name: np.ascontiguousarray(array, array.dtype.newbyteorder("<")) for name, array in arrays.items()}
    # The shape of the array as it came: ascontiguousarray makes one number a list of one.
    header = [[name, array.dtype.str, arrays[name].shape] for name, array in in_order.items()]
    payload = json.dumps(header).encode() + b"\n" + b"".join(array.tobytes() for array in in_order.values())
    return _MAGIC + _digest(key, payload) + payload


def _from_bytes(key: str, content: bytes) -> dict[str, Array]:
    """The arrays of a file's content. Raises ValueError if it is not exactly what was written under this key."""
    start = len(_MAGIC) + _DIGEST_BYTES
    payload = content[start:]
    if content[:start] != _MAGIC + _digest(key, payload):
        raise ValueError("checksum")
    header, _newline, values = payload.partition(b"\n")
    arrays, offset = {}, 0
    for name, dtype, shape in json.loads(header):
        count = int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(values, dtype, count, offset).reshape(shape)
        offset += arrays[name].nbytes
    return arrays


def _read(path: Path, key: str) -> dict[str, Array] | None:
    """The arrays of a file; None if there is none. A damaged file is removed, so that it is made anew."""
    try:
        return _from_bytes(key, path.read_bytes())
    except OSError:
        return None
    except ValueError:
        _log.warning("A damaged embedding was found in the cache and removed; it is computed again: %s", path)
        _remove(path)
        return None


def _write(path: Path, content: bytes) -> None:
    """Writes a file under a temporary name, then renames it. Raises OSError, leaving nothing unfinished.

    Not `io.write_files`: images can in part be reconstructed from embeddings, so folder and files are the user's alone
    (as `mkstemp` makes them), and what a killed program leaves must be a file that the bound counts.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f"{path.stem}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except BaseException as error:
        _remove(Path(name))
        emptied_meanwhile = isinstance(error, FileNotFoundError)
        # Windows does not replace a file that somebody reads; it is the embedding of the same pixels.
        in_use = isinstance(error, PermissionError) and path.exists()
        if not (emptied_meanwhile or in_use):
            raise


def _files_in(folder: Path) -> list[_CacheFile]:
    """The cache's own files, finished and unfinished; none where there is no folder. Raises OSError."""
    files = []
    try:
        with os.scandir(folder) as found:
            for file in found:
                is_entry = _ENTRY.fullmatch(file.name) is not None
                if is_entry or _UNFINISHED.fullmatch(file.name):
                    try:
                        status = file.stat(follow_symlinks=False)
                    except FileNotFoundError:  # removed by another program since the folder was listed
                        continue
                    files.append(_CacheFile(status.st_mtime_ns, file.path, status.st_size, is_entry))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return files


def _mark_used(path: Path) -> None:
    now_ns = time.time_ns()
    try:
        os.utime(path, ns=(now_ns, now_ns))
    except OSError:  # evicted by another program, never on disk, or a cache that may only be read
        return


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:  # Windows, while another program reads it: the next eviction sees it again
        return
