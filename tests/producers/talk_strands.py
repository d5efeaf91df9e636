"""strands-agents, with its own telemetry."""

import os

from otlp import provider
from strands import Agent, tool
from strands.models.openai import OpenAIModel

made = provider()


@tool
def timetable(port: str) -> str:
    """Where and when the ferry to a port lands."""
    return os.environ["RESULT"]


Agent(model=OpenAIModel(model_id="scripted"), tools=[timetable], system_prompt="You are the desk.")(
    os.environ["QUESTION"]
)
made.force_flush()
