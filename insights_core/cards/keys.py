"""Every key in Redis, and how large and how old what is under it may become.

The names are those of the platform whose events these are, with the tenant in each:

| key | what | until |
| --- | --- | --- |
| acp:groq_events:{tenant} (stream) | events that wait for a worker; deleted once explained | at most QUEUE |
| acp:groq:insight:{tenant}:{event} | a card | 24 hours, and while it is among the newest TIMELINE |
| acp:groq:insights:timeline:{tenant} (sorted set) | ids by the time of their event | the newest TIMELINE |
| acp:groq:insights:by_agent:{tenant}:{agent} (list) | ids of an agent's cards, the last explained first | 24 hours, the newest PER_AGENT |
| acp:groq:rate_limit:{tenant} | explanations of this hour | 1 hour |
| acp:groq:dead:{tenant} (stream) | events that failed ATTEMPTS times, with the last error | the newest DEAD |
| acp:groq:attempts:{tenant} (hash) | attempts of events that wait | until they are explained |
| acp:groq:counts:{tenant} (hash) | counters for metrics, and `version`, which grows with every change | kept |
| acp:groq:tenants (sorted set) | tenants by their last event; the one key of no tenant, so that workers find the streams | 2 days |
"""

from __future__ import annotations

from dataclasses import dataclass

QUEUE = 10_000
"""Events of a tenant that may wait; as many as the timeline holds, so that none is forgotten while it waits."""
TIMELINE = 10_000
PER_AGENT = 200
DEAD = 1_000
LIFE_S = 24 * 3600
WINDOW_S = 3600
ATTEMPTS = 5
TENANT_LIFE_S = 2 * LIFE_S
GROUP = "insight_workers"
TENANTS = "acp:groq:tenants"


@dataclass(frozen=True)
class Keys:
    """The keys of one tenant."""

    tenant_id: str

    @property
    def stream(self) -> str:
        return f"acp:groq_events:{self.tenant_id}"

    @property
    def cards(self) -> str:
        """What the keys of cards begin with."""
        return f"acp:groq:insight:{self.tenant_id}:"

    def card(self, event_id: str) -> str:
        return self.cards + event_id

    @property
    def timeline(self) -> str:
        return f"acp:groq:insights:timeline:{self.tenant_id}"

    @property
    def agents(self) -> str:
        """What the keys of agents' lists begin with."""
        return f"acp:groq:insights:by_agent:{self.tenant_id}:"

    def agent(self, agent_id: str) -> str:
        return self.agents + agent_id

    @property
    def rate(self) -> str:
        return f"acp:groq:rate_limit:{self.tenant_id}"

    @property
    def dead(self) -> str:
        return f"acp:groq:dead:{self.tenant_id}"

    @property
    def attempts(self) -> str:
        return f"acp:groq:attempts:{self.tenant_id}"

    @property
    def counts(self) -> str:
        return f"acp:groq:counts:{self.tenant_id}"
