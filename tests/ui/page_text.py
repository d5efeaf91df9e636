"""What a page says, for tests without a browser."""


def said(app) -> str:
    """All text of a page."""
    kinds = ("title", "subheader", "caption", "markdown", "error", "warning", "metric", "html", "button", "radio")
    return "\n".join(
        str(getattr(one, "value", "")) + str(getattr(one, "label", "")) for kind in kinds for one in app.get(kind)
    )
