"""Content digests of files and folders."""

import hashlib
from pathlib import Path

_CHUNK = 1 << 20


def digest_of(path: Path) -> str:
    """Digest of a file's bytes, or of a folder's relative names and bytes in sorted order.

    Returns:
        32 hexadecimal digits (BLAKE2b, 128 bits).

    Raises:
        FileNotFoundError: there is nothing at `path`.
    """
    if path.is_dir():
        return digest_of_text("\n".join(f"{p.relative_to(path).as_posix()} {digest_of(p)}" for p in _files(path)))
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def digest_of_text(text: str) -> str:
    """Digest of a text's UTF-8 bytes, 32 hexadecimal digits."""
    return hashlib.blake2b(text.encode("utf-8"), digest_size=16).hexdigest()


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())
