"""Home."""

from pages._ui import layout, scope

current = scope.current()
with layout.page_header("Home", current.label if current else ""):
    if current:
        scope.controls(current)
