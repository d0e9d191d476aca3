"""Gzip, checked to its last byte: nibabel reads on happily where the checksum is wrong."""

from __future__ import annotations

import hashlib
import io
import shutil
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from napari_mrf.compute.memory import refuse_beyond_memory
from napari_mrf.data.text_files import read_error, size_of
from napari_mrf.errors import MRFInputError
from napari_mrf.io import kept_files
from napari_mrf.io.formats.source import sha256_of, truncated
from napari_mrf.io.kept_files import keeping
from napari_mrf.io.owners import new_name, sweep
from napari_mrf.io.reading_progress import tell_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GZIP_MAGIC = b"\x1f\x8b"
HEAD_BYTES = 1024
"""So many unpacked bytes hold every header."""
_PIECE = 1 << 20


@dataclass(frozen=True)
class Unpacked:
    """A gzip file that was read to its end.

    Parameters
    ----------
    path : Path
        The unpacked file, in the cache.
    sha256 : str
        Of the packed file.
    reused : bool
        Whether it lay in the cache already.
    release : callable
        To be called once it is no longer used: until then `clear_unpacked_cache` of no process
        deletes it.
    """

    path: Path
    sha256: str
    reused: bool
    release: Callable[[], None]


def cache_folder() -> Path:
    """Return the folder where unpacked series are kept for the next time."""
    return kept_files.cache_folder("unpacked")


def clear_unpacked_cache() -> int:
    """Delete every unpacked series that is not open; the series themselves stay where they are.

    Returns
    -------
    int
        Bytes freed.
    """
    return kept_files.delete_kept(cache_folder())


def unpack_head(path: Path) -> bytes:
    """Return the first `HEAD_BYTES` unpacked bytes, without any check of the rest."""
    try:
        with path.open("rb") as file:
            return zlib.decompressobj(wbits=31).decompress(file.read(_PIECE), HEAD_BYTES)
    except OSError as error:
        raise read_error(error, path) from error
    except zlib.error as error:
        raise _damaged(path, error) from None


def unpack_to_cache(path: Path, declared: Callable[[bytes, Path], int]) -> Unpacked:
    """Unpack a gzip file into the cache, or find it there.

    The file is read once, to its end: checksum, length and sha256 are known before anything
    is handed over. Cached files are named by the size and sha256 of the packed file.

    Parameters
    ----------
    path : Path
        The gzip file.
    declared : callable
        Gives the unpacked size in bytes from the first unpacked bytes and the path.

    Returns
    -------
    Unpacked

    Raises
    ------
    MRFInputError
        ``"corrupt-gzip"``, ``"truncated"``, ``"declared-size"``, ``"disk-full"``,
        ``"not-writable"`` and other codes of failed writes, and what `declared` raises.
    """
    folder = cache_folder()
    with keeping(folder, "the cache folder for unpacked series",
                 otherwise="unpack the file yourself (gunzip)"):  # fmt: skip
        size = size_of(path)
        sweep(folder)
        return _kept(path, size, folder) or _unpacked(path, size, folder, declared)


def _kept(path: Path, size: int, folder: Path) -> Unpacked | None:
    """Return the unpacked file of an earlier time, None where there is none."""
    if any(folder.glob(f"{size}-*.nii")):
        sha256 = sha256_of(path)
        for cached in folder.glob(f"{size}-{sha256}-*.nii"):
            release = kept_files.hold(cached)
            with suppress(FileNotFoundError):  # it was cleared meanwhile
                if cached.stat().st_size == int(cached.stem.rsplit("-", 1)[1]):
                    return Unpacked(cached, sha256, True, release)
            release()
            cached.unlink(missing_ok=True)
    return None


def _unpacked(
    path: Path, size: int, folder: Path, declared: Callable[[bytes, Path], int]
) -> Unpacked:
    folder.mkdir(parents=True, exist_ok=True)
    # The final name holds the sha256, which is known only at the end of the pass.
    temporary = folder / new_name()
    try:
        with temporary.open("xb") as sink:
            sha256, unpacked = _stream(path, sink, declared, folder)
        final = folder / f"{size}-{sha256}-{unpacked}.nii"
        release = kept_files.hold(final)
        temporary.replace(final)
    finally:
        temporary.unlink(missing_ok=True)
    return Unpacked(final, sha256, False, release)


