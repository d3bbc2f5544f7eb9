"""A codebook on disk: weights in safetensors, settings in JSON."""

import json
from dataclasses import asdict
from pathlib import Path

from safetensors.torch import load_file, save_file

from shared.runs import UserError
from shared.vqvae._model import TurnCodebook
from shared.vqvae._settings import CodebookSettings

_WEIGHTS, _CONFIG = "model.safetensors", "config.json"


def save_codebook(folder: Path, model: TurnCodebook) -> None:
    """Write a codebook into an existing folder: `model.safetensors` and `config.json`."""
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / _WEIGHTS)
    config = {"dimensions": model.dimensions, "settings": asdict(model.settings)}
    (folder / _CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def load_codebook(folder: Path) -> TurnCodebook:
    """A codebook that `save_codebook` wrote, ready to `assign`.

    Raises:
        UserError: the folder does not hold a codebook.
    """
    if not (folder / _CONFIG).exists() or not (folder / _WEIGHTS).exists():
        raise UserError(f"'{folder}' holds no codebook: {_CONFIG} or {_WEIGHTS} is missing. Run stage vqvae first.")
    config = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    settings = config["settings"] | {"fsq_levels": tuple(config["settings"]["fsq_levels"])}
    model = TurnCodebook(config["dimensions"], CodebookSettings(**settings))
    model.load_state_dict(load_file(folder / _WEIGHTS))
    return model.eval()
