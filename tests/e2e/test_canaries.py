"""No text of a trace, a run, an artifact or a person acts on any page: no request, link, image, colour, icon or formula."""

from __future__ import annotations

from urllib.parse import urlsplit

import canaries
import pytest

pytestmark = pytest.mark.browser

PAGES = (
    "?range=all",
    "insights?range=all",
    "insight?run={run_id}&cluster=c0",
    "map?run={run_id}",
    "map?run={run_id}&colour=Assessment&cluster=c1",
    "traces?range=all&trace={trace_id}",
    "runs",
    "run?run={analysis_id}&hypothesis={hypothesis_id}&trace={trace_id}",
    "issues?issue={issue_id}",
    "issues?issue={second_id}",
    "traffic?range=all",
    "quality?range=all",
    "tools?range=all",
    "tags?range=all",
    "correlations?range=all&a=assessment.verdict&b=tags.channel",
    "correlations?range=all&mode=slice&filter=trace.status = 'ERROR'",
)

# Everything on the page that a text of ours made act. The names of the icon, the colour and the signs are of no page's own.
_FOUND = """host => {
    const found = [];
    const all = [...document.querySelectorAll('*')];
    for (const one of all) {
        for (const {name, value} of one.attributes) {
            if (/^(src|href|xlink:href|action|srcset|poster|data|formaction)$/.test(name) && value.includes(host) && new URL(value, location).host !== location.host) found.push(`${one.tagName} ${name}=${value}`);
            if (/^on/.test(name)) found.push(`${one.tagName} ${name}`);
            if (name === 'style' && value.includes(host)) found.push(`style ${value}`);
        }
    }
    for (const one of document.querySelectorAll('.katex, math')) found.push('formula ' + one.textContent);
    for (const one of document.querySelectorAll('[data-testid=stIconMaterial]')) if (one.textContent.includes('skull')) found.push('icon');
    for (const one of document.querySelectorAll('iframe, object, embed, base')) found.push(one.outerHTML.slice(0, 200));
    for (const one of document.querySelectorAll('.stMarkdownColoredText, .stMarkdownBadge, small, span[style*=color]'))
        if (/^\\s*canaryred\\s*$/.test(one.textContent)) found.push('colour ' + one.outerHTML.slice(0, 200));
    for (const one of document.querySelectorAll('b, strong, h1, h2, h3, tspan[style*=bold]'))
        if (/^\\s*canarybold\\s*$/.test(one.textContent)) found.push('markup ' + one.outerHTML.slice(0, 200));
    const text = document.body.innerText;
    for (const sign of ['\\u{1F389}', '\\u{1F988}']) if (text.includes(sign)) found.push('emoji ' + text.slice(Math.max(0, text.indexOf(sign) - 60), text.indexOf(sign) + 20));
    if (/[\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u202a-\\u202e]/.test(document.title + text)) found.push('control character in ' + JSON.stringify(text.match(/.{0,40}[\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u202a-\\u202e].{0,20}/)?.[0]));
    return [...new Set(found)];
}"""


@pytest.fixture(scope="module")
def store(_template_store, tmp_path_factory) -> dict[str, str]:
    return canaries.make(_template_store, tmp_path_factory.mktemp("canaries"))


@pytest.fixture(scope="module")
def address(store, serving, tmp_path_factory) -> str:
    return serving(store["uri"], tmp_path_factory.mktemp("canary-log") / "streamlit.log")


def test_no_text_acts_on_any_page(browser, store, address, view_on):
    page = browser.new_context(viewport={"width": 1440, "height": 900}, service_workers="block").new_page()
    view, acted, where = view_on(page, address), [], ""
    own = urlsplit(address).netloc

    def requested(request) -> None:
        if urlsplit(request.url).scheme not in ("data", "blob") and urlsplit(request.url).netloc != own:
            acted.append(f"{where}: asked {request.url}")

    def asked(dialog) -> None:
        acted.append(f"{where}: {dialog.type} {dialog.message}")
        dialog.dismiss()

    page.on("request", requested)
    page.on("dialog", asked)
    page.on("pageerror", lambda error: acted.append(f"{where}: {error}"))
    shown = 0
    for where in (path.format(**store) for path in PAGES):
        view.open(where)
        page.wait_for_timeout(300)  # a chart's labels come a moment after the page
        acted += [f"{where}: {one}" for one in page.evaluate(_FOUND, canaries.HOST)]
        acted += [f"{where}: failed {one}" for one in page.get_by_test_id("stException").all_inner_texts()]
        acted += [f"{where}: failed {one}" for one in page.get_by_test_id("stAlertContentError").all_inner_texts()]
        shown += canaries.HOST in page.inner_text("body").replace("\u2060", "")
    assert acted == []
    assert shown > len(PAGES) * 2 / 3, "the texts are shown, or this shows nothing"
