from pathlib import Path

import pytest

from shared.params import UserError, read_parameters

CELL = """# %% [markdown]
# # A notebook

# %% tags=["parameters"]
epochs: int = 3  # passes over train, in [1, 100]
method: Literal["mean", "a=b"] = "mean"  # how rows are merged
labels: list[str] = []  # empty = all
target: str | None = None  # column, None = guess

# %%
later: int = 5
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "130_toy.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_only_the_tagged_cell_is_read_with_types_defaults_and_comments(tmp_path: Path) -> None:
    found = read_parameters(written(tmp_path, CELL))
    assert list(found) == ["epochs", "method", "labels", "target"]
    assert found["method"].annotation == "Literal['mean', 'a=b']"
    assert found["epochs"].default == 3
    assert found["epochs"].comment == "passes over train, in [1, 100]"
    assert found["target"].type == str | None


def test_a_notebook_without_a_parameters_cell_has_no_parameters(tmp_path: Path) -> None:
    assert read_parameters(written(tmp_path, "# %%\nx = 1\n")) == {}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("epochs = 3", "name: annotation = literal"),
        ("epochs: int = 2 + len('a')", "not a literal"),
        ("epochs: os.PathLike = 3", "annotation of 'epochs'"),
        ("epochs: __import__('os') = 3", "annotation of 'epochs'"),
        ("epochs: int = (", "does not parse"),
    ],
)
def test_a_line_that_is_not_a_typed_literal_is_refused_with_the_remedy(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(UserError, match="130_toy") as error:
        read_parameters(written(tmp_path, f'# %% tags=["parameters"]\n{line}\n'))
    assert message in str(error.value)
