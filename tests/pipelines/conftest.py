"""A small project with toy notebooks, apart from the real one."""

import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines._cli import main

CELLS = """\
# %% [markdown]
# # {title}
# **Question**: what comes out?
#
# **Inputs**: {inputs}
#
# **Outputs**: a file
#
# **Cost**: a second

# %%
import json

from shared.runs import begin, progress, record, say

# %% tags=["parameters"]
run_version: str = "v0.1"  # folder under runs/
upstream: list[str] = []  # stages that may be read
seed: int = 0  # any integer
{parameters}

# %%
run = begin("{stage}", globals())

# %% [markdown]
# ## Work

# %%
{work}

# %%
record("answer", {answer})

# %% tags=["findings"]
say("The answer is {{answer}}.")

# %%
run.finish()
"""


class Toy:
    """A project in a temporary folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "notebooks").mkdir()
        (root / "pipelines" / "studies").mkdir(parents=True)
        here = Path(__file__).resolve().parents[2]
        (root / "pyproject.toml").write_text((here / "pyproject.toml").read_text())
        (root / "notebooks" / "jupytext.toml").write_text((here / "notebooks" / "jupytext.toml").read_text())

    def notebook(
        self, name: str, *, work: str, parameters: str = "", answer: str = "seed", inputs: str = "none"
    ) -> Path:
        """Write one notebook; `work` is the cell in the middle."""
        text = CELLS.format(
            title=f"Try {name[4:]}", stage=name[4:], inputs=inputs, parameters=parameters,
            work=textwrap.dedent(work).strip(), answer=answer,
        )  # fmt: skip
        path = self.root / "notebooks" / f"{name}.py"
        path.write_text(text)
        return path

    def study(self, text: str, name: str = "toy") -> Path:
        """Write a study."""
        path = self.root / "pipelines" / "studies" / f"{name}.yaml"
        path.write_text(textwrap.dedent(text))
        return path

    def chain(self) -> None:
        """Two notebooks: numbers, and their sum."""
        self.notebook(
            "010_first", parameters="count: int = 3  # numbers, in [1, 100]", answer="count",
            work='run.write_json("numbers.json", list(range(count)))',
        )  # fmt: skip
        self.notebook(
            "020_second", parameters="factor: float = 1.0  # multiplies the sum, in [0, 10]", answer="total",
            work='''
            total = factor * sum(json.loads(run.find("numbers.json").read_text()))
            run.write_json("sum.json", total)
            ''',
        )  # fmt: skip
        self.study(
            """
            study: toy
            run_version: v1
            stages:
              first: {params: {count: 4}}
              second: {after: [first]}
            """
        )

    def runs(self, *parts: str) -> Path:
        """A path under runs/."""
        return self.root.joinpath("runs", *parts)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """An empty project, and the environment that makes it the current one."""
    monkeypatch.setenv("COLLOQUY_PROJECT", str(tmp_path))
    monkeypatch.setenv("COLLOQUY_HOME", str(tmp_path))
    return Toy(tmp_path)


@pytest.fixture(scope="session")
def executed_chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose chain was run once, to be copied: starting kernels is what makes these tests slow."""
    root = tmp_path_factory.mktemp("chain")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLLOQUY_PROJECT", str(root))
        patch.setenv("COLLOQUY_HOME", str(root))
        Toy(root).chain()
        assert main(["pair"]) == 0
        assert main(["run", "toy", "--jobs", "1"]) == 0
    return root


@pytest.fixture
def done(toy: Toy, executed_chain: Path) -> Toy:
    """The chain, already executed."""
    shutil.copytree(executed_chain, toy.root, dirs_exist_ok=True)
    return toy


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run a command in this process: its exit code, and what it printed on both streams."""

    def run(*arguments: str) -> tuple[int, str]:
        capfd.readouterr()
        code = main(arguments)
        captured = capfd.readouterr()
        return code, captured.out + captured.err

    return run


LONG_WORD = "unbreakable" * 20
ATTACK = "<script>window.attacked=true</script><img src=x onerror=window.attacked=true>"
SHOWN = f'''
import numpy as np
import pandas as pd
from shared.attention import attention_page
from shared.attention._tokens import Tokens
from shared.figures import embed, heatmap, histogram, lines, show
evil = "{ATTACK}"
record("evil_word", evil)
record("gain", 0.1, n=12, interval=(-0.1, 0.3))
record("unscored", float("nan"))
curves = {{"loss": [2, 1], evil: [3, 2]}}
show(lines([1, 2], curves, x="epoch", y="loss"), title="A title that is longer than a phone is wide, " + evil)
show(heatmap(np.eye(3), [evil, "b", "c"], ["d", "e", "f"], x="a long name of these columns", y="rows", unit="share"))
show(histogram({{"a": np.arange(9)}}, x="turns"))
print("{LONG_WORD}")
display(pd.DataFrame([range(40)], columns=["column_%d" % i for i in range(40)]))
display(pd.DataFrame({{"text": ["{LONG_WORD}", evil]}}))
none = np.zeros(3, int)
tokens = Tokens("c1", none, ["[CLS]", evil, "[SEP]"], none, none, ["word"], none, ["agent"])
embed(attention_page(tokens, np.full((1, 2, 3, 3), 0.3), view="head"), title="heads")
'''


@pytest.fixture(scope="session")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `reports/` of a project with two runs that differ in a parameter, and the grid of a third.

    Texts of the first run's last stage try to become markup and to burst the page.
    """
    root = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLLOQUY_PROJECT", str(root))
        patch.setenv("COLLOQUY_HOME", str(root))
        toy = Toy(root)
        toy.chain()
        toy.notebook("030_shown", work=SHOWN)
        toy.study(
            """
            study: looks
            run_version: v1
            description: How it looks <b>to a reader</b>.
            stages:
              first: {params: {count: 4}}
              shown: {}
            """,
            "looks",
        )
        toy.study(
            """
            study: varied
            run_version: v2
            stages:
              first: {params: {count: 5}}
            grid:
              first.count: [5]
            """,
            "varied",
        )
        assert main(["pair"]) == 0
        assert main(["run", "looks", "--jobs", "1"]) == 0
        assert main(["run", "toy", "--task", "first", "--run-version", "v3", "--set", "first.count=6"]) == 0
        assert main(["run", "varied", "--jobs", "1"]) == 0
        assert main(["compare", "v1", "v2/grid/first.count=5"]) == 0
    return root / "reports"
