"""What more traces do to topics that go on, beside clustering everything anew. Run by hand:

    python tests/benchmarks/bench_tracking.py TEXTS.tsv [TEXTS.tsv …] [--sizes 1000 3000]

Files hold text<TAB>label a line. For 1, 10 and 50 % more texts of the same file: the share of pairs of earlier texts
that stay together or apart, and the adjusted Rand index with the earlier topics, of topics that go on and of new ones;
how many ids stay; the adjusted Rand index of both with the labels; and what going on costs on top.
"""

from __future__ import annotations

import argparse
import asyncio
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.metrics import adjusted_rand_score, rand_score

from insights_core.entities import Cluster, ClusterDetails, ClusteringConfig, TraceRow, TrustMetrics
from insights_core.insight.topics import OfflineEmbedder, read_labelled
from insights_core.insight.topics.cluster import cluster_vectors
from insights_core.insight.topics.tracking import go_on
from insights_core.insight.topics.trust import stability


def as_insight(ids: list[str], labels: np.ndarray) -> ClusterDetails:
    names = [f"11111111-c{label:03d}" for label in range(int(labels.max()) + 1)]
    clusters = [
        Cluster(cluster_id=name, level=0, title=name, size=int((labels == at).sum())) for at, name in enumerate(names)
    ]
    rows = [
        TraceRow(
            trace_id=one, cluster_id=names[label] if label >= 0 else None, nearest_cluster_id=None, x=0, y=0, title="",
            summary="", status="OK", timestamp_ms=0,
        )
        for one, label in zip(ids, labels, strict=True)
    ]  # fmt: skip
    return ClusterDetails(
        run_id="11111111", experiment_id="1", instruction="", overview="", matching_traces=len(ids),
        sampled_traces=len(ids), clusters=clusters, traces=rows, metrics=TrustMetrics(),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 3000])
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    print(
        "file, texts, more | pairs kept, anew % | ARI with before, anew % | ids kept | born, gone | ARI with labels, anew % | s on top, anew"
    )
    for path in given.files:
        data = read_labelled(path)
        order = np.random.default_rng(0).permutation(len(data.texts))
        for size in given.sizes:
            for more in (0.01, 0.1, 0.5):
                chosen = order[: round(size * (1 + more))]
                texts, truth = [data.texts[i] for i in chosen], [data.labels[i] for i in chosen]
                vectors = asyncio.run(OfflineEmbedder().embed(texts))
                ids = [str(i) for i in chosen]
                # The vectors of fewer texts differ a little, as they would in an earlier run.
                earlier = cluster_vectors(asyncio.run(OfflineEmbedder().embed(texts[:size])))
                config = ClusteringConfig()
                began = time.perf_counter()
                fresh = cluster_vectors(vectors, config)
                found = stability(vectors, fresh, config)
                anew_s = time.perf_counter() - began
                began = time.perf_counter()
                gone_on = go_on(as_insight(ids[:size], earlier.labels), ids, vectors, fresh, found)
                top_s = time.perf_counter() - began
                now = gone_on.result
                before = earlier.assigned
                fates = [news["fate"] for news in gone_on.news]
                print(
                    f"{data.name}, {size:,}, {100 * more:.0f} % | "
                    f"{100 * rand_score(before, now.assigned[:size]):.1f}, {100 * rand_score(before, fresh.assigned[:size]):.1f} | "
                    f"{100 * adjusted_rand_score(before, now.assigned[:size]):.1f}, {100 * adjusted_rand_score(before, fresh.assigned[:size]):.1f} | "
                    f"{sum(bool(one) for one in gone_on.leaf_ids)} of {earlier.labels.max() + 1} | {fates.count('born')}, {len(gone_on.gone)} | "
                    f"{100 * adjusted_rand_score(truth, now.assigned):.1f}, {100 * adjusted_rand_score(truth, fresh.assigned):.1f} | {top_s:.2f}, {anew_s:.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
