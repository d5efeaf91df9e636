"""Correlations: any two dimensions, or a slice and everything that goes with it."""

from pages._ui.measures import correlation_pair, correlation_slice, measure
from pages._ui.shell import url_state

_MODES = {"pair": "Two dimensions", "slice": "Everything with a slice"}


def view() -> None:
    with measure.page("Correlations") as opened:
        if opened is None:
            return
        scope, wanted = opened
        if url_state.segmented("What to compare", _MODES, "mode", "correlation-mode", "pair") == "pair":
            correlation_pair.pair(scope, wanted)
        else:
            correlation_slice.a_slice(scope, wanted)


view()
