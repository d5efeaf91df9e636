"""Made-up traces whose truth is known, and how often what we state of them holds.

    python tests/statistics/simulation.py            # the whole table, about ten minutes
    python tests/statistics/simulation.py --quick    # as CI runs it

Seeded: the same figures each time.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from insights_core.statistics import association, discoveries, shares
from insights_core.statistics.units import Units
from insights_core.statistics.values import Beside, Values


@dataclass(frozen=True)
class World:
    """How traces come about."""

    name: str
    sessions: int
    size: float = 1
    """Traces of a session on average; geometric, so that most are short and some long."""
    values: int = 20
    rate: float = 0.2
    """Share of traces in the slice where nothing goes with it."""
    alike: float = 0.0
    """Correlation of two traces of a session."""
    by_session: bool = True
    """Whether a session's traces have one value, as they share a user or a region; else each its own."""
    planted: float = 1.0
    """How much likelier traces with the first value are in the slice."""
    drift: float = 0.0
    """How far the rate swings over the time in which the sessions come."""
    by_size: bool = False
    """Whether longer sessions are likelier in the slice."""
    zipf: float = 0.0
    """0: all values are as frequent; 1: the k-th has 1/k of the first one's traces."""
    first_share: float | None = None
    """Share of the first value."""

    @property
    def shares(self) -> np.ndarray:
        weight = 1.0 / np.arange(1, self.values + 1) ** self.zipf
        if self.first_share is not None:
            weight[0] = weight[1:].sum() * self.first_share / (1 - self.first_share)
        return weight / weight.sum()

    def rates(self, sessions: int, random: np.random.Generator) -> np.ndarray:
        """The rate of each session."""
        rate = np.full(sessions, self.rate)
        if self.drift:
            rate = rate * (1 + self.drift * np.sin(2 * np.pi * np.arange(sessions) / sessions))
        if not self.alike:
            return rate
        spread = (1 - self.alike) / self.alike
        return random.beta(rate * spread, (1 - rate) * spread)

    def draw(self, random: np.random.Generator) -> tuple[Values, np.ndarray]:
        sizes = random.geometric(1 / self.size, self.sessions)
        of = np.repeat(np.arange(self.sessions), sizes)
        per = self.sessions if self.by_session else len(of)
        value = random.choice(self.values, per, p=self.shares)
        value = value[of] if self.by_session else value
        rate = self.rates(self.sessions, random)
        if self.by_size:
            rate = rate * np.minimum(2, sizes / self.size)
        likely = np.where(value == 0, self.planted, 1.0) * rate[of]
        mask = random.random(len(of)) < np.minimum(1, likely)
        units = Units.of_codes(of)
        return Values.of_codes(value, self.values, units), mask

    def truth(self) -> np.ndarray:
        """NPMI of each value if traces kept coming for ever."""
        rate = self.rates(400_000, np.random.default_rng(0))
        inside = np.full(self.values, rate.mean())
        inside[0] = np.minimum(1, rate * self.planted).mean()
        joint = self.shares * inside
        return np.log(inside / joint.sum()) / -np.log(joint)


NULL = [
    World("600 traces, 50 values", 600, values=50, rate=0.1),
    World("10,000 traces, 1,000 values", 10_000, values=1_000, rate=0.1),
    World("2,000 traces, rare (2 %), 50 values", 2_000, values=50, rate=0.02),
    World("2,000 traces, values of all sizes", 2_000, values=200, zipf=1, rate=0.05),
    World("drifting rate, 5,000 traces", 5_000, values=50, drift=0.9, rate=0.1),
    World("600 traces in 60 sessions, 20 values", 60, 10, alike=0.3),
    World("the same, 300 sessions, rare (2 %)", 300, 10, values=50, rate=0.02, alike=0.3),
    World("10,000 traces in 1,000 sessions, 1,000 values", 1_000, 10, values=1_000, rate=0.1, alike=0.3),
    World("sessions all alike", 1_000, 10, values=100, rate=0.1, alike=0.9),
    World("values within sessions", 1_000, 10, values=100, rate=0.1, alike=0.3, by_session=False),
    World("drifting rate in sessions", 1_000, 5, values=50, drift=0.9, rate=0.1, alike=0.2),
    World("longer sessions fail more", 1_000, 5, values=50, rate=0.1, alike=0.2, by_size=True),
]
PLANTED = [
    World("2,000 traces, rate 10 %, 4 values", 2_000, values=4, rate=0.1, planted=2, first_share=0.05),
    World("2,000 traces, rate 20 %, 20 values", 2_000, values=20, rate=0.2, planted=2, first_share=0.05),
    World("2,000 traces, rate 20 %, 200 values", 2_000, values=200, rate=0.2, planted=2, first_share=0.05),
    World("2,000 traces in 1,000 sessions, 20 values", 1_000, 2, rate=0.2, alike=0.2, planted=2, first_share=0.05),
    World("10,000 traces, rate 10 %, 1,000 values", 10_000, values=1_000, rate=0.1, planted=2, first_share=0.05),
    World("10,000 traces in 2,500 sessions, 100 values", 2_500, 4, values=100, rate=0.2, alike=0.2, planted=2, first_share=0.05),
]  # fmt: skip
COVERED = [
    World("independent, 3,000 traces", 3_000, values=40, zipf=1, rate=0.1, planted=2),
    World("independent, rare", 2_000, values=60, zipf=1, rate=0.03, planted=2),
    World("sessions of 10, 100 of them", 100, 10, values=15, zipf=1, alike=0.3, planted=2),
    World("sessions of 10, 500 of them", 500, 10, values=30, zipf=1, rate=0.1, alike=0.3, planted=2),
    World("sessions of 4, much alike", 1_000, 4, values=40, zipf=1, alike=0.6),
    World("values within sessions of 10", 500, 10, values=30, zipf=1, rate=0.1, alike=0.3, by_session=False, planted=2),
]


