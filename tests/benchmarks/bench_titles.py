"""Titles without a model, scored on labelled short texts. Run by hand:

    python tests/benchmarks/bench_titles.py TEXTS.tsv [TEXTS.tsv …] [--limit 3000]

A file holds text<TAB>label, with a header. The labels are taken for the topics, so that only the titles are judged:
one of five: how often a held-out member is nearer to its own topic's title than to four others' (chance is 20 %), and
likeness: the cosine of the title and the true label in words. Both with wordllama's vectors. Beside the titles stand the
three words of the highest class-based TF-IDF, and phrases chosen by maximal marginal relevance as KeyBERT does.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import random
import re
from collections import defaultdict
from pathlib import Path

import numpy as np

from insights_core.insight.topics.naming import Group, OfflineNamer
from insights_core.insight.topics.phrases import PhraseCounts
from insights_core.insight.topics.vectors import unit_rows, word_vectors

MMR_DIVERSITY = 0.5


def read(path: Path, limit: int, seed: int = 0) -> dict[str, list[str]]:
    """Label -> texts, shuffled."""
    with path.open(newline="") as lines:
        rows = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    random.Random(seed).shuffle(rows)
    found: dict[str, list[str]] = defaultdict(list)
    for row in rows[:limit]:
        found[row[1]].append(row[0])
    return {label: texts for label, texts in found.items() if len(texts) >= 10}


def ours(groups: list[list[str]]) -> list[str]:
    """Titles of the present build."""
    named = asyncio.run(
        OfflineNamer().name([Group(members=one, examples=_typical(one), near_misses=[]) for one in groups])
    )
    return [name.title for name in named]


def _typical(texts: list[str]) -> list[str]:
    vectors = word_vectors(texts)
    return [texts[at] for at in np.argsort(-(vectors @ vectors.mean(axis=0)))[:8]]


def words(groups: list[list[str]]) -> list[str]:
    """The three words of the highest class-based TF-IDF."""
    counts = PhraseCounts(groups)
    return [
        " ".join([phrase[0] for _, phrase in counts.scores(number) if len(phrase) == 1][:3])
        for number in range(len(groups))
    ]


def relevance(groups: list[list[str]]) -> list[str]:
    """Two phrases of up to three words by maximal marginal relevance against the topic's mean vector."""
    counts, titles = PhraseCounts(groups), []
    for number, texts in enumerate(groups):
        found = [" ".join(phrase) for _, phrase in counts.scores(number) if len(phrase) <= 3][:100] or ["?"]
        vectors, centre = word_vectors(found), unit_rows(word_vectors(texts).mean(axis=0, keepdims=True))[0]
        near, chosen = vectors @ centre, [int(np.argmax(vectors @ centre))]
        while len(chosen) < min(2, len(found)):
            same = (vectors @ vectors[chosen].T).max(axis=1)
            value = (1 - MMR_DIVERSITY) * near - MMR_DIVERSITY * same
            value[chosen] = -9
            chosen.append(int(np.argmax(value)))
        titles.append(" ".join(found[at] for at in chosen))
    return titles


def one_of_five(titles: list[str], held: list[list[str]], seed: int = 1) -> float:
    """Share of held-out members whose own title is the nearest of five."""
    rng, hits, total = random.Random(seed), 0, 0
    shown = word_vectors(titles)
    for number, texts in enumerate(held):
        for vector in word_vectors(texts):
            others = rng.sample([at for at in range(len(titles)) if at != number], min(4, len(titles) - 1))
            hits += float(shown[number] @ vector) > max(float(shown[at] @ vector) for at in others)
            total += 1
    return hits / total


def likeness(titles: list[str], labels: list[str]) -> float:
    """Mean cosine of title and label."""
    plain = [re.sub(r"[_\-.]+", " ", label) for label in labels]
    return float((word_vectors(titles) * word_vectors(plain)).sum(axis=1).mean())


def main() -> None:
    """Print a table a file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--limit", type=int, default=3000)
    parser.add_argument("--show", action="store_true", help="Print the titles too.")
    options = parser.parse_args()
    for path in options.files:
        texts = read(path, options.limit)
        labels = list(texts)
        named = [one[: max(5, len(one) // 2)] for one in texts.values()]
        held = [one[len(mine) :][:40] for one, mine in zip(texts.values(), named, strict=True)]
        print(f"{path.name}: {sum(map(len, named))} texts, {len(labels)} labels")
        for name, method in (("titles", ours), ("three words", words), ("relevance", relevance)):
            titles = method(named)
            print(
                f"  {name:12} one of five {100 * one_of_five(titles, held):5.1f} %   likeness {likeness(titles, labels):.3f}"
            )
            if options.show and method is ours:
                for label, title in zip(labels, titles, strict=True):
                    print(f"      {label:32} {title}")


if __name__ == "__main__":
    main()
