"""The explorer in a headless Chromium: ``make explorer-test``. Everything is served from this machine, and nothing else is asked for."""

from __future__ import annotations

import contextlib
import functools
import http.server
import io
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

import hermite_eq as he
from hermite_eq.theory import icl_gradient

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs" / "explorer"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import explorer
import rig

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: Set by ``make explorer-test``: nothing is skipped, and times are held against the promises.
REQUIRED = os.environ.get("EXPLORER_TEST") == "required"
CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)

if REQUIRED:
    from playwright.sync_api import sync_playwright
else:
    sync_playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: run make explorer-test"
    ).sync_playwright
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed: run make explorer-test", allow_module_level=True)
    if rig.stale():
        pytest.skip("no explorer of this tree is built in .explorer/: run make explorer-test", allow_module_level=True)

#: Seconds: the promise for a start on a warm cache; how long a test waits before it calls the page stuck.
FIRST_RESULT, PATIENCE = 10, 180
#: Milliseconds: within them a curve is new, or a sign of progress stands on the page.
AT_ONCE = 300


class Files(http.server.SimpleHTTPRequestHandler):
    def guess_type(self, path: Any) -> str:
        return {".mjs": "text/javascript", ".wasm": "application/wasm"}.get(Path(path).suffix) or super().guess_type(path)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=str(rig.RIG)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Browser:
    """One browser with its cache, started once for all tests, and what its pages asked for and said."""

    def __init__(self, playwright: Any, folder: Path, address: str) -> None:
        self.log = folder / "net.json"
        self.address = address
        self.asked: list[str] = []
        self.messages: list[str] = []
        # No name but this machine's leads anywhere; what the browser itself would fetch in the background is off.
        arguments = [
            "--no-sandbox",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--disable-background-networking",
            "--disable-component-update",
            f"--log-net-log={self.log}",
        ]
        self.context = playwright.chromium.launch_persistent_context(
            folder / "profile", executable_path=CHROMIUM, headless=True, args=arguments, viewport={"width": 1280, "height": 900}
        )
        self.context.set_default_timeout(PATIENCE * 1000)
        self.context.on("request", lambda request: self.asked.append(request.url))

    def refuse(self, dialog: Any) -> None:
        self.messages.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, state: str = "") -> Page:
        page = self.context.new_page()
        page.on("console", lambda message: self.messages.append(message.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("dialog", self.refuse)
        page.goto(f"{self.address}/site/index.html{state}")
        return page


@pytest.fixture(scope="module")
def browser(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = Browser(playwright, tmp_path_factory.mktemp("browser"), address)
        yield browser
        browser.context.close()


@pytest.fixture(scope="module")
def cold(browser: Browser) -> float:
    """Seconds to the first result of a first visit, whose page is left when its image is stored."""
    page = browser.open()
    page.wait_for_selector("body[data-first]")
    seconds = float(page.get_attribute("body", "data-first")) / 1000
    page.wait_for_selector("body[data-image=true]")
    page.close()
    return seconds


@pytest.fixture(scope="module")
def page(browser: Browser, cold: float) -> Iterator[Page]:
    page = browser.open()
    page.wait_for_selector("body[data-answered]")
    yield page
    page.close()


def link(state: dict[str, Any]) -> str:
    """The state as the page writes it: whole numbers without a point."""
    whole = {key for key, value in state.items() if isinstance(value, bool | float) and value == int(value)}
    return "#" + urlencode({key: int(value) if key in whole else value for key, value in state.items()})


def go(page: Page, **changes: Any) -> dict[str, Any]:
    """Bring the page to a state by its address."""
    state = {**explorer.DEFAULTS, "quantity": "icl", **changes}
    page.evaluate("hash => { location.hash = hash; }", link(state))
    page.wait_for_selector(f"body[data-answered='{page.evaluate('location.hash')}']")
    return state


def values(page: Page, column: str) -> tuple[list[float], list[float], list[float]]:
    cells = page.query_selector_all(f"#curve-table td[data-column={column}]")
    numbers = [(float(cell.get_attribute("data-x")), float(cell.get_attribute("data-value"))) for cell in cells]
    return [x for x, _ in numbers[::2]], [y for _, y in numbers[::2]], [y for _, y in numbers[1::2]]


def test_a_second_start_shows_its_first_result_in_time(browser: Browser, cold: float) -> None:
    for trial in range(2):
        page = browser.open()
        page.wait_for_selector("body[data-first]")
        shown, seconds = (float(page.get_attribute("body", f"data-{what}")) / 1000 for what in ("shown", "first"))
        laps = page.get_attribute("body", "data-laps")
        page.close()
        print(
            f"first visit {cold:.1f} s; start {trial + 2}: coefficients after {shown:.1f} s, both curves after {seconds:.1f} s; "
            f"milliseconds since the start of the worker: {laps}"
        )
        if seconds < FIRST_RESULT:
            break
    # A busy machine may take longer; what is promised is held where the target asks for it.
    assert not REQUIRED or seconds < FIRST_RESULT


def test_defaults_of_page_and_program_agree(page: Page) -> None:
    page.click("#axis")
    page.keyboard.press("Escape")
    go(page)
    for key in ("alpha", "kappa", "tau", "mu", "ridge", "noise", "d", "degree"):
        assert float(page.input_value(f"#{key}-number")) == explorer.DEFAULTS[key]
    for key in ("sigma", "target", "axis"):
        assert page.input_value(f"#{key}") == explorer.DEFAULTS[key]
    fresh = page.context.new_page()
    fresh.goto(page.url.split("#")[0])
    assert fresh.get_attribute("#link", "href") == link({**explorer.DEFAULTS, "quantity": "icl"})
    fresh.close()


def test_coefficients_of_relu_are_exact(page: Page) -> None:
    go(page)
    row = page.query_selector_all("#coefficients tbody tr")[1].query_selector_all("td")
    assert [cell.inner_text() for cell in (row[0], row[2])] == ["1", "0.5"]
    fraction = row[1].query_selector("mfrac")
    assert [part.text_content() for part in fraction.query_selector_all(":scope > *")] == ["1", "2"]
    assert page.query_selector("#coefficients tbody tr:last-child math[aria-label^='\\\\sqrt']") is not None


@pytest.mark.parametrize("sigma", ["relu", "tanh", "gelu", "Max(x - 1/3, 0)", "x**2 + 1"])
def test_latex_is_that_of_the_library(page: Page, sigma: Any) -> None:
    go(page, sigma=sigma)
    expected = (
        he.equivalent_model(sigma, 3).latex()
        if sigma != "x**2 + 1"
        else explorer.answer("expansion", {"sigma": sigma, "degree": 3})["model"]
    )
    assert page.inner_text("#latex") == expected
    assert page.get_attribute("#model math", "aria-label") == expected


def test_latex_of_every_registered_activation_is_drawn(page: Page) -> None:
    written = set()
    for name in he.activations.registered_names():
        shown = explorer.answer("expansion", {"sigma": name, "degree": 6})
        written |= {shown["model"], shown["residual"]["exact"], *(c["exact"] for c in shown["coefficients"])}
    written.discard(None)
    drawn = page.evaluate(
        """async (texts) => {
            const { mathml } = await import("./mathml.js");
            return texts.map((text) => { try { mathml(text); return null; } catch (error) { return `${text}: ${error.message}`; } });
        }""",
        sorted(written),
    )
    assert len(written) > 100
    assert [problem for problem in drawn if problem] == []


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sigma": "gelu", "target": "tanh", "axis": "mu", "d": 24},
        {"sigma": "tanh", "axis": "alpha", "d": 40},
        {"axis": "ridge", "kappa": "inf"},
        {"axis": "noise", "sigma": "Max(x - 1/3, 0)", "d": 28},
        {"mixed": True, "kappa": "inf", "share2": 0.25, "d": 12},
    ],
    ids=lambda changes: ",".join(map(str, changes.values())) or "defaults",
)
def test_curves_are_those_of_the_library(page: Page, changes: Any) -> None:
    state = go(page, **changes)
    head, task = he.RandomTransformer(state["sigma"], ridge=state["ridge"]), explorer.task(state)
    for column, where, grid in (
        ("limit", explorer.ratios(state), explorer.grid(state["axis"])),
        ("finite", explorer.sizes(state), explorer.finite_grid(state)),
    ):
        along: dict[str, Any] = {state["axis"]: grid}
        curve = he.icl_curve(head, task, where, **along)
        x, icl, idg = values(page, column)
        assert x == [float(value) for value in curve.values]
        # The kernels of linear algebra differ; the fixed points are well conditioned.
        assert icl == pytest.approx(curve.icl.tolist(), rel=1e-9)
        assert idg == pytest.approx(curve.idg.tolist(), rel=1e-9)
        place = "d = ∞" if column == "limit" else f"d = {state['d']}"
        point = float(page.get_attribute(f"#point strong[data-where='{place}']", "data-value"))
        assert point == pytest.approx(he.icl_error(head, task, where).icl, rel=1e-9)
        assert page.query_selector(f"#chart path.curve.{column}").get_attribute("d").startswith("M")


def test_hints_agree_with_the_gradient(page: Page) -> None:
    state = go(page, tau=2.0, mu=3.0)
    gradient = icl_gradient(explorer.head(state), explorer.task(state), explorer.sizes(state))
    slopes = {li.get_attribute("data-name"): float(li.get_attribute("data-slope")) for li in page.query_selector_all("#hints li")}
    expected = {name: getattr(gradient, f"d_{name}") for name in ("alpha", "kappa", "tau", "mu", "ridge")}
    assert slopes == pytest.approx(expected, rel=1e-6)
    assert page.inner_text("#headline") == "More hidden units (μ) would help most."


def test_a_link_reproduces_the_state_in_another_tab(page: Page, browser: Browser) -> None:
    go(page)
    page.select_option("#sigma", "gelu")
    page.fill("#tau-number", "2.7")
    page.press("#tau-number", "Enter")
    page.check("#mixed")
    page.select_option("#quantity", "idg")
    page.wait_for_selector("body:not([aria-busy])")
    shown = [page.inner_text(place) for place in ("#point", "#latex", "#hints", "#program")]
    other = browser.open(page.get_attribute("#link", "href"))
    other.wait_for_selector("body[data-answered]")
    assert [other.inner_text(place) for place in ("#point", "#latex", "#hints", "#program")] == shown
    assert (other.input_value("#sigma"), other.input_value("#tau-number"), other.is_checked("#mixed")) == ("gelu", "2.7", True)
    other.close()


def test_the_program_runs_and_gives_the_number(page: Page) -> None:
    go(page, sigma="Max(x - 1/3, 0)", d=16)
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(page.inner_text("#program"), "program", "exec"), names)
    error = he.icl_error(names["head"], names["task"], names["sizes"]).icl
    assert float(page.get_attribute("#point strong[data-where='d = 16']", "data-value")) == pytest.approx(error, rel=1e-9)
    assert page.inner_text("#latex") in out.getvalue()


