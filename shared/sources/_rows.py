"""Rows of a corpus through `datasets`: from the hub or from local files in the same layout."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shared.runs import UserError, resolve_path

SPLITS = ("train", "valid", "test")
_SPLIT_OF = {
    "train": "train", "valid": "valid", "validation": "valid", "dev": "valid", "val": "valid", "test": "test",
}  # fmt: skip
_LOADERS = {".jsonl": "text", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".json": "json", ".txt": "text"}
# Repositories that only hold a loading script, and where the same corpus is as data files.
_ALTERNATIVES = {
    "empathetic_dialogues": "Adapting/empathetic_dialogues_v2",
    "esconv": "thu-coai/esconv or Ashokajou51/ESConv_Original",
    "go_emotions": "google-research-datasets/go_emotions",
}


def load_splits(location: str, *, columns: list[str] | None = None) -> dict[str, list[dict[str, Any]]]:
    """The rows of each split of a corpus.

    Args:
        location: a local folder with one file a split (`train.jsonl`, `dev.tsv`, …), a single file, or a hub id.
        columns: names of the columns of a headerless TSV.

    Returns:
        Rows by split name (train, valid, test). A single file is one split named "all". A line of a `.jsonl` file is a
        row {"text": line}, as in hub corpora that keep JSON in a text column: the reader parses and may reject it.

    Raises:
        UserError: nothing is there, no file is named after a split, or the hub repository has only a loading script.
    """
    path = resolve_path(location)
    if path.is_file():
        return {"all": _file_rows(path, columns)}
    if path.is_dir():
        return _folder_rows(path, columns)
    return _hub_rows(location)


def _folder_rows(folder: Path, columns: list[str] | None) -> dict[str, list[dict[str, Any]]]:
    found = {_SPLIT_OF[p.stem.lower()]: p for p in sorted(folder.iterdir()) if _is_split(p)}
    if not found:
        if list(folder.glob("*.py")):
            raise UserError(_script_only(str(folder)))
        names = ", ".join(p.name for p in sorted(folder.iterdir())) or "nothing"
        raise UserError(f"{folder} has no file named after a split (train.*, valid.*, test.*). Found: {names}.")
    return {split: _file_rows(found[split], columns) for split in SPLITS if split in found}


def _is_split(path: Path) -> bool:
    return path.stem.lower() in _SPLIT_OF and path.suffix.lower() in _LOADERS


def _file_rows(path: Path, columns: list[str] | None) -> list[dict[str, Any]]:
    from datasets import Dataset, disable_progress_bars, load_dataset
    from datasets.exceptions import DatasetGenerationError

    disable_progress_bars()
    loader = _LOADERS.get(path.suffix.lower())
    if loader is None:
        raise UserError(f"{path.name}: files ending in {', '.join(sorted(_LOADERS))} can be read, this one cannot.")
    try:
        table = load_dataset(loader, data_files=str(path), split="train", **_options(path, columns))
    except DatasetGenerationError as error:
        raise UserError(f"{path.name} cannot be read as {loader}: {error.__cause__ or error}") from None
    assert isinstance(table, Dataset)
    return list(_plain(table))


def _options(path: Path, columns: list[str] | None) -> dict[str, Any]:
    from datasets import Features, Value

    if path.suffix.lower() in (".jsonl", ".txt"):
        return {"keep_linebreaks": False}
    if path.suffix.lower() != ".tsv":
        return {}
    # Comments on the web hold stray quotes: a tab and a line end are the only marks of a TSV here.
    features = {"features": Features({c: Value("string") for c in columns}), "column_names": columns} if columns else {}
    return {"sep": "\t", "quoting": 3, "keep_default_na": False, **features}


def _plain(table: Any) -> Iterator[dict[str, Any]]:
    for row in table:
        yield dict(row)


def _hub_rows(name: str) -> dict[str, list[dict[str, Any]]]:
    from datasets import disable_progress_bars, load_dataset
    from huggingface_hub.errors import HfHubHTTPError

    disable_progress_bars()
    try:
        loaded = load_dataset(name)
    except RuntimeError as error:
        if "scripts are no longer supported" in str(error):
            raise UserError(_script_only(name)) from None
        raise
    except (OSError, ValueError, HfHubHTTPError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"'{name}' is neither a local file or folder nor a corpus that could be fetched from the hub ({reason}). "
            "Check the spelling, or download it where there is a network and name the folder."
        ) from None
    return {_SPLIT_OF.get(str(split), str(split)): list(_plain(table)) for split, table in loaded.items()}


def _script_only(name: str) -> str:
    known = next((alternative for key, alternative in _ALTERNATIVES.items() if key in name.lower()), None)
    hint = f"Use {known} instead, which has data files." if known else "Name a mirror with CSV, JSON or Parquet files."
    return f"'{name}' has only a loading script, and scripts are not run (nor supported by `datasets`). {hint}"


def layout(splits: dict[str, list[dict[str, Any]]]) -> list[tuple[str, int, list[str]]]:
    """Split, number of rows and keys (keys only, never values) of each split."""
    return [(split, len(rows), sorted(rows[0]) if rows else []) for split, rows in splits.items()]
