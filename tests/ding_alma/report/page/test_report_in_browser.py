"""The page as a person meets it: in a real browser, at the width of a desk and of a telephone."""

import io

import numpy as np
import pytest
from browser import chromium, opened
from PIL import Image
from report_runs import write_run

from ding_alma.report.comparison import compare
from ding_alma.report.page.content import page_content
from ding_alma.report.page.document import write_document
from ding_alma.report.page.films import film_content
from ding_alma.report.play import FilmedEpisode
from ding_alma.report.run_groups import read_groups

EVIL = "</script><script>alert(1)</script><b>"
WIDTHS = (1280, 400)
STEPS = 12
FRAMES = [np.full((40, 60, 3), (20 * step, 100, 200 - step), np.uint8) for step in range(STEPS)]
"""Each of a colour of its own."""
ALLOCATION = np.array([[0] * 6 + [1] * 6, [-1] * 12, [2] * 12, [0] * 12]).T
PRESENT = np.array([[True] * 12, [True] * 12, [True] * 9 + [False] * 3, [False] * 12]).T
EPISODE = FilmedEpisode(FRAMES, ALLOCATION, PRESENT, {"solved": 1.0})
UNALLOCATED = FilmedEpisode(FRAMES[:3], None, None, {})


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """Three methods: two seeds of ALMA, one of COMA, and one whose name is an attack."""
    folder = tmp_path_factory.mktemp("report")
    for seed in (0, 1):
        points = {step: step / 1000 + 0.1 * seed for step in range(0, 501, 50)}
        write_run(folder / "alma" / f"seed{seed}", points, seed=seed, training={"q_loss": 0.5, "alloc_entropy": 1.0})
    write_run(folder / "rival", {0: 0.0, 500: 1.0}, policy="coma", training={"q_loss": 2.0})
    write_run(folder / "stranger", {0: 0.2, 500: 0.4}, policy="constructor")
    groups = read_groups([f"{folder}/alma", f"{folder}/rival", f"{EVIL}={folder}/stranger"])
    results = {metric: compare(groups, metric) for metric in ("solved_mean", "return_mean")}
    films = [film("alma", [film_content(EPISODE, "alma")]), film(EVIL, [film_content(UNALLOCATED, EVIL)])]
    films.append(film("rival", [], "it has no checkpoint"))
    write_document(page_content(groups, results, {}, EVIL, films), folder / "report.html")
    return folder / "report.html"


@pytest.fixture(params=WIDTHS)
def page(request, browser, page_file):
    with opened(browser, page_file, request.param) as found:
        yield found


def film(method, episodes, reason=""):
    return {"method": method, "run": "seed0", "reason": reason, "episodes": episodes}


def chart(page, heading="Curves"):
    return page.locator("section", has=page.get_by_role("heading", name=heading, exact=True))


def drawn(page, heading="Curves"):
    """Method -> the path of its mean."""
    return (
        chart(page, heading)
        .locator(".mean")
        .evaluate_all("paths => Object.fromEntries(paths.map(path => [path.dataset.method, path.getAttribute('d')]))")
    )


def at(page, share, heading="Curves"):
    """A point of a chart, at this share of its width, in the window's pixels."""
    svg = chart(page, heading).locator(".chart > svg")
    svg.scroll_into_view_if_needed()
    box = svg.bounding_box()
    left, right = 56, 14
    return box["x"] + left + share * (box["width"] - left - right), box["y"] + box["height"] / 2


def test_everything_is_there_and_fits(page):
    assert page.title() == EVIL
    assert page.locator("b").count() == 0 and page.locator("script").count() == 2
    assert drawn(page).keys() == {"alma", "rival", EVIL}
    assert all(path.count("L") > 100 for path in drawn(page).values())
    assert page.locator("th", has_text=EVIL).count() > 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    spilled = "[...document.querySelectorAll('section, fieldset')].filter(node => node.scrollWidth > node.clientWidth)"
    assert page.evaluate(f"{spilled}.length") == 0


def test_methods_metrics_and_axes_are_switched(page):
    before = drawn(page)
    page.get_by_label("rival").uncheck()
    assert drawn(page).keys() == {"alma", EVIL} and drawn(page)["alma"] == before["alma"]
    assert "rival" not in drawn(page, "Losses and statistics of the training")
    page.get_by_label("rival").check()
    assert drawn(page) == before
    metric, axis = chart(page).get_by_role("combobox").all()
    metric.select_option(label="return of an episode")
    assert drawn(page).keys() == before.keys() and drawn(page)["alma"] != before["alma"]
    assert "environment steps" in chart(page).locator(".chart").inner_text()
    axis.select_option(label="wall time")
    assert "wall time of a run" in chart(page).locator(".chart").inner_text()
    assert chart(page).locator(".run").count() == 0
    chart(page).get_by_label("every run").check()
    assert chart(page).locator(".run").count() == 4