@pytest.mark.parametrize(
    "text", ["__import__('os').system('x')", "x.__class__", "1/(x - 1)", "<img src=x onerror=alert(1)>", "[].append(1)"]
)
def test_a_hostile_expression_is_refused_in_the_words_of_the_library(page: Page, text: Any) -> None:
    go(page)
    page.select_option("#sigma", "")
    page.fill("#sigma-own", text)
    page.press("#sigma-own", "Enter")
    page.wait_for_selector("body:not([aria-busy])")
    refused = explorer.answer("expansion", {**explorer.DEFAULTS, "sigma": text})["refused"]
    assert page.inner_text("#expansion-refused") == refused
    assert "Traceback" not in page.inner_text("body")
    assert page.query_selector("img, iframe, object") is None


def test_hostile_addresses_inject_nothing(page: Page, browser: Browser) -> None:
    scripts = len(page.query_selector_all("script"))
    payload = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    for hash_ in (
        link({"sigma": payload, "target": payload, "axis": payload, "quantity": payload}),
        link({key: payload for key in explorer.DEFAULTS}),
        "#__proto__=1&constructor=2&toString=3&sigma=relu",
        "#alpha=1e999&tau=-1&d=1000000&degree=99&ridge=nan",
        "#%00%ff=%E0%A4%A&sigma=" + "9" * 5000,
        "#sigma=javascript:alert(1)",
    ):
        before = len(browser.messages)
        page.evaluate("hash => { location.hash = hash; }", hash_)
        page.wait_for_timeout(100)
        page.wait_for_selector("body:not([aria-busy])")
        assert page.query_selector("img, iframe, object, embed") is None
        assert len(page.query_selector_all("script")) == scripts
        assert "Traceback" not in page.inner_text("body")
        assert [text for text in browser.messages[before:] if "alert" in text or "dialog" in text] == []
    go(page)
    assert page.inner_text("#latex") == he.equivalent_model("relu", 3).latex()


