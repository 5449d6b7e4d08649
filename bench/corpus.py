"""The corpus all servers get, always the same: small projects, one large project, one large wheel."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.distributions import Distribution, make_wheel

SEED = 20_261_121
BIG_WHEEL_BYTES = 10_000_000
SMALL_PYTHONS = ("py3", "cp310", "cp311", "cp312", "cp313")


@dataclass(frozen=True)
class Corpus:
    """How many projects of 25 files, and how many files in the one large project."""

    projects: int
    large: int

    @property
    def names(self) -> list[str]:
        return [*self.small_names, "large", "heavy"]

    @property
    def small_names(self) -> list[str]:
        return [f"bench-{n:03}" for n in range(self.projects)]

    def wheels(self) -> Iterator[Distribution]:
        for name in self.small_names:
            yield from small_project(name)
        yield from self.large_project()
        noise = random.Random(SEED).randbytes(BIG_WHEEL_BYTES)
        yield make_wheel("heavy", files={"heavy/noise.bin": noise})

    def large_project(self) -> Iterator[Distribution]:
        """Few versions, many platforms: some servers take seconds per file into a project of many versions."""
        for n in range(self.large):
            version, platform = divmod(n, 100)
            yield make_wheel(
                "large", f"1.{version}", tag=f"cp3{8 + platform % 6}-none-manylinux_2_{5 + platform}_x86_64"
            )


def small_project(name: str) -> Iterator[Distribution]:
    for version in range(5):
        for python in SMALL_PYTHONS:
            yield make_wheel(name, f"1.{version}", tag=f"{python}-none-any")