def test_losses_are_shown_of_those_that_have_them(page):
    losses = chart(page, "Losses and statistics of the training")
    assert drawn(page, "Losses and statistics of the training").keys() == {"alma", "rival"}
    losses.get_by_role("combobox").first.select_option(label="alloc entropy")
    assert drawn(page, "Losses and statistics of the training").keys() == {"alma"}
    assert f"Not recorded by all runs of: rival, {EVIL}." in losses.inner_text()


def test_hovering_tells_values_with_intervals(page):
    page.mouse.move(*at(page, 0.5))
    text = chart(page).locator(".tip").inner_text()
    assert text.splitlines()[0] == "250 steps"
    # The runs are at 0.25 and 0.35 there.
    assert "alma: 0.3 [0.25, 0.35]" in text and "rival: 0.5" in text and f"{EVIL}: 0.3" in text
    box, window = chart(page).locator(".tip").bounding_box(), page.viewport_size["width"]
    assert box["x"] >= 0 and box["x"] + box["width"] <= window
    page.mouse.move(5, 5)
    assert chart(page).locator(".tip").is_hidden()


def test_dragging_zooms_and_a_double_click_resets(page):
    before = drawn(page)
    page.mouse.move(*at(page, 0.2))
    page.mouse.down()
    page.mouse.move(*at(page, 0.6), steps=3)
    page.mouse.up()
    assert drawn(page)["alma"] != before["alma"]
    page.mouse.move(*at(page, 0.5))
    steps, unit = chart(page).locator(".tip").inner_text().splitlines()[0].split()
    assert (float(steps), unit) == (pytest.approx(200, abs=2), "steps")
    chart(page).locator(".chart > svg").dblclick()
    assert drawn(page) == before
    assert chart(page).get_by_role("button", name="Reset zoom").is_hidden()


@pytest.fixture(scope="module")
def short_page_file(tmp_path_factory):
    """Runs whose training was logged once, some steps apart; both of the method ``pair`` at a step of its own."""
    folder = tmp_path_factory.mktemp("short")
    for method, seed, step in (("a", 0, 2141), ("b", 0, 2143), ("c", 0, 2145), ("pair", 0, 2142), ("pair", 1, 2144)):
        points, value = {0: 0.0, step: 0.5}, step / 10_000
        path = folder / method / f"seed{seed}"
        write_run(path, points, seed=seed, training={"q_loss": value}, trained_from=step)
    groups = read_groups([str(folder)])
    results = {"solved_mean": compare(groups, "solved_mean")}
    write_document(page_content(groups, results, {}, ""), folder / "report.html")
    return folder / "report.html"


@pytest.mark.parametrize("width", WIDTHS)
def test_single_evaluations_are_seen_and_told(browser, short_page_file, width):
    heading = "Losses and statistics of the training"
    with opened(browser, short_page_file, width) as page:
        losses = chart(page, heading)
        places = losses.locator(".dot").evaluate_all("dots => dots.map(dot => Number(dot.getAttribute('cx')))")
        steps = np.array([2141, 2143, 2145, 2142, 2144])
        np.testing.assert_allclose((places - np.min(places)) / np.ptp(places), (steps - 2141) / 4, atol=0.01)
        for share, told in enumerate(("a: 0.2141", "pair, seed0: 0.2142", "b: 0.2143", "pair, seed1: 0.2144")):
            page.mouse.move(*at(page, share / 4, heading))
            assert losses.locator(".tip div").all_inner_texts()[1:] == [told]
        # Between two evaluations there is nothing to tell.
        page.mouse.move(*at(page, 3 / 8, heading))
        assert losses.locator(".tip div").count() == 1


@pytest.mark.parametrize("width", WIDTHS)
def test_ticks_differ_and_are_whole(browser, short_page_file, width):
    with opened(browser, short_page_file, width) as page:
        losses = chart(page, "Losses and statistics of the training")
        box = losses.locator(".chart > svg").bounding_box()
        for axis in ("across", "upwards"):
            texts = losses.locator(f"text.{axis}").all_text_contents()
            assert len(set(texts)) == len(texts) > 2, texts
            if axis == "across":
                assert texts[-1] == "2.145k"
        for text in losses.locator("text").all():
            inside = text.bounding_box()
            assert box["x"] <= inside["x"] and inside["x"] + inside["width"] <= box["x"] + box["width"]


def shown_colour(page):
    """What stands in the middle of the first film's canvas, once it is decoded."""
    page.wait_for_timeout(150)
    return page.locator("canvas").first.evaluate(
        """canvas => {
            const copy = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
            copy.drawImage(canvas, 0, 0);
            return [...copy.getImageData(30, 20, 1, 1).data].slice(0, 3);
        }"""
    )


def colour_of(step):
    return FRAMES[step][0, 0].tolist()


def cursor_share(page):
    """Where the lanes' cursor is, as a share of the steps."""
    lanes = page.locator(".lanes").first
    width = lanes.bounding_box()["width"]
    return (float(lanes.locator(".now").get_attribute("x1")) - 62) / (width - 62)