def test_a_refusal_is_told_beside_what_is_known(page: Page) -> None:
    go(page, kappa=8.0, tau=0.125)
    assert page.inner_text("#point-refused").startswith("d = 20: every training task appears in training, so k ≤ n; found tasks=160")
    assert page.query_selector("#chart path.curve.limit").get_attribute("d").startswith("M")


def test_everything_works_by_the_keyboard_alone(page: Page) -> None:
    go(page)
    page.focus("header a")
    stops: list[Any] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        name = page.evaluate(
            """() => {
                const at = document.activeElement, label = at.labels?.[0]?.textContent ?? at.getAttribute("aria-label") ?? at.textContent;
                const named = at.getAttribute("aria-labelledby"), outline = getComputedStyle(at);
                const name = named ? document.getElementById(named).textContent : label;
                const place = at.id || at.dataset.copy || at.parentElement.id || at.tagName;
                return at === document.body ? null : [place, name.trim(), outline.outlineStyle];
            }"""
        )
        if name is None or (stops and name == stops[0]):
            break
        stops.append(name)
    places = [place for place, _, _ in stops]
    assert all(name and outline != "none" for _, name, outline in stops), stops
    expected = [
        "sigma",
        "degree",
        "degree-number",
        "ridge",
        "target",
        "noise",
        "mixed",
        "d",
        "alpha",
        "kappa",
        "fresh",
        "tau",
        "mu",
        "axis",
        "quantity",
    ]
    assert [place for place in places if place in expected] == expected
    assert {"chart", "latex", "link", "copy-link", "program"} <= set(places)
    # A slider, a menu, a number, a box and the curve.
    page.focus("#tau")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("body:not([aria-busy])")
    assert page.input_value("#tau-number") == "3.36"
    assert page.get_attribute("#tau", "aria-valuetext") == "3.36"
    page.focus("#sigma")
    page.keyboard.type("tanh")
    page.keyboard.press("Enter")
    page.wait_for_timeout(50)
    page.wait_for_selector("body:not([aria-busy])")
    assert page.inner_text("#latex") == he.equivalent_model("tanh", 3).latex()
    page.focus("#d-number")
    page.keyboard.press("Control+a")
    page.keyboard.type("16\n")
    page.wait_for_selector("body:not([aria-busy])")
    assert "at d = 16" in page.inner_text("#status")
    page.focus("#chart svg")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#readout").startswith("τ = 0.")
    page.focus("#fresh")
    page.keyboard.press("Space")
    page.wait_for_selector("body:not([aria-busy])")
    assert "k = ∞" in page.inner_text("#point")
    assert page.get_attribute("#status", "aria-live") == "polite"


