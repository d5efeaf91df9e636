"""The command that judges topics and titles on labelled texts."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from insights_core.cli.rendering import example, output_option, print_json, print_table

_TOPICS = {
    "data": "Data",
    "labels": "Labels",
    "method": "Method",
    "topics": "Topics",
    "nmi": "NMI %",
    "ari": "ARI %",
    "outliers": "Outliers %",
    "seconds": "Seconds",
    "verdict": "Verdict",
    "kept": "ARI with 1 % fewer, %",
}
_TITLES = {"data": "Data", "method": "Titles", "one_of_five": "One of five %", "likeness": "Likeness"}


@click.command(epilog=example("scorecard intents.tsv questions.tsv --size 300 --size 1000"))
@click.argument("files", type=click.Path(exists=True, dir_okay=False, path_type=Path), nargs=-1, required=True)
@click.option(
    "--size",
    "sizes",
    type=click.IntRange(min=20),
    multiple=True,
    default=(300, 1000, 3000),
    show_default=True,
    help="Judge random parts of this size too, as the labels come and skewed. Repeatable.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="For parts, clusters and draws.")
@click.option("--titles", "show_titles", is_flag=True, help="Print each label's title too.")
@output_option
def scorecard(files: tuple[Path, ...], sizes: tuple[int, ...], seed: int, show_titles: bool, output: str) -> None:
    """Judge topics and titles on texts whose labels are known, beside plain libraries.

    Each file holds lines of text<TAB>label. Nothing is sent anywhere or written.
    """
    from insights_core.insight.topics import parts_of, read_labelled, score_titles, score_topics

    given = [read_labelled(path) for path in files]
    topics = [score for data in given for part in parts_of(data, sizes, seed) for score in score_topics(part, seed)]
    titles = [score for data in given for score in score_titles(data, seed)]
    if output == "json":
        return print_json(
            {"topics": [asdict(score) for score in topics], "titles": [asdict(score) for score in titles]}
        )
    print_table([asdict(score) for score in topics], _TOPICS, "There is nothing to judge.")
    print_table(
        [asdict(score) for score in titles], _TITLES, "No two labels have ten texts each, so no title is judged."
    )
    if show_titles:
        ours = [score for score in titles if score.method == "ours"]
        made = [
            {"data": score.data, "label": label, "title": title}
            for score in ours
            for label, title in score.titles.items()
        ]
        print_table(made, {"data": "Data", "label": "Label", "title": "Title"}, "")
    return None
