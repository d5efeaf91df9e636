"""smolagents, instrumented by OpenInference."""

import os

from openinference.instrumentation.smolagents import SmolagentsInstrumentor
from otlp import provider
from smolagents import OpenAIServerModel, ToolCallingAgent, tool

made = provider()
SmolagentsInstrumentor().instrument(tracer_provider=made)


@tool
def timetable(port: str) -> str:
    """Where and when the ferry to a port lands.

    Args:
        port: The port.
    """
    return os.environ["RESULT"]


ToolCallingAgent(tools=[timetable], model=OpenAIServerModel("scripted")).run(os.environ["QUESTION"])
made.force_flush()