@dataclass
class Tally:
    """Means over repetitions."""

    false: list[float] = field(default_factory=list)
    found: list[bool] = field(default_factory=list)
    shown: list[bool] = field(default_factory=list)

    @property
    def false_discovery_rate(self) -> float:
        return float(np.mean(self.false))

    @property
    def power(self) -> float:
        return float(np.mean(self.found))


def discover(world: World, repetitions: int, seed: int = 0) -> Tally:
    """Share of false discoveries, and how often the planted value is one."""
    random, tally = np.random.default_rng(seed), Tally()
    for _ in range(repetitions):
        values, mask = world.draw(random)
        judged = association.judge([association.tails(Beside.of(values, mask))])
        passed = judged.q <= discoveries.FALSE_DISCOVERY_RATE
        wrong = passed.copy()
        wrong[0] &= world.planted == 1
        tally.false.append(wrong.sum() / max(1, passed.sum()))
        tally.found.append(bool(passed[0]))
    return tally


def cover(world: World, repetitions: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Whether the interval of each value of each repetition holds the truth, and how many joint traces it expects."""
    random, held, expected = np.random.default_rng(seed), [], []
    truth = world.truth()
    surprise = np.exp(np.log(world.shares * world.rate))
    for _ in range(repetitions):
        values, mask = world.draw(random)
        low, high = intervals(values, mask)
        known = ~np.isnan(low)
        held.append(((low <= truth) & (truth <= high))[known])
        expected.append((surprise * len(mask))[known])
    return np.concatenate(held), np.concatenate(expected)


def intervals(values: Values, mask: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    beside = Beside.of(values, mask)
    joint = beside.joint
    effect = association.design_effects(beside, np.arange(values.count))
    return association.npmi_interval(joint, values.totals, np.full_like(joint, mask.sum()), len(mask), level, effect)


def cover_chosen(world: World, repetitions: int, shown: int = 3, seed: int = 0) -> float:
    """How often the widened intervals of the highest values hold the truth."""
    random, held, truth = np.random.default_rng(seed), [], world.truth()
    for _ in range(repetitions):
        values, mask = world.draw(random)
        joint = Beside.of(values, mask).joint
        scores = association.npmi(joint, values.totals, np.full_like(joint, mask.sum()), len(mask))
        chosen = np.argsort(-np.where(joint >= 2, scores, -2))[:shown]
        low, high = intervals(values, mask, discoveries.level_for_chosen(shown, world.values))
        held.append(((low <= truth) & (truth <= high))[chosen])
    return float(np.mean(held))


def cover_share(world: World, repetitions: int, seed: int = 0) -> float:
    """How often the interval of the slice's own share holds."""
    random = np.random.default_rng(seed)
    truth = world.rates(400_000, np.random.default_rng(0)).mean()
    found = []
    for _ in range(repetitions):
        values, mask = replace(world, planted=1.0).draw(random)
        share = shares.share_of(mask, values.units)
        found.append(share.lower <= truth <= share.upper)
    return float(np.mean(found))


BINS = ((0, 10), (10, 30), (30, 100), (100, np.inf))


def table(repetitions: int) -> Iterator[str]:
    """Lines of the README's table."""
    for world in NULL:
        yield f"null     {world.name:<50} false discoveries {100 * discover(world, repetitions).false_discovery_rate:.1f}%"
    for world in PLANTED:
        tally = discover(world, repetitions)
        yield f"planted  {world.name:<50} false {100 * tally.false_discovery_rate:.1f}%, found {100 * tally.power:.0f}%"
    for world in COVERED:
        held, expected = cover(world, repetitions)
        parts = [
            f"{low}+ events {100 * held[inside].mean():.1f}%"
            for low, high in BINS
            if (inside := (expected >= low) & (expected < high)).sum() > 50
        ]
        yield f"covered  {world.name:<50} {', '.join(parts)}; share {100 * cover_share(world, repetitions):.1f}%; three highest {100 * cover_chosen(world, repetitions):.1f}%"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    for line in table(40 if parser.parse_args().quick else 400):
        print(line, flush=True)
