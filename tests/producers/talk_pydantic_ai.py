"""pydantic-ai, with its own instrumentation."""

import os

from otlp import provider
from pydantic_ai import Agent

made = provider()
Agent.instrument_all()
agent = Agent("openai-chat:scripted", system_prompt="You are the desk.")


@agent.tool_plain
def timetable(port: str) -> str:
    """Where and when the ferry to a port lands."""
    return os.environ["RESULT"]


agent.run_sync(os.environ["QUESTION"])
made.force_flush()
