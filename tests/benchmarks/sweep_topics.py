"""ARI of the topics for other values of the constants of joining: a plateau, or the constant is luck.

Run by hand: `python tests/benchmarks/sweep_topics.py FILE… [--most 3000]`, files with text<TAB>label a line. Each row
is one file; the column of the value in use is marked with *. With the home assistant's requests and the Stack Overflow
titles of the README:

    texts  file             power 0   0.25   0.4   0.5*   0.6   0.7     1   window 0.15-0.6  0.35-0.6  0.25-0.5  0.25-0.7
      300  home assistant      25.5   25.5  24.3   24.3  24.3  24.3  24.3              22.9      25.5      24.3      24.3
      300  programming         67.8   67.8  67.8   67.8  67.8  67.8  65.9              67.8      67.8      67.8      67.8
    1,000  home assistant      39.3   39.3  38.4   38.4  38.4  38.4  38.4              38.4      38.4      38.4      38.4
    1,000  programming         70.4   70.4  68.9   68.9  68.9  68.9  67.1              68.9      70.4      68.9      68.9
    3,000  home assistant      44.1   42.1  42.1   42.1  41.6  40.8  38.6              42.1      42.1      42.1      42.1
    3,000  programming         66.9   66.9  66.9   66.9  66.9  68.0  65.9              66.9      66.9      66.9      66.9
"""

from __future__ import annotations

import argparse
import asyncio
import random
import warnings
from pathlib import Path

from sklearn.metrics import adjusted_rand_score

from insights_core.entities import ClusteringConfig
from insights_core.insight.topics import read_labelled
from insights_core.insight.topics.cluster import group, reduce
from insights_core.insight.topics.joining import ALIKE, POWER, STRANGE, joined
from insights_core.insight.topics.refine import assign_outliers, by_size, from_the_middle
from insights_core.insight.topics.vectors import OfflineEmbedder

POWERS = (0.0, 0.25, 0.4, POWER, 0.6, 0.7, 1.0)
WINDOWS = ((0.15, ALIKE), (0.35, ALIKE), (STRANGE, 0.5), (STRANGE, 0.7))


def drawn(path: Path, most: int) -> tuple[list[str], list[str]]:
    """Texts and labels, at most so many, drawn at random."""
    data = read_labelled(path)
    rows = random.Random(0).sample(range(len(data.texts)), min(most, len(data.texts)))
    return [data.texts[i] for i in rows], [data.labels[i] for i in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--most", type=int, default=3000)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    print("file", *(f"power {power:g}{'*' if power == POWER else ''}" for power in POWERS), end="  ")
    print(*(f"window {low:g}-{high:g}" for low, high in WINDOWS), sep="  ")
    for path in given.files:
        texts, labels = drawn(path, given.most)
        seen = from_the_middle(asyncio.run(OfflineEmbedder().embed(texts)))
        raw = by_size(group(reduce(seen, 0)[0], len(seen), ClusteringConfig()))
        fragments = assign_outliers(seen, raw)
        found = [joined(seen, fragments, power=power) for power in POWERS]
        found += [joined(seen, fragments, window=window) for window in WINDOWS]
        print(
            path.stem, *(f"{100 * adjusted_rand_score(labels, topics):.1f}" for topics in found), sep="  ", flush=True
        )


if __name__ == "__main__":
    main()
