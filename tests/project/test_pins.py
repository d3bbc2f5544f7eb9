import re
import tomllib

import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from shared.runs import project


def pinned() -> dict[str, str]:
    lines = (project() / "requirements.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split("  #")[0].strip() for line in lines if "==" in line]
    return {Requirement(row).name: row for row in rows}


def ranges() -> dict[str, Requirement]:
    with (project() / "pyproject.toml").open("rb") as content:
        declared = tomllib.load(content)["project"]
    rows = [*declared["dependencies"], *declared["optional-dependencies"]["dev"]]
    return {Requirement(row).name: Requirement(row) for row in rows}


def test_every_range_has_a_pin_inside_it_and_every_pin_a_range() -> None:
    pins, declared = pinned(), ranges()
    assert set(pins) == set(declared)
    for name, row in pins.items():
        version = Version(str(Requirement(row).specifier).removeprefix("=="))
        assert declared[name].specifier.contains(version), name
        assert declared[name].extras == Requirement(row).extras, name


def test_conda_users_get_the_same_pins() -> None:
    environment = yaml.safe_load((project() / "environment.yml").read_text(encoding="utf-8"))
    pip = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert pip == list(pinned().values())


def test_torch_is_exactly_the_version_that_was_measured() -> None:
    assert pinned()["torch"] == "torch==2.13.0"


def test_every_dependency_says_why_it_is_there() -> None:
    for name in ("requirements.txt", "pyproject.toml"):
        for line in (project() / name).read_text(encoding="utf-8").splitlines():
            if re.match(r'^\s*"?[A-Za-z0-9._-]+(\[[a-z]+\])?(==|>=)[\d]', line):
                assert "# " in line, f"{name}: {line}"