def test_what_is_no_number_is_told_and_changes_nothing(page: Page) -> None:
    go(page)
    page.fill("#tau-number", "three")
    page.press("#tau-number", "Enter")
    assert page.get_attribute("#tau-number", "aria-invalid") == "true"
    assert "tau=3" in page.get_attribute("#link", "href")
    page.fill("#tau-number", "-1")
    page.press("#tau-number", "Enter")
    page.wait_for_selector("body:not([aria-busy])")
    with pytest.raises(he.HypothesisError) as refused:
        he.Ratios(alpha=1, kappa=1, tau=-1.0, mu=1)
    assert page.inner_text("#limit-refused") == f"d = ∞: {refused.value}"
    go(page)


def test_a_change_is_answered_at_once_or_with_a_sign_of_progress(page: Page) -> None:
    go(page)
    for axis, value in (("tau", "2"), ("ridge", "-3"), ("d", "32"), ("alpha", "1")):
        start = time.perf_counter()
        busy = page.evaluate(
            """([id, value]) => {
                const slider = document.getElementById(id);
                slider.value = value;
                slider.dispatchEvent(new Event("input", { bubbles: true }));
                return !document.getElementById("busy").classList.contains("idle") && document.getElementById("status").textContent;
            }""",
            [axis, value],
        )
        assert busy == "Computing."
        page.wait_for_selector("body:not([aria-busy])")
        curve = float(page.get_attribute("body", "data-curve"))
        total = 1000 * (time.perf_counter() - start)
        print(f"{axis}: both curves after {curve:.0f} ms, all with the gradient after {total:.0f} ms; promised: {AT_ONCE} ms, or a sign")


