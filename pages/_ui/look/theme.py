"""Colours and the style sheet. Streamlit's theme (.streamlit/config.toml) carries the design; CSS only refines it."""

from __future__ import annotations

import streamlit as st

P50, P90, P99, ERROR = "#8BCAE7", "#077A9D", "#FFAB00", "#DC2626"
NEUTRAL = "#8296A1"
PALE = "#B7C2C9"
# At most six hues of one lightness: more cannot be told apart. Readable on white and on the dark page.
CATEGORIES = ("#077A9D", "#C27E12", "#7A68AE", "#4E9A6C", "#B8587A", "#A08A5B")
LATENCY_SCALE = ((0.0, "#ABD8EA"), (0.5, P90), (1.0, P99))

LOGO = """<svg xmlns="http://www.w3.org/2000/svg" width="170" height="28" viewBox="0 0 170 28">
<g fill="#1089B0"><circle cx="8" cy="9" r="5"/><circle cx="19" cy="18" r="6.5"/><g opacity=".55"><circle cx="20" cy="5.5" r="2.8"/>
<circle cx="6.5" cy="21" r="2.8"/></g><text x="34" y="20" font-family="Segoe UI,Helvetica,Arial,sans-serif" font-size="16.5" font-weight="600">MLflow Insights</text></g></svg>"""

