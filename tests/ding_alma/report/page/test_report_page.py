"""The page's file: what is in it, where its numbers come from, and that names stay text."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from click.testing import CliRunner
from report_runs import write_run

from ding_alma.cli.main import main
from ding_alma.report.comparison import compare, result_rows
from ding_alma.report.curves import bands
from ding_alma.report.page.config_differences import config_differences, unknown_configs
from ding_alma.report.page.content import page_content
from ding_alma.report.page.document import document
from ding_alma.report.run_groups import read_groups

EVIL = "</script><img src=x onerror=alert(1)>{{script}}&amp;\u2028'\""


class Elements(HTMLParser):
    """Tags in their order, and the text of each script."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self.titles = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        {"script": self.scripts, "title": self.titles}.get(self.tags[-1][0] if self.tags else "", []).append(data)


def content_in(text):
    return json.loads(Elements(text).scripts[0])


def call(*arguments):
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


@pytest.fixture
def runs(tmp_path):
    for seed, end in enumerate((0.4, 0.6)):
        write_run(
            tmp_path / "alma" / f"seed{seed}",
            {0: 0.0, 100: 0.2, 200: end},
            seed=seed,
            training={"q_loss": 0.5 - end, "alloc_entropy": 1.0},
            config={"exp_name": f"alma{seed}", "seed": seed, "env": {"size": 3}, "policy": {"type": "alma", "lr": 0.1}},
        )
    config = {"exp_name": "rival", "seed": 0, "env": {"size": 4}, "policy": {"type": "coma", "lr": 0.1, "gae": 1}}
    write_run(tmp_path / "rival", {0: 0.0, 100: 1.0}, policy="coma", training={"q_loss": 2.0}, config=config)
    return tmp_path


def test_numbers_are_those_of_the_comparison(runs):
    result = call(runs, "-o", runs / "out", "--line", "rule=0.5")
    assert result.exit_code == 0 and "report.html" in result.output, result.output
    content = content_in((runs / "out" / "report.html").read_text())
    groups = read_groups([str(runs)])
    assert content["methods"] == [{"name": "alma", "runs": 2}, {"name": "rival", "runs": 1}]
    for metric, shown in zip(("solved_mean", "return_mean"), content["tables"], strict=True):
        assert shown["tables"][0]["rows"] == result_rows(compare(groups, metric).common)
    solved = content["curves"][0]
    assert (solved["title"], solved["is_share"], solved["levels"]) == ("episodes solved", True, [["rule", 0.5]])
    for axis, by_time in (("steps", False), ("seconds", True)):
        for band, curve in zip(bands(groups, "solved_mean", by_time).values(), solved[axis], strict=True):
            for name, values in band._asdict().items():
                np.testing.assert_allclose(curve[name], values, rtol=1e-4)
    assert solved["steps"][0]["runs"][1] == {"name": "seed1", "points": [[0, 100, 200], [0, 0.2, 0.6]]}


def test_what_only_some_methods_record_is_shown_of_them(runs):
    groups = read_groups([str(runs)])
    content = page_content(groups, {"solved_mean": compare(groups, "solved_mean")}, {}, "")
    by_title = {curve["title"]: curve for curve in content["curves"]}
    assert by_title["q loss"]["kind"] == "losses" and not by_title["q loss"]["is_result"]
    assert all(by_title["q loss"]["steps"])
    assert by_title["alloc entropy"]["steps"][1] is None and by_title["alloc entropy"]["seconds"][0] is not None
    # No run has a value of it.
    assert "types" not in by_title


def test_configs_are_compared_between_methods(runs):
    groups = read_groups([str(runs)])
    assert [(each.key, each.values, each.is_shared) for each in config_differences(groups)] == [
        ("env.size", {"alma": ["3"], "rival": ["4"]}, True),
        ("policy.type", {"alma": ["alma"], "rival": ["coma"]}, True),
        ("policy.gae", {"alma": [], "rival": ["1"]}, False),
    ]
    (runs / "rival" / "run_config.json").unlink()
    groups = read_groups([str(runs)])
    assert config_differences(groups) == [] and unknown_configs(groups) == ["rival"]


def test_what_is_internal_is_not_shown(tmp_path):
    more = {"eval_episode_return_mean": 5.0, "evaluate_time": 0.1}
    for method, resumed in (("alma", False), ("refil", True)):
        policy = {"type": f"{method}_command", "learn": {"resume_training": resumed}}
        write_run(tmp_path / method, {0: 0.0, 100: 0.2}, policy=method, training=more, config={"policy": policy})
    groups, results = judged(tmp_path)
    assert [(each.key, each.values) for each in config_differences(groups)] == [
        ("policy.type", {"alma": ["alma"], "refil": ["refil"]})
    ]
    assert [each["title"] for each in page_content(groups, results, {}, "")["curves"]] == [
        "episodes solved",
        "return of an episode",
    ]
    # Who asks for it sees it, and so does who has no other return.
    wanted = {"eval_episode_return_mean": compare(groups, "eval_episode_return_mean")}
    assert page_content(groups, wanted, {}, "")["curves"][0]["title"] == "eval episode return"
    del groups["refil"][0].metrics["return_mean"]
    titles = [each["title"] for each in page_content(groups, results, {}, "")["curves"]]
    assert "eval episode return" in titles and "evaluate time" not in titles


def test_one_method_has_no_differences_and_no_rivals(runs):
    content = page_content(*judged(runs / "alma"), {}, "")
    assert content["shared_differences"] == content["other_differences"] == []
    assert [table["rows"][0][0] for table in content["tables"][0]["tables"]] == ["method"]


def judged(path):
    groups = read_groups([str(path)])
    return groups, {"solved_mean": compare(groups, "solved_mean")}


def test_names_of_strangers_are_only_text(runs):
    content = page_content(*judged(runs), {EVIL: 0.5}, EVIL)
    content["methods"][0]["name"] = EVIL
    text = document(content)
    plain = document({**content, "title": "T", "methods": [], "curves": []})
    assert [tag for tag, _ in Elements(text).tags] == [tag for tag, _ in Elements(plain).tags]
    assert content_in(text) == json.loads(json.dumps(content))
    assert Elements(text).titles[0] == EVIL


def test_the_page_names_no_address_and_no_folder(runs):
    call(runs, "-o", runs / "out")
    text = (runs / "out" / "report.html").read_text()
    assert str(runs) not in text
    assert set(re.findall(r"\w+://[^\"'\s]*", text)) <= {"http://www.w3.org/2000/svg"}
    assert not [attributes for _, attributes in Elements(text).tags if {"src", "href"} & attributes.keys()]
    policy = next(attributes["content"] for _, attributes in Elements(text).tags if "http-equiv" in attributes)
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy


def test_many_evaluations_are_thinned(tmp_path, monkeypatch):
    monkeypatch.setattr("ding_alma.report.page.content.POINTS", 21)
    write_run(tmp_path / "long", {step: step / 1000 for step in range(0, 1001, 20)})
    content = page_content(*judged(tmp_path), {}, "")
    axis, values = content["curves"][0]["steps"][0]["runs"][0]["points"]
    assert len(axis) == len(values) == 21 and (axis[-1], values[-1]) == (1000, 1)


def test_wrong_runs_are_explained_in_one_line(runs):
    result = call(runs / "nowhere", "-o", runs / "out")
    assert result.exit_code == 1 and result.output.strip().endswith("nowhere does not exist")
