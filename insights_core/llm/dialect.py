"""How one endpoint wants to be asked. Servers differ; what one refuses once is not tried again."""

from __future__ import annotations

import json
import re
from typing import Any

_PLAINER = {"json_schema": "json_object", "json_object": "text"}


class Dialect:
    """The request body an endpoint accepts, learnt from its refusals.

    It starts with what OpenAI itself takes (strict JSON schema, temperature 0) and gives up one part at a time.
    """

    def __init__(self) -> None:
        self.format = "json_schema"
        self.limit_field = "max_tokens"
        self.temperature = True

    def body(
        self, model: str, messages: list[dict[str, str]], name: str, schema: dict[str, Any], max_tokens: int
    ) -> dict[str, Any]:
        """The JSON body of a chat completion."""
        body: dict[str, Any] = {"model": model, "messages": messages, self.limit_field: max_tokens}
        if self.temperature:
            body["temperature"] = 0
        if self.format == "json_schema":
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": name, "strict": True, "schema": schema},
            }
        else:
            # Without a schema in the request the model can know it only from the text.
            rule = f"Answer with one JSON object and nothing else. It must fit this JSON schema:\n{json.dumps(schema)}"
            # Chat templates of many open models accept one system message only, so it joins the first.
            first, *rest = messages
            body["messages"] = [{"role": "system", "content": f"{first['content']}\n\n{rule}"}, *rest]
            if self.format == "json_object":
                body["response_format"] = {"type": "json_object"}
        return body

    def adapt(self, refusal: str, refused: dict[str, Any]) -> bool:
        """Learn from a 400 or 422. True where the next body differs from the refused one, so that asking again makes sense."""
        said = refusal.lower()
        if "max_completion_tokens" in said and "max_tokens" in refused:
            self.limit_field = "max_completion_tokens"
            return True
        if "temperature" in said and "temperature" in refused:
            self.temperature = False
            return True
        sent = refused.get("response_format", {}).get("type")
        if sent and re.search(
            r"response_format|response format|json_schema|json_object|schema|structured|guided|grammar|extra|unsupported|unrecognized|unknown",
            said,
        ):
            if self.format == sent:  # Otherwise a call at the same time has learnt it already.
                self.format = _PLAINER[sent]
            return True
        return False