# The page's own sign, inside the page: a Material icon would be asked from a font host.
ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 28 28"><g fill="#1089B0"><circle cx="8" cy="9" r="5"/><circle cx="19" cy="18" r="6.5"/>
<g opacity=".55"><circle cx="20" cy="5.5" r="2.8"/><circle cx="6.5" cy="21" r="2.8"/></g></g></svg>"""

_VARIABLES = """
:root{--mi-muted:light-dark(#52636D,#A9BAC3);--mi-line:light-dark(#DCE4E9,#2C3B44);--mi-tint:light-dark(#F1F6F9,#182329);
--mi-ink:light-dark(#16242C,#E4ECF0);--mi-pick:light-dark(#E4F2F8,#0E3442);--mi-accent:light-dark(#077A9D,#3FAECF);
--mi-bad:light-dark(#B01B1B,#FFA3A3);--mi-bad-mark:light-dark(#DC2626,#F06A6A);--mi-rest:light-dark(#C9D4DB,#44565F);
--mi-page:light-dark(#FFFFFF,#0F171B);--mi-chosen:light-dark(#066B8A,#6CC6E3)}"""

_FRAME = """
.stAppHeader{height:2.4rem;min-height:0}
.stMainBlockContainer{max-width:1760px;padding:2.6rem clamp(1rem,2.6vw,3rem) 3rem}
/* Streamlit fades captions to 60 %, below 4.5:1, and badges in them with it. */
[data-testid=stCaptionContainer]{color:var(--mi-muted)!important;opacity:1!important}
[data-testid=stExpander] summary,[data-testid=stExpander] summary *{color:var(--mi-ink)!important;opacity:1!important}
/* The chosen segment and tab are text; the accent itself is too dark for text on the dark page. */
[data-testid=stButtonGroup] [data-selected],[role=tab][data-selected]{color:var(--mi-chosen)!important}
[class*="st-key-flush"] [data-testid=stPageLink] a{padding-inline:0}
[class*="st-key-ruled"]{padding-bottom:.45rem;border-bottom:1px solid var(--mi-line)}
/* In rows the action stays beside the text, however long that is; a link to the page one is on looks like the others. */
@media (min-width:641px){[class*="st-key-ruled"],[class*="st-key-last"]{flex-wrap:nowrap!important}[class*="st-key-ruled"]>:first-child,[class*="st-key-last"]>:first-child{min-width:0}}
[class*="st-key-ruled"] [data-testid=stPageLink] a,[class*="st-key-last"] [data-testid=stPageLink] a{background:none;font-weight:400}
[class*="st-key-ruled"] [data-testid=stPageLink] a *,[class*="st-key-last"] [data-testid=stPageLink] a *{font-weight:inherit}
[class*="st-key-ruled"] [data-testid=stPageLink] a:hover,[class*="st-key-last"] [data-testid=stPageLink] a:hover{background:var(--mi-tint)}
.st-key-navigation [data-testid=stCaptionContainer]{margin-top:.9rem;padding-left:.5rem} .st-key-navigation a{padding-block:.22rem}
.st-key-bulk{min-height:2.5rem}
/* A table shows its tools over the row above it, at the right: nothing to click stands there. */
@media (min-width:641px){.st-key-bulk{padding-right:8rem}}
/* What a long form takes stays in sight beside it. */
@media (min-width:641px){.st-key-beside{position:sticky;top:3rem}}
.mi-muted{color:var(--mi-muted)} .mi-num{text-align:right;white-space:nowrap} .mi-bad{color:var(--mi-bad)}"""

# A radio drawn as rows: one widget for any number of rows, arrow keys walk it, the whole row is the target.
_PICK_LIST = """
[class*="st-key-pick"] [role=radiogroup]{gap:0}
[class*="st-key-pick"] [role=radiogroup]>div{position:relative;width:100%;padding:.4rem .65rem;border-bottom:1px solid var(--mi-line)}
[class*="st-key-pick-tree"] [role=radiogroup]>div{border-bottom:0;border-radius:.3rem;padding-block:.28rem}
[class*="st-key-pick"] [role=radiogroup]>div:hover{background:var(--mi-tint)}
[class*="st-key-pick"] [role=radiogroup]>div[data-selected]{background:var(--mi-pick);box-shadow:inset 3px 0 var(--mi-accent)}
[class*="st-key-pick"] [role=radiogroup]>div:has(:focus-visible){outline:2px solid var(--mi-accent);outline-offset:-2px}
[class*="st-key-pick"] label>div>div:not([data-testid]){display:none}
[class*="st-key-pick"] label::after{content:"";position:absolute;inset:0}
[class*="st-key-pick"] label p{overflow-wrap:anywhere}
[class*="st-key-pick"] [data-testid=stRadioCaption]{margin:0;padding:0}
[class*="st-key-pick"] [data-testid=stRadioCaption] p{display:grid;align-items:center;grid-template-columns:1fr 3.4rem 5.2rem 4.6rem}
[class*="st-key-pick"] [data-testid=stRadioCaption] p>*{justify-self:end;white-space:nowrap}
[class*="st-key-pick"] [data-testid=stRadioCaption] p>:first-child{justify-self:start}
[class*="st-key-pick"] [data-selected] .stMarkdownBadge{background:var(--mi-page)!important}"""

_FIGURES = """
.mi-facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.8rem 1rem;font-size:.87rem;line-height:1.35}
.mi-facts b{display:block;font-size:1.35rem;line-height:1.35;font-weight:600} .mi-facts span{color:var(--mi-muted)}
.mi-bar{position:relative;display:block;height:.5rem;margin:.35rem 0;border-radius:1rem;background:var(--mi-rest)}
.mi-bar b{position:absolute;inset:0 auto 0 0;border-radius:1rem 0 0 1rem;background:var(--mi-accent)}
.mi-bar u{position:absolute;top:-.2rem;bottom:-.2rem;border:solid var(--mi-ink);border-width:0 2px}
.mi-bar u::before{content:"";position:absolute;left:0;right:0;top:calc(50% - 1px);height:2px;background:var(--mi-ink)}
.mi-ends{display:flex;justify-content:space-between;gap:.8rem;font-size:.87rem}
.mi-npmi{display:grid;grid-template-columns:minmax(3rem,1fr) 5.9rem 5.4rem;gap:.8rem;align-items:center;font-size:.87rem}
.mi-empty{max-width:30rem;margin:2.5rem auto 0;text-align:center} .mi-empty h4{margin:0 0 .3rem;padding:0}
.mi-live{display:inline-flex;align-items:center;gap:.5rem;white-space:nowrap;font-size:.87rem;color:var(--mi-muted)}
.mi-live i{width:.55rem;height:.55rem;border-radius:50%;background:var(--mi-accent);animation:mi-pulse 2s infinite}
.mi-live.still i{background:var(--mi-rest);animation:none}
@keyframes mi-pulse{0%{box-shadow:0 0 0 0 color-mix(in srgb,var(--mi-accent) 55%,transparent)}70%,100%{box-shadow:0 0 0 .5rem transparent}}
@media (prefers-reduced-motion:reduce){.mi-live i{animation:none}}"""

_TRACE = """
.mi-spans{font-size:.84rem} .mi-spans details{border-radius:.3rem}
.mi-spans summary{display:grid;grid-template-columns:minmax(9.5rem,44%) 1fr 3.6rem;gap:.5rem;align-items:center;padding:.16rem .3rem;border-radius:.3rem;cursor:pointer;list-style:none}
.mi-spans summary::-webkit-details-marker{display:none}
.mi-spans summary:hover,.mi-spans [open]>summary{background:var(--mi-tint)}
.mi-spans summary:focus-visible{outline:2px solid var(--mi-accent);outline-offset:-2px}
.mi-spans code{padding:0;background:none;font-size:.8rem;color:inherit;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.mi-lane{position:relative;height:.6rem;background:linear-gradient(var(--mi-line),var(--mi-line)) center/100% 1px no-repeat}
.mi-lane span{position:absolute;inset-block:0;min-width:3px;border-radius:2px}
.mi-inside{margin:.1rem .3rem .35rem;padding:.3rem .6rem;border-left:2px solid var(--mi-line);color:var(--mi-muted)}
.mi-inside pre{margin:.1rem 0 .4rem;padding:.4rem .5rem;max-height:10rem;overflow:auto;border-radius:.3rem;background:var(--mi-tint);color:var(--mi-ink);font-size:.78rem;white-space:pre-wrap;overflow-wrap:anywhere}
.mi-msg{margin:.35rem 0;padding:.45rem .7rem;border-left:3px solid var(--mi-line);font-size:.93rem;line-height:1.4;white-space:pre-wrap;overflow-wrap:anywhere}
.mi-msg small{display:block;color:var(--mi-muted);white-space:normal} .mi-msg.user{background:var(--mi-tint);border-color:var(--mi-accent)}
.mi-msg.wrong{border-color:var(--mi-bad-mark)} .mi-msg.tool{font-size:.84rem;font-family:var(--st-code-font,monospace)}
.mi-msg details summary{cursor:pointer;color:var(--mi-chosen);font-size:.84rem}
.mi-pairs{margin:0;padding:0;display:grid;grid-template-columns:minmax(6rem,max-content) 1fr;gap:.3rem 1rem;font-size:.87rem} .mi-pairs dt{color:var(--mi-muted);overflow-wrap:anywhere}
.mi-pairs dd{margin:0;overflow-wrap:anywhere;white-space:pre-wrap}
/* Names on the map stay readable over points, in both themes. */
.js-plotly-plot .annotation-text{fill:var(--mi-ink)!important;paint-order:stroke;stroke:var(--mi-page);stroke-width:4px;stroke-linejoin:round}
@media (max-width:640px){.js-plotly-plot .annotation-text{font-size:10px!important}.mi-spans summary{grid-template-columns:minmax(7rem,46%) 1fr 3.4rem}.mi-npmi{grid-template-columns:minmax(2rem,1fr) 5.6rem 4.8rem;gap:.5rem}}"""

CSS = f"<style>{_VARIABLES}{_FRAME}{_PICK_LIST}{_FIGURES}{_TRACE}</style>"


def styles() -> None:
    """Write the style sheet into the page; the router calls it once a run."""
    # light-dark() follows color-scheme, which Streamlit sets on the app only and not on dialogs.
    st.html(CSS + f"<style>:root{{color-scheme:{st.context.theme.type or 'light'}}}</style>")


def chosen_page(path: str) -> None:
    """Mark a page in the sidebar as the present one, for a page of one entity that has no row of its own there."""
    st.html(f"<style>.st-key-to-{path} a{{background:light-dark(#DCE6EB,#3A474E);font-weight:600}}</style>")
