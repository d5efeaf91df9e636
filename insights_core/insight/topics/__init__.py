"""Topics: from texts and vectors to named clusters in a hierarchy, on a map, with how far they can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from insights_core.doors import front_door

if TYPE_CHECKING:
    from insights_core.insight.topics.build import Topics as Topics
    from insights_core.insight.topics.build import build_topics as build_topics
    from insights_core.insight.topics.clustering import Clustering as Clustering
    from insights_core.insight.topics.clustering import cluster_texts as cluster_texts
    from insights_core.insight.topics.naming import ClusterName as ClusterName
    from insights_core.insight.topics.naming import Group as Group
    from insights_core.insight.topics.naming import ModelNamer as ModelNamer
    from insights_core.insight.topics.naming import Namer as Namer
    from insights_core.insight.topics.naming import OfflineNamer as OfflineNamer
    from insights_core.insight.topics.overview import ModelOverview as ModelOverview
    from insights_core.insight.topics.overview import OfflineOverview as OfflineOverview
    from insights_core.insight.topics.overview import OverviewWriter as OverviewWriter
    from insights_core.insight.topics.scorecard import LabelledTexts as LabelledTexts
    from insights_core.insight.topics.scorecard import TitleScore as TitleScore
    from insights_core.insight.topics.scorecard import TopicScore as TopicScore
    from insights_core.insight.topics.scorecard import parts_of as parts_of
    from insights_core.insight.topics.scorecard import read_labelled as read_labelled
    from insights_core.insight.topics.scorecard import score_titles as score_titles
    from insights_core.insight.topics.scorecard import score_topics as score_topics
    from insights_core.insight.topics.tracking import Left as Left
    from insights_core.insight.topics.tracking import left_of as left_of
    from insights_core.insight.topics.vectors import EndpointEmbedder as EndpointEmbedder
    from insights_core.insight.topics.vectors import MultilingualEmbedder as MultilingualEmbedder
    from insights_core.insight.topics.vectors import OfflineEmbedder as OfflineEmbedder
    from insights_core.insight.topics.vectors import SentenceTransformersEmbedder as SentenceTransformersEmbedder

__all__, __getattr__ = front_door(
    __name__,
    {
        "build": ["Topics", "build_topics"],
        "clustering": ["Clustering", "cluster_texts"],
        "naming": ["ClusterName", "Group", "ModelNamer", "Namer", "OfflineNamer"],
        "overview": ["ModelOverview", "OfflineOverview", "OverviewWriter"],
        "scorecard": [
            "LabelledTexts",
            "TitleScore",
            "TopicScore",
            "parts_of",
            "read_labelled",
            "score_titles",
            "score_topics",
        ],
        "tracking": ["Left", "left_of"],
        "vectors": ["EndpointEmbedder", "MultilingualEmbedder", "OfflineEmbedder", "SentenceTransformersEmbedder"],
    },
)
