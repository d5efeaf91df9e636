"""Cards: short generated explanations of decision events, made in the background and kept in Redis for a day.

from insights_core.cards import emit

emit({"event_id": "e-1", "tenant_id": "acme", "agent_id": "billing", "tool_name": "run_sql", "decision": "deny",
      "findings": ["destructive_sql"], "payload_shape": shape_of(arguments)})
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from insights_core.doors import front_door

if TYPE_CHECKING:
    from insights_core.cards.emitting import dropped as dropped
    from insights_core.cards.emitting import emit as emit
    from insights_core.cards.reading import Cards as Cards
    from insights_core.cards.shapes import shape_of as shape_of

__all__, __getattr__ = front_door(
    __name__,
    {"emitting": ["dropped", "emit"], "reading": ["Cards"], "shapes": ["shape_of"]},
)
