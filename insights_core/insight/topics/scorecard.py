"""How good topics and titles are on short texts whose labels are known, beside what the libraries give.

The table of `mlflow-insights scorecard`, by which a change of topics or titles is judged. The methods in it:

- `ours`: `cluster_texts`'s own stages;
- `plain`: the same vectors through UMAP (15 neighbours, 5 dimensions) and HDBSCAN (size 10, 5 samples);
- `evoc`: the same vectors through EVoC, where it is installed.

Outliers of all are given to the nearest cluster before they are compared with the labels. Titles are judged for the
labels as topics, so that clusters do not matter, beside the three words of the highest class-based TF-IDF and phrases
by maximal marginal relevance (Carbonell and Goldstein 1998, as KeyBERT uses it).
"""

from __future__ import annotations

import asyncio
import re
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from insights_core.entities.insight import ClusteringConfig
from insights_core.errors import InvalidParameterError
from insights_core.insight.topics.cluster import cluster_vectors
from insights_core.insight.topics.naming import Group, OfflineNamer
from insights_core.insight.topics.phrases import PhraseCounts
from insights_core.insight.topics.refine import assign_outliers
from insights_core.insight.topics.trust import stability, verdict
from insights_core.insight.topics.vectors import OfflineEmbedder, unit_rows, word_vectors

_HEADER = {"label", "intent", "tag", "topic", "class"}
_FEWEST_OF_A_LABEL = 10  # half name the topic, half are held out
_HELD_OUT = 40
_TYPICAL = 8
_DIVERSITY = 0.5
_MORE = 0.01


@dataclass(frozen=True)
class LabelledTexts:
    """Texts and what each is about."""

    name: str
    texts: list[str]
    labels: list[str]


@dataclass(frozen=True)
class TopicScore:
    """One method on one set.

    Attributes:
        data: Name of the set.
        texts, labels: How many.
        method: ours, plain or evoc.
        topics: How many it found.
        nmi: Normalised mutual information of topics and labels, in percent: 100 is the same partition.
        ari: Adjusted Rand index, in percent: 100 is the same partition, 0 is chance.
        outliers: Share of texts that it called outliers, in percent.
        seconds: From vectors to labels.
        verdict: What the page would say of the topics (ours only).
        kept: ARI of the topics with those that 1 % fewer texts give, in percent: 100 is the same (ours only).
    """

    data: str
    texts: int
    labels: int
    method: str
    topics: int
    nmi: float
    ari: float
    outliers: float
    seconds: float
    verdict: str = ""
    kept: float | None = None


@dataclass(frozen=True)
class TitleScore:
    """One way of making titles on one set.

    Attributes:
        data: Name of the set.
        method: ours, three words, or relevance.
        one_of_five: How often a held-out text is nearer to its own topic's title than to four others', in percent;
            chance is 20.
        likeness: Mean cosine of title and label, both as wordllama's vectors.
        titles: Label -> title.
    """

    data: str
    method: str
    one_of_five: float
    likeness: float
    titles: dict[str, str]


def read_labelled(path: Path | str) -> LabelledTexts:
    """Texts and labels of a file of lines `text<TAB>label`; a header is left out.

    Raises:
        InvalidParameterError: A line has no tab, or there is one label only.
    """
    path = Path(path)
    texts, labels = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text, tab, label = line.rpartition("\t")
        if not line.strip() or (number == 1 and label.strip().lower() in _HEADER):
            continue
        if not tab:
            raise InvalidParameterError(f"Line {number} of {path} has no tab. Each line is text<TAB>label.")
        texts.append(text)
        labels.append(label.strip())
    if len(set(labels)) < 2:
        raise InvalidParameterError(f"{path} has {len(set(labels))} labels; a comparison needs at least two.")
    return LabelledTexts(path.stem, texts, labels)


def parts_of(data: LabelledTexts, sizes: Sequence[int], seed: int = 0) -> Iterator[LabelledTexts]:
    """For each size below the whole a random part as the labels come and one of skewed labels; then the whole.

    In a skewed part the label that stands at place r of a random order is taken in proportion to 1 / r.
    """
    dice = np.random.default_rng(seed)
    everything = len(data.texts)
    order = dice.permutation(sorted(set(data.labels)))
    weight = {label: 1 / place for place, label in enumerate(order, 1)}
    for size in sorted(sizes):
        if size >= everything:
            continue
        yield _part(data, dice.choice(everything, size, replace=False), f"{size:,}")
        # Efraimidis and Spirakis (2006): the largest of u^(1/w) are a weighted draw without replacement.
        keys = dice.random(everything) ** np.array([1 / weight[label] for label in data.labels])
        yield _part(data, np.argsort(-keys)[:size], f"{size:,} skewed")
    yield _part(data, np.arange(everything), f"{everything:,}")


def _part(data: LabelledTexts, rows: np.ndarray, what: str) -> LabelledTexts:
    return LabelledTexts(f"{data.name}, {what}", [data.texts[i] for i in rows], [data.labels[i] for i in rows])


def score_topics(data: LabelledTexts, seed: int = 0) -> Iterator[TopicScore]:
    """The score of each method on a set, ours last: what is compiled for others is then compiled for us as well."""
    vectors = asyncio.run(OfflineEmbedder().embed(data.texts))
    methods: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {"plain": plain_recipe}
    if find_spec("evoc"):
        methods["evoc"] = _evoc
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for method, find in methods.items():
            began = time.perf_counter()
            labels = find(vectors, seed)
            yield _score(data, vectors, method, labels, assign_outliers(vectors, labels), time.perf_counter() - began)
        yield _ours(data, vectors, seed)