def test_the_film_can_be_looked_through(page):
    section = chart(page, "Episodes")
    section.scroll_into_view_if_needed()
    assert shown_colour(page) == colour_of(0)
    section.get_by_label("step", exact=True).first.fill("7")
    assert shown_colour(page) == colour_of(7)
    assert "step 7 of 11" in section.inner_text()
    assert cursor_share(page) == pytest.approx(7.5 / STEPS, abs=0.01)
    box = page.locator(".lanes").first.bounding_box()
    page.locator(".lanes").first.click(position={"x": 62 + (box["width"] - 62) * 3.5 / STEPS, "y": 8})
    assert shown_colour(page) == colour_of(3)


def test_the_film_plays_to_its_end(page):
    section = chart(page, "Episodes")
    section.get_by_role("combobox").first.select_option(label="30 steps/s")
    section.get_by_role("button", name="Play").first.click()
    section.get_by_text("step 11 of 11").wait_for()
    section.get_by_role("button", name="Pause").wait_for(state="detached")
    assert shown_colour(page) == colour_of(11)
    assert cursor_share(page) == pytest.approx(11.5 / STEPS, abs=0.01)
    section.get_by_role("button", name="Play").first.click()
    section.get_by_text("step 11 of 11").wait_for(state="detached")


def test_lanes_tell_who_works_where(page):
    lanes = page.locator(".lanes")
    assert lanes.count() == 1
    told = lanes.locator("rect title").evaluate_all("titles => titles.map(title => title.textContent)")
    assert told == [
        "agent 0: subtask 0, steps 0 to 5",
        "agent 0: subtask 1, steps 6 to 11",
        "agent 1: no subtask, steps 0 to 11",
        "agent 2: subtask 2, steps 0 to 8",
    ]
    colours = lanes.locator("rect").evaluate_all("rects => rects.map(rect => getComputedStyle(rect).fill)")
    assert len(set(colours)) == 4 and colours[0] == "rgb(214, 69, 65)"
    text = chart(page, "Episodes").inner_text()
    assert f"Policy {EVIL} allocates nobody here: there are no lanes." in text
    assert "No episode: it has no checkpoint." in text


def edges(node):
    """How dark the left and the right edge of an element are, beside what it is in its middle."""
    pixels = np.asarray(Image.open(io.BytesIO(node.screenshot())).convert("L"), float)
    # Between the table's rows and the bottom, where there is no text.
    row = pixels[-6]
    return [bool(row[place] < row[len(row) // 2] - 15) for place in (2, -3)]


def test_a_table_that_scrolls_shows_it(browser, page_file):
    with opened(browser, page_file, 400) as page:
        wide = chart(page, "Results").locator(".wide").first
        assert wide.evaluate("node => node.scrollWidth > node.clientWidth")
        assert edges(wide) == [False, True]
        wide.evaluate("node => node.scrollBy(60, 0)")
        assert edges(wide) == [True, True]
        wide.evaluate("node => node.scrollBy(2000, 0)")
        assert edges(wide) == [True, False]
    with opened(browser, page_file, 1280) as page:
        assert edges(chart(page, "Results").locator(".wide").first) == [False, False]


def test_a_narrow_table_begins_with_whole_names_and_the_mean(browser, short_page_file):
    with opened(browser, short_page_file, 400) as page:
        node = chart(page, "Results").locator(".wide").first
        assert node.locator("thead th").all_inner_texts()[:2] == ["method", "mean"]
        node.locator("tbody th").first.evaluate("node => { node.textContent = 'alma_heuristic (its agents alone)'; }")
        lines = node.locator("tbody th").first.evaluate(
            """node => [...node.firstChild.data.matchAll(/[^ ]+/g)].map(({ index, 0: word }) => {
                const range = document.createRange();
                range.setStart(node.firstChild, index);
                range.setEnd(node.firstChild, index + word.length);
                return range.getClientRects().length;
            })"""
        )
        assert lines == [1, 1, 1, 1], "a word is broken"
        box, mean = node.bounding_box(), node.locator("tbody td").first.bounding_box()
        assert mean["x"] + mean["width"] < box["x"] + box["width"]


def test_dark_and_light(browser, page_file):
    def brightness(scheme):
        with opened(browser, page_file, scheme=scheme) as page:
            colours = page.evaluate(
                "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
            )
            return [sum(map(int, colour[4:-1].split(","))) for colour in colours]

    background, ink = brightness("light")
    assert background > 600 > 200 > ink
    background, ink = brightness("dark")
    assert background < 200 < 600 < ink


def test_what_a_name_might_bring_in_would_be_stopped(browser, page_file):
    """The policy forbids it, and `opened` would have seen it."""
    attack = "document.body.insertAdjacentHTML('beforeend', '<img src=http://127.0.0.1:9/x onerror=alert(1)>')"
    with pytest.raises(AssertionError, match="Content Security Policy"), opened(browser, page_file) as page:
        page.evaluate(attack)
        page.wait_for_timeout(200)
