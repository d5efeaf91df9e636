"""The scorecard must tell good topics and titles from bad ones: judged on texts whose answer is known."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from insights_core.cli import main
from insights_core.errors import InvalidParameterError
from insights_core.insight.topics import LabelledTexts, parts_of, read_labelled, score_titles, score_topics
from insights_core.insight.topics.scorecard import one_of_five


@pytest.fixture(scope="module")
def labelled(planted_texts):
    texts, labels = planted_texts(240, seed=3)
    return LabelledTexts("planted", list(texts), [str(label) for label in labels])


def test_planted_topics_score_high_and_every_method_is_there(labelled):
    scores = {score.method: score for score in score_topics(labelled)}
    assert {"plain", "ours"} <= set(scores)
    ours = scores["ours"]
    assert ours.nmi > 85 and ours.ari > 70 and ours.verdict == "hold" and ours.kept > 80
    assert ours.texts == 240 and ours.labels == len(set(labelled.labels))


def test_labels_that_say_nothing_score_near_chance(labelled):
    shuffled = np.random.default_rng(0).permutation(labelled.labels).tolist()
    scores = list(score_topics(LabelledTexts("shuffled", labelled.texts, shuffled)))
    assert all(abs(score.ari) < 5 for score in scores)


def test_titles_beat_chance_and_the_words_of_another_topic_do_not():
    held = [["where is my parcel", "the parcel has not come"], ["I forgot my password", "reset the password please"]]
    assert one_of_five(["parcel has not arrived", "password reset"], held) == 1
    assert one_of_five(["password reset", "parcel has not arrived"], held) == 0


def test_titles_of_each_way_are_scored(labelled):
    scores = {score.method: score for score in score_titles(labelled)}
    assert set(scores) == {"three words", "relevance", "ours"}
    assert scores["ours"].one_of_five > 60 and set(scores["ours"].titles) <= set(labelled.labels)


def test_a_skewed_part_has_few_common_labels(labelled):
    plain, skewed, whole = list(parts_of(labelled, [80, 5000]))
    counts = [np.sort(np.unique(part.labels, return_counts=True)[1])[::-1] for part in (plain, skewed)]
    assert len(plain.texts) == len(skewed.texts) == 80 and len(whole.texts) == 240
    assert counts[1][0] > counts[0][0]


def test_a_file_is_refused_with_its_place(tmp_path):
    path = tmp_path / "texts.tsv"
    path.write_text("text\tlabel\nhello\tgreeting\nno label here\n")
    with pytest.raises(InvalidParameterError, match=r"Line 3 .* text<TAB>label"):
        read_labelled(path)
    path.write_text("text\tlabel\nhello\tgreeting\n")
    with pytest.raises(InvalidParameterError, match="at least two"):
        read_labelled(path)


def test_the_command_prints_what_was_scored(labelled, tmp_path):
    path = tmp_path / "texts.tsv"
    path.write_text("\n".join(f"{text}\t{label}" for text, label in zip(labelled.texts, labelled.labels, strict=True)))
    done = CliRunner().invoke(main, ["scorecard", str(path), "--size", "100", "--output", "json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.output)
    assert {score["data"] for score in said["topics"]} == {"texts, 100", "texts, 100 skewed", "texts, 240"}
    assert len(said["titles"]) == 3
