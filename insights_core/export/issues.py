"""Issues in other systems, each created there once; where it stands is kept in the issue's metadata."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from insights_core.entities import Issue, now
from insights_core.errors import InvalidParameterError
from insights_core.export.private import without_private
from insights_core.export.trackers import TRACKERS, Exported

if TYPE_CHECKING:
    from insights_core.artifacts.investigations import Investigations

METADATA_KEY = "exports"
# Two clicks at once: GitHub, Jira and Linear find the first one's issue, but a message has nothing to be found by.
_one_at_a_time = threading.Lock()


def exported_to(issue: Issue) -> dict[str, Exported]:
    """System -> where the issue stands there; entries that somebody broke by hand are left out."""
    kept = issue.metadata.get(METADATA_KEY)
    if not isinstance(kept, dict):
        return {}
    return {
        str(system): Exported(str(entry["key"]), str(entry.get("url") or ""))
        for system, entry in kept.items()
        if isinstance(entry, dict) and entry.get("key")
    }


def export_issue(client: Investigations, issue_id: str, system: str, *, author: str | None = None) -> Exported:
    """Create the issue in another system, unless it is there already.

    Args:
        client: Where the issue is.
        issue_id: Its id.
        system: github, jira, linear or slack.
        author: Who; None takes the signed-in or OS user.

    Returns:
        Its key and address there; of the first export where there was one.

    Raises:
        IssueNotFoundError: There is no such issue.
        InvalidParameterError: No such system, or a setting is missing; the message names it.
        PermissionDeniedError: The system refused the token.
        UnavailableError: The system did not answer.
    """
    if system not in TRACKERS:
        raise InvalidParameterError(
            f"Issues cannot be exported to {system!r}; choose one of {', '.join(TRACKERS)}.", field="system"
        )
    with _one_at_a_time:
        issue = client.get_issue(issue_id)
        known = exported_to(issue).get(system)
        if known:
            return known
        experiment_id = client.get_analysis(issue.source_run_id).experiment_id
        made = TRACKERS[system](without_private([issue])[0], experiment_id)
        entry: dict[str, Any] = {"key": made.key, "url": made.url, "at": now().isoformat()}
        kept = issue.metadata.get(METADATA_KEY)
        everything = {**(kept if isinstance(kept, dict) else {}), system: entry}
        client.update_issue(
            issue_id=issue_id, metadata={METADATA_KEY: everything}, reason=f"Exported to {system}", author=author
        )
    return made