def _ours(data: LabelledTexts, vectors: np.ndarray, seed: int) -> TopicScore:
    config = ClusteringConfig(seed=seed)
    began = time.perf_counter()
    found = cluster_vectors(vectors, config)
    took = time.perf_counter() - began
    said = verdict(vectors, found, stability(vectors, found, config))
    few = max(1, round(_MORE * len(vectors)))
    before = cluster_vectors(vectors[:-few], config).assigned
    return _score(
        data, vectors, "ours", found.labels, found.assigned, took, said, _alike(before, found.assigned[:-few])
    )


def _score(
    data: LabelledTexts,
    vectors: np.ndarray,
    method: str,
    labels: np.ndarray,
    assigned: np.ndarray,
    seconds: float,
    said: str = "",
    kept: float | None = None,
) -> TopicScore:
    from sklearn.metrics import normalized_mutual_info_score

    return TopicScore(
        data.name,
        len(vectors),
        len(set(data.labels)),
        method,
        int(labels.max(initial=-1)) + 1,
        round(100 * float(normalized_mutual_info_score(data.labels, assigned)), 1),
        _alike(data.labels, assigned),
        round(100 * float((labels < 0).mean()), 1),
        round(seconds, 2),
        said,
        kept,
    )


def _alike(one: Sequence[str] | np.ndarray, other: np.ndarray) -> float:
    """The adjusted Rand index of two partitions, in percent."""
    from sklearn.metrics import adjusted_rand_score

    return round(100 * float(adjusted_rand_score(one, other)), 1)


def plain_recipe(vectors: np.ndarray, seed: int = 0) -> np.ndarray:
    """What UMAP and HDBSCAN give with the usual settings of topic models: int labels (n,), -1 marks an outlier."""
    import hdbscan
    import umap

    places = umap.UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=seed, n_jobs=1)
    return hdbscan.HDBSCAN(min_cluster_size=10, min_samples=5).fit_predict(places.fit_transform(vectors))


def _evoc(vectors: np.ndarray, seed: int) -> np.ndarray:
    import evoc

    return evoc.EVoC(random_state=seed).fit_predict(vectors)


def score_titles(data: LabelledTexts, seed: int = 0) -> list[TitleScore]:
    """The score of each way of making titles; labels with fewer than ten texts are left out."""
    members: dict[str, list[str]] = defaultdict(list)
    for text, label in zip(data.texts, data.labels, strict=True):
        members[label].append(text)
    topics = {label: texts for label, texts in members.items() if len(texts) >= _FEWEST_OF_A_LABEL}
    if len(topics) < 2:
        return []
    named = [texts[: len(texts) // 2] for texts in topics.values()]
    held = [texts[len(mine) :][:_HELD_OUT] for texts, mine in zip(topics.values(), named, strict=True)]
    ways: dict[str, Callable[[list[list[str]]], list[str]]] = {
        "three words": _three_words,
        "relevance": _relevance,
        "ours": _our_titles,
    }
    scores = []
    for method, make in ways.items():
        titles = make(named)
        scores.append(
            TitleScore(
                data.name,
                method,
                round(100 * one_of_five(titles, held, seed), 1),
                round(_likeness(titles, list(topics)), 3),
                dict(zip(topics, titles, strict=True)),
            )
        )
    return scores


def _our_titles(groups: list[list[str]]) -> list[str]:
    made = [Group(members=texts, examples=_typical(texts), near_misses=[]) for texts in groups]
    return [name.title for name in asyncio.run(OfflineNamer().name(made))]


def _typical(texts: list[str]) -> list[str]:
    vectors = word_vectors(texts)
    return [texts[at] for at in np.argsort(-(vectors @ vectors.mean(axis=0)))[:_TYPICAL]]


def _three_words(groups: list[list[str]]) -> list[str]:
    counts = PhraseCounts(groups)
    return [
        " ".join([phrase[0] for _, phrase in counts.scores(number) if len(phrase) == 1][:3])
        for number in range(len(groups))
    ]


def _relevance(groups: list[list[str]]) -> list[str]:
    """Two phrases of up to three words: near the topic's mean, and unlike each other."""
    counts, titles = PhraseCounts(groups), []
    for number, texts in enumerate(groups):
        found = [" ".join(phrase) for _, phrase in counts.scores(number) if len(phrase) <= 3][:100] or ["?"]
        vectors, centre = word_vectors(found), unit_rows(word_vectors(texts).mean(axis=0, keepdims=True))[0]
        near = vectors @ centre
        chosen = [int(np.argmax(near))]
        while len(chosen) < min(2, len(found)):
            same = (vectors @ vectors[chosen].T).max(axis=1)
            value = (1 - _DIVERSITY) * near - _DIVERSITY * same
            value[chosen] = -np.inf
            chosen.append(int(np.argmax(value)))
        titles.append(" ".join(found[at] for at in chosen))
    return titles


def one_of_five(titles: Sequence[str], held: Sequence[Sequence[str]], seed: int = 0) -> float:
    """Share of held-out texts whose own title is the nearest of five, the others drawn at random."""
    dice, hits, total = np.random.default_rng(seed), 0, 0
    shown = word_vectors(titles)
    for number, texts in enumerate(held):
        others = [at for at in range(len(titles)) if at != number]
        for vector in word_vectors(texts):
            drawn = dice.choice(others, min(4, len(others)), replace=False)
            hits += float(shown[number] @ vector) > max(float(shown[at] @ vector) for at in drawn)
            total += 1
    return hits / total


def _likeness(titles: Sequence[str], labels: Sequence[str]) -> float:
    plain = [re.sub(r"[_\-.]+", " ", label) for label in labels]
    return float((word_vectors(titles) * word_vectors(plain)).sum(axis=1).mean())
