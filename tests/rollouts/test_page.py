"""The page opens without a network, no text breaks it, and it stays small."""

import base64
import gzip
import json
import re
from collections import Counter
from html.parser import HTMLParser
from random import Random

import pytest

from data_augment.rollouts import page
from data_augment.rollouts.choice import rollouts_of
from data_augment.rollouts.page import as_page
from tests.rollouts.runs import group, turn, write_run

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!--<script>",
    "]]> --> ' \" ` ${alert(1)} \\",
    "</pre></details></body></html>",
    "DATA",
    "\u2028 \x00 \ud83d 数学",
]


class Browser(HTMLParser):
    """What a browser finds in a page: its tags, what they load, the data in it."""

    def __init__(self, text):
        super().__init__()
        self.tags = Counter()
        self.loaded = []
        self.data = ""
        self.in_data = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags[tag] += 1
        attributes = dict(attributes)
        self.loaded += [value for key, value in attributes.items() if key in ("src", "href")]
        self.in_data = attributes.get("id") == "data"

    def handle_endtag(self, tag):
        self.in_data = False

    def handle_data(self, data):
        if self.in_data:
            self.data += data


def unpacked(entry):
    return json.loads(gzip.decompress(base64.b64decode(entry["texts"])))


def made(folder, *groups, name="run"):
    """The page of a run; (as text, as a browser has it, its data)."""
    run = write_run(folder, *groups)
    steps = sorted({rollouts[0]["step"] for rollouts in groups})
    text = as_page(name, rollouts_of(run, steps))
    browser = Browser(text)
    return text, browser, json.loads(browser.data)


def test_the_page_loads_nothing(tmp_path):
    text, browser, _ = made(tmp_path, group(1, 4, [0, 1]))
    assert browser.loaded == []
    assert not re.findall(r"https?://|url\(|@import|import\(|fetch\(", text)
    assert "default-src 'none'" in text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_text_breaks_out_of_its_place(tmp_path, hostile):
    plain = made(tmp_path / "plain", group(1, 4, [0]))[1]
    turns = [turn(hostile, given=hostile)]
    rollouts = group(1, 4, [0], question=hostile, answer=hostile, box=hostile, turns=turns)
    _, browser, data = made(tmp_path / "hostile", rollouts, name=hostile)
    assert browser.tags == plain.tags
    assert data["run"] == hostile
    assert data["questions"] == {"4": hostile}
    [entry] = data["groups"]
    content = unpacked(entry)
    assert content["question"] == hostile
    assert content["rollouts"][0]["box"] == hostile
    assert content["rollouts"][0]["turns"] == turns


def test_no_script_makes_html_of_a_text():
    template = (page.Path(page.__file__).parent / "page.html").read_text()
    assert not re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", template
    )


def test_a_task_has_its_rewards_and_its_prediction_in_the_list(tmp_path):
    write_run(tmp_path, predicted={1: {4: 0.25}})
    long = group(1, 4, [0, 1], turns=[turn("a" * 50, cut_off=True)])
    entry = made(tmp_path, long)[2]["groups"][0]
    assert (entry["step"], entry["task"], entry["rewards"]) == (1, 4, [0, 1])
    assert (entry["predicted"], entry["longest"], entry["cut"], entry["shown"]) == (0.25, 50, 2, 2)


def test_a_page_of_long_texts_stays_small_and_leaves_out_evenly(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "LARGEST", 100_000)
    rng = Random(0)
    groups = []
    for step in range(1, 21):
        for task in range(4):
            wrote = rng.randbytes(900).hex()  # 900 bytes that gzip cannot make smaller
            groups.append(group(step, task, [0, 1], wrote=wrote))
    text, _, data = made(tmp_path, *groups)
    assert len(text.encode()) <= 100_000
    assert len(data["groups"]) == 80
    kept = Counter(entry["step"] for entry in data["groups"] if "texts" in entry)
    assert set(kept) == set(range(1, 21))
    assert max(kept.values()) - min(kept.values()) <= 1
    assert sum(kept.values()) < 80
    assert len(text.encode()) > 95_000, "the room is used"


def test_a_page_of_short_texts_leaves_nothing_out(tmp_path):
    data = made(tmp_path, *(group(step, 4, [0] * 8) for step in range(1, 101)))[2]
    assert all("texts" in entry for entry in data["groups"])