def test_a_newer_state_takes_the_place_of_an_older_one(page: Page) -> None:
    messages = page.evaluate(
        """async (state) => {
            const worker = new Worker("worker.js", { type: "module" }), seen = [];
            await new Promise((resolve, reject) => {
                worker.onmessage = ({ data }) => {
                    seen.push([data.id ?? 0, data.part ?? ""]);
                    if (data.part === "names") [1, 2, 3].forEach((id) => worker.postMessage({ id, state: { ...state, tau: id } }));
                    if (data.part === "limit" && data.id === 3) worker.postMessage({ id: 4, state });
                    if (data.part === "done" && data.id === 4) resolve();
                    if (data.part === "failed") reject(data.text);
                };
            });
            worker.terminate();
            return seen;
        }""",
        explorer.DEFAULTS,
    )
    done = [identity for identity, part in messages if part == "done"]
    assert done == [4]
    assert [3, "hints"] not in messages
    assert not any(part == "finite_curve" for identity, part in messages if identity in (1, 2))


def test_a_long_computation_can_be_stopped(page: Page) -> None:
    slow = link({**explorer.DEFAULTS, "quantity": "icl", "mixed": True, "kappa": 1.0, "d": 8})
    page.evaluate("hash => { location.hash = hash; }", slow)
    page.wait_for_selector("#stop:not([hidden])")
    assert page.get_attribute("body", "aria-busy") == "true"
    page.focus("#stop")
    page.keyboard.press("Enter")
    page.wait_for_selector("body:not([aria-busy])")
    assert page.inner_text("#status").startswith(("Stopped.", "Python is starting", "Ready."))
    go(page, d=24)
    assert "at d = 24" in page.inner_text("#status")
    assert page.is_hidden("#stop")


def test_narrow_screens_have_no_horizontal_overflow(page: Page) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    try:
        for changes in ({}, {"mixed": True, "kappa": "inf", "degree": 8, "sigma": "gelu"}, {"sigma": "x" * 200}):
            go(page, **changes)
            page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
            assert page.evaluate("document.documentElement.scrollWidth") <= 400
            outside = page.evaluate(
                """() => [...document.querySelectorAll("body *")].filter((at) => {
                    const box = at.getBoundingClientRect();
                    return box.width && box.right > 401 && !at.closest(".scroll, pre");
                }).map((at) => at.outerHTML.slice(0, 80))"""
            )
            assert outside == []
    finally:
        page.set_viewport_size({"width": 1280, "height": 900})


