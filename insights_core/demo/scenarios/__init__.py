"""One file of scenarios per kind of agent; the schema is in scenario order: label, agent, weight, steps."""
