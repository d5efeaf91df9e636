"""Reading: from a scope of traces to summaries whose claims cite lines, each made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from insights_core.doors import front_door

if TYPE_CHECKING:
    from insights_core.insight.reading.calibration import guess_failures as guess_failures
    from insights_core.insight.reading.facts import TraceFacts as TraceFacts
    from insights_core.insight.reading.facts import read_facts as read_facts
    from insights_core.insight.reading.first_pass import FirstPass as FirstPass
    from insights_core.insight.reading.intake import LEFT_OUT as LEFT_OUT
    from insights_core.insight.reading.intake import Intake as Intake
    from insights_core.insight.reading.intake import Summarizing as Summarizing
    from insights_core.insight.reading.intake import redacted_summary as redacted_summary
    from insights_core.insight.reading.records import SummaryKey as SummaryKey
    from insights_core.insight.reading.records import SummaryRecord as SummaryRecord
    from insights_core.insight.reading.records import digest as digest
    from insights_core.insight.reading.records import text_version as text_version
    from insights_core.insight.reading.records import total_redactions as total_redactions
    from insights_core.insight.reading.relevance import split_by_relevance as split_by_relevance
    from insights_core.insight.reading.sentences import core_of as core_of
    from insights_core.insight.reading.summarize import ModelSummarizer as ModelSummarizer
    from insights_core.insight.reading.summarize import OfflineSummarizer as OfflineSummarizer
    from insights_core.insight.reading.text_cache import kept_texts as kept_texts
    from insights_core.insight.reading.texts import Prepared as Prepared
    from insights_core.insight.reading.texts import Texts as Texts
    from insights_core.insight.reading.truth import FailureRule as FailureRule
    from insights_core.insight.reading.truth import propose_rules as propose_rules

__all__, __getattr__ = front_door(
    __name__,
    {
        "calibration": ["guess_failures"],
        "facts": ["TraceFacts", "read_facts"],
        "first_pass": ["FirstPass"],
        "intake": ["LEFT_OUT", "Intake", "Summarizing", "redacted_summary"],
        "records": ["SummaryKey", "SummaryRecord", "digest", "text_version", "total_redactions"],
        "relevance": ["split_by_relevance"],
        "sentences": ["core_of"],
        "summarize": ["ModelSummarizer", "OfflineSummarizer"],
        "text_cache": ["kept_texts"],
        "texts": ["Prepared", "Texts"],
        "truth": ["FailureRule", "propose_rules"],
    },
)