DAMAGED = """async (place) => {
    const cache = await caches.open("hermite-eq-explorer"), [key] = await cache.keys();
    const bytes = new Uint8Array(await (await cache.match(key)).arrayBuffer()), end = bytes.indexOf(10);
    const head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
    await cache.put(key, new Response(new Blob([`${JSON.stringify({ ...head, place })}\\n`, bytes.subarray(end + 1)])));
}"""


def test_an_image_that_does_not_fit_is_replaced(page: Page, browser: Browser) -> None:
    page.evaluate(DAMAGED, [1, 2])
    other = browser.open()
    other.wait_for_selector("body[data-answered]")
    assert other.inner_text("#latex") == he.equivalent_model("relu", 3).latex()
    other.wait_for_selector("body[data-image=true]")
    other.close()


CONTRASTS = """() => {
    const channel = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    const parsed = (text) => text.match(/[\\d.]+/g).map(Number);
    const luminance = ([r, g, b]) => 0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
    const behind = (at) => {
        for (let up = at; up; up = up.parentElement) {
            const found = parsed(getComputedStyle(up).backgroundColor);
            if (found.length < 4 || found[3] > 0) return found;
        }
        return [255, 255, 255];
    };
    const ratio = (one, other) => {
        const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
    };
    const found = [];
    for (const at of document.querySelectorAll("body *")) {
        if (!at.getClientRects().length || at.disabled) continue;
        const style = getComputedStyle(at), text = [...at.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        const svg = at instanceof SVGElement;
        const add = (kind, colour, ground = at) => found.push([kind, at.outerHTML.slice(0, 60), ratio(parsed(colour), behind(ground))]);
        if (text || at.matches("input[type=text], select")) add("text", svg ? style.fill : style.color);
        if (at.matches(".curve, .mark, .axis")) add("shape", style.stroke);
        if (at.matches(".dot")) add("shape", style.fill);
        if (at.matches("input[type=text], select, button")) add("shape", style.borderTopColor, at.parentElement);
    }
    return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_colour_schemes_have_enough_contrast(page: Page, scheme: Any) -> None:
    """Of text 4.5, of what else carries meaning 3: WCAG 2, level AA."""
    page.emulate_media(color_scheme=scheme)
    try:
        go(page, mixed=True, kappa="inf", sigma="1/(x - 1)")
        page.fill("#tau-number", "")
        page.press("#tau-number", "Enter")
        page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        contrasts = page.evaluate(CONTRASTS)
        assert len(contrasts) > 80
        assert [(what, round(ratio, 2)) for kind, what, ratio in contrasts if ratio < (4.5 if kind == "text" else 3)] == []
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    finally:
        page.emulate_media(color_scheme="light")


def test_nothing_leaves_the_machine(page: Page, browser: Browser) -> None:
    """By what the pages ask for, and by the browser's own record of every request, those of its workers included."""
    go(page)
    assert browser.asked
    assert [url for url in browser.asked if not url.startswith((browser.address, "data:"))] == []
    # The browser has errands of its own, which have no page as their initiator, and find no address either.
    lines = browser.log.read_text().split("\n")
    record = [json.loads(line.rstrip(","))["params"] for line in lines if '"initiator":' in line and line.endswith("},")]
    urls = {request["url"] for request in record if request["initiator"].startswith("http")}
    assert {url.rsplit(".", 1)[-1] for url in urls} >= {"wasm", "whl", "py", "js", "css"}
    assert [url for url in urls if not url.startswith(browser.address)] == []
    # And nothing went wrong unseen.
    assert [text for text in browser.messages if "rror" in text and "The next start" not in text] == []
    assert json.loads((rig.SITE / "settings.json").read_text())["pyodide"] == "../pyodide/"
