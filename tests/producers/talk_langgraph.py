"""LangGraph's agent, instrumented by OpenInference."""

import os

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.prebuilt import create_react_agent
from openinference.instrumentation.langchain import LangChainInstrumentor
from otlp import provider

made = provider()
LangChainInstrumentor().instrument(tracer_provider=made)


@tool
def timetable(port: str) -> str:
    """Where and when the ferry to a port lands."""
    return os.environ["RESULT"]


create_react_agent(ChatOpenAI(model="scripted"), [timetable]).invoke({"messages": [("user", os.environ["QUESTION"])]})
made.force_flush()
