"""What it costs to get from texts to a named map, beside UMAP and HDBSCAN alone on the same vectors.

Run by hand: `python tests/benchmarks/bench_clustering.py [--sizes 5000 10000 20000] [--seed 0]`.
Each size runs in a process of its own, so that its peak memory is its own, after a warm-up that compiles UMAP. Ours is
everything: vectors, clusters, hierarchy, names, map and trust figures. It fails where 10,000 texts take more than 1.5
times UMAP and HDBSCAN alone or 1.5 GB, and where the plain libraries find the planted topics better.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path

LIMIT = 1.5
LIMIT_MB = 1536
JUDGED = 10_000
WORSE = 0.01  # of NMI: less is the luck of one seed
sys.path.insert(0, str(Path(__file__).parents[1] / "insight"))


def measure(count: int, seed: int) -> dict[str, float]:
    """Seconds, NMI with the planted topics, outlier share and peak memory for `count` texts."""
    from planted_texts import TOPICS, planted_texts
    from sklearn.cluster import KMeans
    from sklearn.metrics import normalized_mutual_info_score as nmi

    from insights_core.insight.clustering import cluster_texts
    from insights_core.insight.embed import OfflineEmbedder

    warnings.simplefilter("ignore")
    cluster_texts(planted_texts(300, seed=99)[0])  # compiles, and reads the word vectors
    texts, truth = planted_texts(count, seed)
    began = time.perf_counter()
    ours = cluster_texts(texts)
    ours_s = time.perf_counter() - began
    ours_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    vectors = asyncio.run(OfflineEmbedder().embed(texts))
    began = time.perf_counter()
    plain = umap_and_hdbscan(vectors)
    plain_s = time.perf_counter() - began
    return {
        "texts": count,
        "ours_s": ours_s,
        "plain_s": plain_s,
        "ratio": ours_s / plain_s,
        "peak_mb": ours_mb,
        "topics": len(ours.titles),
        "outlier_share": float((ours.labels_ < 0).mean()),
        "plain_outlier_share": float((plain < 0).mean()),
        "nmi": nmi(truth, ours.assigned_),
        "nmi_clustered": nmi(truth, ours.labels_),
        "plain_nmi": nmi(truth, plain),
        "kmeans_true_k_nmi": nmi(truth, KMeans(len(TOPICS), n_init=4, random_state=seed).fit_predict(vectors)),
    }


def umap_and_hdbscan(vectors):
    """What one gets from the libraries with the usual settings of topic models."""
    import hdbscan
    import umap

    reduced = umap.UMAP(
        n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=0, n_jobs=1
    ).fit_transform(vectors)
    return hdbscan.HDBSCAN(min_cluster_size=10, min_samples=5).fit_predict(reduced)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[5000, 10_000, 20_000])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.seed)))
        return 0
    failed = False
    for count in given.sizes:
        command = [sys.executable, __file__, "--one", str(count), "--seed", str(given.seed)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        print(
            "  ".join(
                f"{name} {value:,.3g}" if value < 100 else f"{name} {value:,.0f}" for name, value in found.items()
            )
        )
        failed |= found["nmi"] < max(found["plain_nmi"], found["kmeans_true_k_nmi"]) - WORSE
        failed |= count == JUDGED and (found["ratio"] > LIMIT or found["peak_mb"] > LIMIT_MB)
    print("FAILED" if failed else "ok")
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
