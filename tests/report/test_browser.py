"""The page in a real browser: Chromium without a window, from a file, without a
network.
"""

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lstm_ref.report.changes import changes
from lstm_ref.report.diff import as_html
from lstm_ref.report.html import render
from lstm_ref.results.reading import read

webdriver = pytest.importorskip(
    "selenium.webdriver", reason="selenium is not installed: pip install selenium"
)

Make = dict[str, Callable[..., Any]]
Write = Callable[[list[dict[str, Any]]], Path]

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# The rules of accessibility; npm brings them into the cache of pytest, once.
AXE = "axe-core@4.14.1"
PHONE = (400, 800)
SCREEN = (1280, 800)
# Words that read as something else, run, or break the page where they are not quoted.
HOSTILE = {
    "markup": "</script><script>window.harmed = 1</script><img src=x onerror='window.harmed = 1'>",
    "turned": "safe\u202egnihtemos\u2066 else",
    "long": "x" * 10_000,
}

PAGES = {
    "keras.layers.LSTM": "https://example.org/lstm",
    "a guide": "https://example.org/guide",
    "evil": "javascript:window.harmed = 1",
}

Driver = Any


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """One browser for all tests of the file."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    chromedriver = shutil.which("chromedriver")
    if not browser or not chromedriver:
        pytest.skip("no Chromium with its driver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    profile = tmp_path_factory.mktemp("profile")
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=chromedriver)
    driver = webdriver.Chrome(options=options, service=service)
    driver.set_script_timeout(60)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def axe(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script that knows the rules."""
    npm = shutil.which("npm")
    if not npm:
        pytest.skip(f"no npm to bring {AXE}")
    cache = getattr(pytestconfig, "cache", None)  # none where somebody turned it off
    kept = tmp_path_factory.mktemp("axe") if cache is None else cache.mkdir("axe")
    script = kept / f"{AXE}.js"
    if not script.exists():
        folder = tmp_path_factory.mktemp("npm")
        command = [
            npm,
            "install",
            "--prefix",
            str(folder),
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            AXE,
        ]
        try:
            brought = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip(f"npm does not bring {AXE} within a minute")
        if brought.returncode:
            pytest.skip(f"npm does not bring {AXE}: {brought.stderr.strip()[-200:]}")
        # Several workers may bring it at once; each puts it there whole.
        part = script.with_suffix(f".{os.getpid()}")
        shutil.copyfile(folder / "node_modules/axe-core/axe.min.js", part)
        part.replace(script)
    return script.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages by what they show: most tests look at the same one."""
    return {"": tmp_path_factory.mktemp("pages")}


@pytest.fixture
def show(driver: Driver, pages: dict[str, Path], write: Write, make: Make) -> Iterator[Callable[..., str]]:
    """Opens the page of some outcomes, at a size and with a fragment; returns its
    address. Everything that a test changes of the browser is undone.
    """

    def show_page(outcomes: list[dict[str, Any]], size: tuple[int, int] = SCREEN, hash: str = "") -> str:
        key = json.dumps(outcomes)
        if key not in pages:
            pages[key] = pages[""] / f"{len(pages)}.html"
            pages[key].write_text(render(read(write(make["complete"](outcomes)))), encoding="utf-8")
        file = pages[key]
        command(driver, "Emulation.setDeviceMetricsOverride", **metrics(*size))
        driver.get("about:blank")
        driver.get(file.as_uri() + hash)
        return file.as_uri()

    driver.get_log("browser")  # what another test left
    yield show_page
    command(driver, "Emulation.setScriptExecutionDisabled", value=False)
    command(driver, "Emulation.setEmulatedMedia", media="", features=[])


def command(driver: Driver, name: str, **arguments: Any) -> Any:
    return driver.execute_cdp_cmd(name, arguments)


def metrics(width: int, height: int) -> dict[str, Any]:
    return {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}


def scheme(driver: Driver, word: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": word}]
    command(driver, "Emulation.setEmulatedMedia", features=features)


def js(driver: Driver, expression: str, *arguments: Any) -> Any:
    return driver.execute_script(f"return {expression}", *arguments)


def press(driver: Driver, *keys: str) -> None:
    """Keys to whatever has the focus."""
    chain = webdriver.ActionChains(driver)
    for key in keys:
        chain.send_keys(key)
    chain.perform()


def click(driver: Driver, selector: str) -> None:
    driver.execute_script("document.querySelector(arguments[0]).click()", selector)
    settled(driver)


def settled(driver: Driver) -> None:
    """A click on a link tells the page of its new address a moment later."""
    driver.execute_async_script(
        "const done = arguments[0]; setTimeout(() => requestAnimationFrame(() => done()), 20)"
    )


def shown(driver: Driver, selector: str) -> list[str]:
    """The text of the elements that take room on the page."""
    return js(
        driver,
        "[...document.querySelectorAll(arguments[0])].filter((each) => each.checkVisibility()).map((each) =>"
        " each.textContent.trim())",
        selector,
    )


def violations(driver: Driver, axe: str) -> list[str]:
    driver.execute_script(axe)
    found = driver.execute_async_script(
        "const done = arguments[0];"
        " axe.run({resultTypes: ['violations']}).then((all) => done(all.violations))"
    )
    return [
        f"{each['id']}: {node['html'][:200]} {node['failureSummary']}"
        for each in found
        for node in each["nodes"]
    ]


def sideways(driver: Driver) -> list[str]:
    """What makes the page wider than the window; what scrolls by itself does not."""
    return js(
        driver,
        "document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')]"
        ".filter((each) => each.getBoundingClientRect().left + each.scrollWidth > innerWidth + 1 &&"
        " !each.parentElement.closest('.scroll, .list, pre, svg'))"
        ".map((each) => each.outerHTML.slice(0, 120)).slice(-5)",
    )


def a_bit_of_everything(make: Make) -> list[dict[str, Any]]:
    """A run in which each part of the page has something to show."""
    outcome, failure = make["outcome"], make["failure"]
    point = {"params.units": 3, "call.initial_state": "given"}
    passing = [
        outcome(case=f"k/f/product[activation={word},unroll={flag}]", dtype=dtype, implementation=name)
        | {"parameters": {**point, "params.activation": word, "params.unroll": flag}}
        for word in ("tanh", "relu", "linear")
        for flag in (False, True)
        for dtype in ("float64", "float32")
        for name in ("keras-tensorflow", "torch")
    ]
    known = [
        outcome(case=f"k/known/{kind}", dtype="float16", outcome="divergence", message=f"{kind}: it is so.")
        | {"parameters": {**point, "params.about": kind}, "detail": "expected 1, observed 2", "ratio": 3e5}
        for kind in ("framework", "documentation", "by-design")
    ]
    short, long = (
        make["profile"](),
        make["profile"](places=[f"{i}-{i}" for i in range(32)], ratios=[9.0] * 32),
    )
    odd = [
        outcome(case="k/odd/none", outcome="unsupported", message="no such thing", worst=None, ratio=None),
        outcome(case="k/odd/stale", outcome="stale", message="The entry is no longer true."),
        outcome(case="k/odd/crash", outcome="crash", message="The process ended.", worst=None, ratio=None),
        failure(case="k/odd/a-wide-one", detail="wide " * 100, dtype="float32", documentation=PAGES)
        | {"profiles": [short, long]},
        failure(case="k/odd/other", implementation="torch", message="call 0, kernel: a gradient is missing"),
    ]
    claims = [
        outcome(
            case=f"k/claims/{word}", claim=make["claim"](claim=word, statement=f"It is {word}.", verdict=word)
        )
        for word in ("true", "false", "not-decidable")
    ]
    return [*passing, *known, *odd, *claims]


def test_it_opens_from_a_file_without_an_error_and_asks_for_nothing(
    driver: Driver, show: Callable[..., str], make: Make
) -> None:
    address = show(a_bit_of_everything(make))
    assert driver.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    sent = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert [each["request"]["url"] for each in sent if each["documentURL"] == address] == [address]
    assert int(js(driver, "document.documentElement.dataset.ready")) < 5_000


def test_a_filter_is_part_of_the_address_and_holds_when_it_is_opened_again(
    driver: Driver, show: Callable[..., str], make: Make
) -> None:
    outcomes = a_bit_of_everything(make)
    show(outcomes)
    click(driver, "#outcome input[value=fail]")
    click(driver, "#implementation input[value=torch]")
    assert js(driver, "location.hash") == "#outcome=fail&implementation=torch"
    assert shown(driver, "#count") == ["1 of 35 outcomes"]
    show(outcomes, hash="#outcome=fail&implementation=torch")
    assert shown(driver, "#count") == ["1 of 35 outcomes"]
    assert shown(driver, "#rows th a") == ["k/odd/other"]
    assert js(driver, "document.querySelector('#outcome input[value=fail]').checked")


def test_a_search_finds_words_of_a_message(driver: Driver, show: Callable[..., str], make: Make) -> None:
    show(a_bit_of_everything(make))
    driver.find_element("id", "q").send_keys("Gradient missing")
    assert shown(driver, "#rows th a") == ["k/odd/other"]
    assert js(driver, "location.hash") == "#q=Gradient+missing"
    click(driver, "#clear")
    assert shown(driver, "#count") == ["35 outcomes"]


def test_a_number_of_the_first_table_shows_these_findings_and_no_others(
    driver: Driver, show: Callable[..., str], make: Make
) -> None:
    show(a_bit_of_everything(make))
    click(driver, '.standings a[href="#defects-keras-tensorflow"]')
    assert shown(driver, ".finding .sentence") == ["it is so.", "it is so."]
    click(driver, ".only:target a")
    assert len(shown(driver, ".finding .sentence")) == 7


def test_a_cell_opens_its_finding_and_the_finding_lists_its_outcomes(
    driver: Driver, show: Callable[..., str], make: Make
) -> None:
    show(a_bit_of_everything(make))
    click(driver, '.matrix td a[href*="params.about=by-design"]')
    assert shown(driver, ".finding[open] .sentence") == ["it is so."]
    assert shown(driver, "#narrowed strong") == ["1 finding of keras-tensorflow, params.about: by-design"]
    click(driver, '.finding[open]:not([hidden]) a[href^="#cause="]')
    assert shown(driver, "#count") == ["1 of 35 outcomes"]
    click(driver, "#rows th a")
    assert shown(driver, "#case h3") == ["k/known/by-design"]
    assert "lstm-ref run 'k/known/by-design'" in shown(driver, "#case .command")


def test_a_finding_and_a_case_lead_to_the_documentation_on_which_they_rest(
    driver: Driver, show: Callable[..., str], make: Make
) -> None:
    show(a_bit_of_everything(make), hash="#case=k/odd/a-wide-one")
    links = "[...document.querySelectorAll(arguments[0])].map((each) => [each.textContent, each.href])"
    safe = [[name, address] for name, address in PAGES.items() if name != "evil"]
    assert js(driver, links, "#case .source a") == safe
    assert js(driver, links, '.finding a[href^="https://example.org/"]') == safe
    assert js(driver, links, '[href^="javascript"]') == []


def test_the_list_is_sorted_by_disagreement(driver: Driver, show: Callable[..., str], make: Make) -> None:
    show(
        a_bit_of_everything(make),
        hash="#sort=ratio&dtype=float32&dtype=float16&outcome=divergence&outcome=fail",
    )
    assert shown(driver, "#rows td.number") == ["7.8e+8", "3.0e+5", "3.0e+5", "3.0e+5"]


def test_green_rows_of_the_matrix_are_hidden_until_asked_for_and_its_headers_stay(
    driver: Driver, show: Callable[..., str], make: Make
) -> None:
    outcomes = a_bit_of_everything(make)
    many = [
        make["outcome"](case=f"k/m/{number}", implementation=f"implementation-{number % 11}")
        | {"parameters": {"params.about": f"value {number}"}}
        for number in range(110)
    ]
    many += [make["outcome"](case=f"k/m/{i}", implementation="keras-tensorflow") for i in range(110)]
    show([*outcomes, *many])
    hidden = "value 3" not in shown(driver, ".matrix tbody th code")
    click(driver, "#only-not-green")
    assert hidden
    assert "value 3" in shown(driver, ".matrix tbody th code")
    assert js(driver, "location.hash") == "#matrix=all"
    driver.execute_script(
        "const box = document.querySelector('.tall'); box.scrollIntoView(); box.scrollTo(400, 600);"
    )
    corner = (
        "((each, box) => [each.getBoundingClientRect().left - box.left, each.getBoundingClientRect().top -"
        " box.top].map(Math.round))(document.querySelector(arguments[0]),"
        " document.querySelector('.tall').getBoundingClientRect())"
    )
    assert js(driver, "document.querySelector('.tall').scrollTop") == 600
    assert js(driver, corner, ".matrix thead th") == [1, 1]
    assert js(driver, corner, ".matrix thead th:nth-child(2)")[1] == 1
    assert js(driver, corner, ".matrix tbody tr:nth-child(9) th")[0] == 1


def test_a_link_to_a_finding_still_leads_there_after_a_case_was_added(
    driver: Driver, show: Callable[..., str], make: Make
) -> None:
    outcomes = a_bit_of_everything(make)
    show(outcomes)
    link = js(
        driver,
        "[...document.querySelectorAll('.finding')].find((each) =>"
        " each.textContent.includes('gradient is missing')).querySelector('.permalink a').hash",
    )
    added = make["failure"](case="a/first/of-all", file="cases/a/first.yaml", message="something before")
    again = make["failure"](case="a/first/again", implementation="torch", message=outcomes[-1]["message"])
    show([added, again, *outcomes], hash=link)
    settled(driver)
    target = "document.querySelector(':target')"
    assert js(driver, f"{target}.open")
    assert "gradient is missing" in js(driver, f"{target}.querySelector('.sentence').textContent")
    assert js(driver, f"document.activeElement === {target}.querySelector('summary')")


def test_the_keyboard_reaches_everything(driver: Driver, show: Callable[..., str], make: Make) -> None:
    keys = webdriver.Keys
    show(a_bit_of_everything(make))
    press(driver, keys.TAB)
    assert js(driver, "document.activeElement.textContent") == "Skip to the findings"
    press(driver, keys.ENTER)
    settled(driver)
    assert js(driver, "document.activeElement.id") == "main"
    driver.execute_script(
        "window.reached = []; addEventListener('focusin', ({target}) => reached.push("
        "[target.id, target.closest('section')?.id, target.localName].filter(Boolean).join(' ')))"
    )
    press(driver, keys.TAB * 150)
    reached = set(js(driver, "window.reached"))
    assert {
        "standings a",
        "parameters a",
        "only-not-green parameters input",
        "q outcomes input",
        "viewport outcomes div",
    } <= reached
    js(driver, "document.querySelector('.finding:not([open]) summary').focus()")
    press(driver, keys.ENTER)
    assert js(driver, "document.activeElement.parentElement.open")
    js(driver, "document.querySelector('#rows a').focus()")
    press(driver, keys.ENTER)
    settled(driver)
    assert js(driver, "document.activeElement.id") == "case"


@pytest.mark.parametrize("word", ["light", "dark"])
def test_no_rule_of_accessibility_is_broken(
    driver: Driver, show: Callable[..., str], make: Make, axe: str, word: str
) -> None:
    scheme(driver, word)
    show(a_bit_of_everything(make), hash="#case=k/known/by-design")
    brightness = js(driver, "getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, re.findall(r"\d+", brightness))) < 64) == (word == "dark")
    driver.execute_script("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    assert violations(driver, axe) == []


def test_a_phone_needs_no_scrolling_sideways(driver: Driver, show: Callable[..., str], make: Make) -> None:
    show(a_bit_of_everything(make), size=PHONE, hash="#case=k/known/by-design")
    driver.execute_script("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    assert sideways(driver) == []
    # Of each outcome the list says in two lines what a screen says in columns.
    assert "keras-tensorflow · float64" in shown(driver, "#rows th small")[0]


def test_on_paper_findings_are_short_and_nothing_is_cut(
    driver: Driver, show: Callable[..., str], make: Make
) -> None:
    outcomes = a_bit_of_everything(make)
    many = [
        make["outcome"](case=f"k/known/{number}", outcome="divergence", message=f"framework: Defect {word}.")
        | {"yaml": "kind: cases\n" * 60, "detail": "expected\n" * 60}
        for number, word in enumerate(["one", "two", "three", "four", "five", "six", "seven", "eight"])
    ]
    show([*outcomes, *many])
    command(driver, "Emulation.setEmulatedMedia", media="print")
    command(driver, "Emulation.setDeviceMetricsOverride", **metrics(700, 1000))
    assert sideways(driver) == []
    clipped = js(
        driver,
        "[...document.querySelectorAll('main *')].filter((each) => each.checkVisibility() &&"
        " each.localName !== 'svg' && !each.matches('.hidden') && each.scrollWidth > each.clientWidth + 1 &&"
        " getComputedStyle(each).overflowX !== 'visible').map((each) => each.outerHTML.slice(0, 100))",
    )
    assert clipped == []
    assert len(shown(driver, ".finding dl")) == 15
    assert len(shown(driver, ".finding pre")) == len(shown(driver, ".finding[open] pre")) > 0
    assert shown(driver, "#browser, nav, .copy") == []
    paper = {"paperWidth": 8.27, "paperHeight": 11.69, "preferCSSPageSize": True}
    pdf = base64.b64decode(command(driver, "Page.printToPDF", **paper)["data"])
    assert len(re.findall(rb"/Type /Page\b", pdf)) <= 5


def test_without_scripts_everything_but_the_list_is_there(
    driver: Driver, show: Callable[..., str], make: Make
) -> None:
    command(driver, "Emulation.setScriptExecutionDisabled", value=True)
    show(a_bit_of_everything(make), hash="#defects-keras-tensorflow")
    text = driver.find_element("tag name", "noscript").text
    assert "needs JavaScript" in text
    assert not driver.find_element("id", "browser").is_displayed()
    sentences = [each.text for each in driver.find_elements("css selector", ".finding .sentence")]
    assert [words for words in sentences if words] == ["it is so.", "it is so."]
    summary = driver.find_element("css selector", ".finding.framework-kind summary")
    summary.click()
    assert "k/known/framework" in driver.find_element("css selector", ".finding[open].framework-kind").text


def test_statements_are_chosen_by_verdict_without_scripts_and_their_code_is_folded(
    driver: Driver, show: Callable[..., str], make: Make
) -> None:
    command(driver, "Emulation.setScriptExecutionDisabled", value=True)
    show(a_bit_of_everything(make))
    driver.find_element("css selector", "label:has(#verdict-true)").click()
    claims = [each for each in driver.find_elements("class name", "claim") if each.is_displayed()]
    assert [each.find_element("class name", "statement").text for each in claims] == ["It is true."]
    code = claims[0].find_element("css selector", ".run pre")
    assert not code.is_displayed()
    claims[0].find_element("tag name", "summary").click()
    assert code.is_displayed()


def statements(make: Make) -> list[dict[str, Any]]:
    """More statements than are shown without being asked for."""
    words = ["true", "false"] * 8
    return [
        make["outcome"](
            case=f"k/claims/{k}", claim=make["claim"](claim=f"c/{k}", statement=f"Number {k}.", verdict=word)
        )
        for k, word in enumerate(words)
    ]


def test_many_statements_are_folded_until_some_are_chosen_or_linked_to_or_printed(
    driver: Driver, show: Callable[..., str], make: Make
) -> None:
    command(driver, "Emulation.setScriptExecutionDisabled", value=True)
    show(statements(make))
    displayed = (
        "return [...document.querySelectorAll('.claim')].filter((each) => each.checkVisibility())"
        ".map((each) => each.id)"
    )
    assert driver.execute_script(displayed) == []
    driver.find_element("css selector", "label:has(#verdict-true)").click()
    chosen = driver.execute_script(displayed)
    assert len(chosen) == 8
    show(statements(make), hash=f"#{chosen[0]}")
    assert len(driver.execute_script(displayed)) == 16
    show(statements(make))
    command(driver, "Emulation.setEmulatedMedia", media="print")
    assert len(driver.execute_script(displayed)) == 16


def test_eleven_implementations_are_on_the_first_screen_and_long_tables_are_folded(
    driver: Driver, show: Callable[..., str], make: Make
) -> None:
    outcomes = [
        make["outcome"](
            case=f"k/f/{k}",
            implementation=f"a-layer-on-a-backend-of-another-framework@{number}.1",
            outcome=word,
            message="framework: So.",
        )
        for number in range(11)
        for k, word in enumerate(("pass", "fail", "divergence", "unsupported"))
    ]
    show(outcomes)
    last = "document.querySelector('.standings tbody tr:last-child').getBoundingClientRect().bottom"
    assert js(driver, last) < SCREEN[1]
    assert shown(driver, "#precision summary") == ["Each of 11 implementations in each dtype"]
    assert shown(driver, ".heat") == []
    command(driver, "Emulation.setEmulatedMedia", media="print")
    assert len(shown(driver, ".heat")) == 1


def test_the_statements_that_are_chosen_are_part_of_the_address(
    driver: Driver, show: Callable[..., str], make: Make
) -> None:
    outcomes = a_bit_of_everything(make)
    show(outcomes)
    click(driver, "#verdict-false")
    assert js(driver, "location.hash") == "#claim-verdict=verdict-false"
    show(outcomes, hash="#claim-verdict=verdict-false")
    assert shown(driver, ".claim .statement") == ["It is false."]
    click(driver, "#verdict-all")
    assert js(driver, "location.hash") == ""
    assert len(shown(driver, ".claim .statement")) == 3


@pytest.mark.parametrize("kind", list(HOSTILE))
def test_names_of_any_kind_are_text(driver: Driver, show: Callable[..., str], make: Make, kind: str) -> None:
    words = HOSTILE[kind]
    known = make["outcome"](case=f"k/g/{words}", outcome="divergence", message=f"framework: {words}")
    failure = make["failure"](
        case=f"k/f/{words}",
        implementation=words,
        dtype=words,
        file=words,
        about=words,
        source=words,
        message=words,
        detail=words,
        yaml=words,
        reproduce=words,
        parameters={f"params.{words}": words},
    )
    show([failure, known, make["outcome"](dtype="float32")])
    click(driver, "#rows th a")
    driver.execute_script("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    assert js(driver, "window.harmed") is None
    assert driver.get_log("browser") == []
    for size in (SCREEN, PHONE):
        command(driver, "Emulation.setDeviceMetricsOverride", **metrics(*size))
        assert sideways(driver) == []
    text = js(driver, "document.body.innerText + document.title")
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", text)
    assert {"markup": "<script>", "turned": "\\u202e", "long": "xxx"}[kind] in text


@pytest.mark.parametrize("kind", list(HOSTILE))
def test_the_page_of_what_changed_shows_names_of_any_kind_on_a_phone(
    driver: Driver, tmp_path: Path, write: Write, make: Make, kind: str
) -> None:
    words = HOSTILE[kind]
    before = make["outcome"](case=f"k/f/{words}", implementation="torch")
    now = make["failure"](case=f"k/f/{words}", implementation="torch", message=words)
    old, new = (read(write(make["complete"]([outcome]))) for outcome in (before, now))
    page = tmp_path / "diff.html"
    page.write_text(as_html(changes(old, new)), encoding="utf-8")
    command(driver, "Emulation.setDeviceMetricsOverride", **metrics(*PHONE))
    driver.get(page.as_uri())
    assert words[:4] in js(driver, "document.querySelector('details[open]').textContent")
    assert js(driver, "window.harmed") is None
    assert sideways(driver) == []
