"""What redaction remembers of a run: a key, and for each stage digests of what it replaced. Never an original.

On disk, in `runs/<version>/.redaction/` (readable by the owner only, never part of an export): `key`, and a
`<stage>.json` of keyed digests. With the key somebody could try names one by one; delete the folder before giving a run
away, and the placeholders cannot be traced back any more. Stages share one key in a run version, so they agree on
placeholders; a stage takes over what stages of lower numbers remembered, so that what runs beside it plays no part.
"""

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from shared.runs import runs_folder, stage_numbers, write_json
from shared.text._redact import Redactor

FOLDER = ".redaction"


def ensure_key(version: str) -> bytes:
    """The key of a run version, made when it is first asked for; combinations of a grid share it."""
    path = _root(version) / "key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        partial = path.with_name(f".partial-{os.getpid()}-{secrets.token_hex(4)}")
        partial.touch(mode=0o600)
        partial.write_text(secrets.token_hex(16), encoding="ascii")
        _keep_the_first(partial, path)
    return bytes.fromhex(path.read_text(encoding="ascii"))


def _keep_the_first(partial: Path, path: Path) -> None:
    try:
        os.link(partial, path)  # fails if another stage was quicker: then its key counts
    except FileExistsError:
        pass
    finally:
        partial.unlink()


def _root(version: str) -> Path:
    return runs_folder(version.partition("/")[0]) / FOLDER


def stage_redactor(version: str, stage: str) -> Redactor:
    """A redactor that agrees with the other stages of the run and knows what earlier ones (by number) learned."""
    redactor = Redactor(ensure_key(version))
    numbers = stage_numbers()
    for path in _kept(version):
        if numbers.get(path.stem, 0) < numbers.get(stage, 0):
            redactor.recall_others(json.loads(path.read_text(encoding="utf-8")))
    return redactor


def known_redactor(version: str) -> Redactor:
    """A redactor that knows what all stages of the run remembered so far; without a key it knows nothing."""
    has_key = (_root(version) / "key").exists()
    redactor = Redactor(ensure_key(version) if has_key else secrets.token_bytes(16))
    for path in _kept(version):
        redactor.recall_others(json.loads(path.read_text(encoding="utf-8")))
    return redactor


def keep_redactor(redactor: Redactor, version: str, stage: str) -> None:
    """Remember, as digests, what a stage replaced and which names it learned."""
    path = runs_folder(version) / FOLDER / f"{stage}.json"
    write_json(path, redactor.remembered())
    path.chmod(0o600)


def _kept(version: str) -> Iterator[Path]:
    """Files of stages in this version and, for a grid's combination, in the versions above it."""
    while version:
        files = (runs_folder(version) / FOLDER).glob("*.json")
        yield from sorted(path for path in files if not path.name.startswith("."))
        version = Path(version).parent.as_posix() if "/" in version else ""
