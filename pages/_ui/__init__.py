"""What the pages share. How a page is made:

1. Write `pages/NAME.py`, a script that ends in the call of its own `view()`. `navigation._GROUPS` has the line with its
   title, group, icon and address; a page appears as soon as its file exists. The router configures the page, writes the
   style sheet and shows every error as the Failed state, so a page handles none.
2. Begin with the scope and the header, which is the one `st.title`:

       scope = scope_controls.require()          # pages._ui.shell.scope; None: the state of an empty server was drawn
       with layout.page_header("Tools", f"{scope.label} · {scope.experiment_name}"):
           scope_controls.controls(scope)        # or at most three actions, one of them primary

   `scope.start_ms`, `scope.end_ms`, `scope.bucket` and `scope.before` go into queries.
3. Read through `loaders`: `loaders.client()` is the shared `InsightsClient`; wrap what is slow in a function with
   `@st.cache_data(ttl=…)` whose arguments hold the tracking URI and all that was asked.
4. Build from `layout` (card, figures, row, news, facts, pairs), `pick_list` (rows to walk through), `evidence`
   (evidence_bar, correlations), `charts` (lines, stacked, draw), `badges` (badge, badge_column, live),
   `trace_viewer.trace_viewer(trace_id)`, `states` (empty, loading, fragment), `navigation` (link, go_to).
5. Ids in the URL (`url_state.follow` for widgets) and in options, never positions. Colours only from `theme`.
6. Whatever comes from traces, models or people passes `formats.escape_markdown` before a label, a caption or
   `st.markdown`, and `formats.escape_html` before `st.html`. Functions that take plain text say so and escape it.
7. A part that refreshes itself is `@states.fragment(run_every=1.0)`, which keeps the Failed state; a chart stays
   outside of it, since a changed figure loses its zoom and selection.
8. A page that measures begins with `with measure.page("Tools") as opened:`, which draws the header and says where there is
   nothing to measure. A part of the traces is a `measure_slices.Part`: `foot` lists what goes with it, `params` opens its
   traces, `actions` leads to an insight or an investigation. Reading is cached by `measure.Range`, which changes only when
   the facts do.
"""