def unpack_to_memory(path: Path, declared: Callable[[bytes, Path], int]) -> tuple[bytes, str]:
    """Unpack a small gzip file with the same checks.

    Returns
    -------
    tuple of bytes and str
        The unpacked content, and the sha256 of the packed file.
    """
    sink = io.BytesIO()
    sha256, _ = _stream(path, sink, declared, None)
    return sink.getvalue(), sha256


def _stream(
    path: Path, sink: BinaryIO, declared: Callable[[bytes, Path], int], folder: Path | None
) -> tuple[str, int]:
    """Unpack into the sink and return sha256 of the packed and size of the unpacked bytes."""
    digest = hashlib.sha256()
    head, written, expected = b"", 0, None
    try:
        for piece in _unpacked_pieces(path, digest):
            if expected is None:
                head += piece[: HEAD_BYTES - len(head)]
                if len(head) == HEAD_BYTES:
                    expected = _expected(declared(head, path), path, folder)
            written += len(piece)
            if expected is not None and written > expected:
                raise _beyond(path, expected, written)
            sink.write(piece)
    except EOFError:
        if expected is None:
            raise truncated(path, HEAD_BYTES, written, least=True) from None
        raise truncated(path, expected, written) from None
    if expected is None:
        expected = _expected(declared(head, path), path, folder)
    if written > expected:
        raise _beyond(path, expected, written)
    if written < expected:
        raise truncated(path, expected, written)
    return digest.hexdigest(), written


def _beyond(path: Path, expected: int, written: int) -> MRFInputError:
    return MRFInputError("declared-size", "the file unpacks to more than its header declares",
                         path=path, expected=f"{expected} bytes",
                         found=f"{written} bytes or more")  # fmt: skip


def _expected(declared_bytes: int, path: Path, folder: Path | None) -> int:
    """Return the declared size, refused where neither the file nor the place can hold it."""
    # Deflate never does better than 1032:1.
    most = 1032 * size_of(path)
    if declared_bytes > most:
        raise MRFInputError("declared-size", "the header declares more data than the file can hold",
                            path=path, expected=f"at most {most} bytes",
                            found=f"{declared_bytes} bytes declared")  # fmt: skip
    if folder is None:
        refuse_beyond_memory(declared_bytes, "the unpacked file", path)
    elif declared_bytes > shutil.disk_usage(folder).free:
        raise MRFInputError("disk-full", f"{path.name} does not fit when unpacked", path=folder,
                            expected=f"{declared_bytes} bytes free",
                            found=f"{shutil.disk_usage(folder).free} bytes")  # fmt: skip
    return declared_bytes


def _unpacked_pieces(path: Path, digest: hashlib._Hash) -> Iterator[bytes]:
    """Yield the unpacked content of every gzip member, at most 1 MiB at a time."""
    unpacker, complete, size = zlib.decompressobj(wbits=31), False, size_of(path)
    try:
        with path.open("rb") as file:
            while packed := file.read(_PIECE):
                digest.update(packed)
                tell_read(file.tell(), size)
                while packed:
                    if complete:
                        # Another member may follow (pigz, bgzip), or zeros that fill a block.
                        packed = packed.lstrip(b"\0")
                        if not packed:
                            break
                        unpacker, complete = zlib.decompressobj(wbits=31), False
                    yield unpacker.decompress(packed, _PIECE)
                    complete = unpacker.eof
                    packed = unpacker.unused_data if complete else unpacker.unconsumed_tail
    except OSError as error:
        raise read_error(error, path) from error
    except zlib.error as error:
        raise _damaged(path, error) from None
    if not complete:
        raise EOFError


def _damaged(path: Path, error: zlib.error) -> MRFInputError:
    return MRFInputError("corrupt-gzip", "the compressed data are damaged", path=path,
                         expected="a matching checksum", found=str(error),
                         hint="Copy or download it again.")  # fmt: skip
