"""Digests of files that were hashed before: a no-op run must not read gigabytes again.

Content decides. The digest of a file is remembered together with its size, times and inode; only if all of these
are as they were is the remembered digest used (a change of content changes the ctime, which no tool sets back).
"""

import json
from pathlib import Path

from shared.runs import digest_of, digest_of_text, home, write_json


class Digests:
    """Remembered digests, kept in `runs/.digests.json`."""

    def __init__(self) -> None:
        self._path = home() / "runs" / ".digests.json"
        self._known: dict[str, list[object]] = _read(self._path)
        self._changed = False

    def of(self, path: Path) -> str | None:
        """The digest of a file or folder as `shared.runs.digest_of` gives it; None if there is nothing."""
        if path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.is_file())
            return digest_of_text("\n".join(f"{p.relative_to(path).as_posix()} {self.of(p)}" for p in files))
        return self._of_file(path) if path.exists() else None

    def _of_file(self, path: Path) -> str:
        state = path.stat()
        mark = [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino]
        known = self._known.get(str(path))
        if known is not None and known[:4] == mark:
            return str(known[4])
        digest = digest_of(path)
        self._known[str(path)] = [*mark, digest]
        self._changed = True
        return digest

    def save(self) -> None:
        """Remember the digests for the next command."""
        if self._changed:
            # Folders of runs come and go; what is gone need not be remembered.
            present = {path: entry for path, entry in self._known.items() if Path(path).exists()}
            write_json(self._path, present)


def _read(path: Path) -> dict[str, list[object]]:
    # Only a cache: if a killed machine left nonsense behind, digests are computed again.
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return content if isinstance(content, dict) else {}
