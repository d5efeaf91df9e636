"""Made-up but realistic traces of support agents, with planted problems whose truth is known."""

from insights_core.demo.loading import demo_traces, load_demo, planted_labels
from insights_core.names import DEMO_TAG

__all__ = ["DEMO_TAG", "demo_traces", "load_demo", "planted_labels"]
