"""Files that the page saves, and the same from Python."""

import base64
import gzip
import json

import pytest

from patchwidgets.experiment.patching import run_patch
from patchwidgets.facade import Experiment
from patchwidgets.methods.paths.traced import trace_path
from tests.support.page import Page

VIEW = {"direction": "denoise", "metric": "kl", "pair": "mean"}


def ask(page: Page, sites: list[str], **fields: object) -> tuple[dict[str, object], str]:
    patches = [{"site": site} for site in sites]
    page.say("export", 5, **({"format": "mermaid", "patches": patches} | VIEW | fields))
    page.wait()
    message, [content] = page.events[-1]
    return message, content.decode()


def test_a_chart_is_that_of_the_result(page: Page, experiment: Experiment) -> None:
    message, chart = ask(page, ["L1.H2", "L0.mlp_out@2"])
    assert chart == experiment.measuring("kl").patch("L1.H2", "L0.mlp_out@2").to_mermaid()
    assert page.kinds(5) == ["ack", "export"]
    assert message["name"] == "L1.H2+L0.mlp_out@2-denoise.mmd"
    assert message["media_type"] == "text/vnd.mermaid"
    assert message["buffers"] == [
        {"name": "content", "dtype": "uint8", "shape": [len(chart.encode())]}
    ]


def test_a_chart_of_a_path_has_its_tokens(page: Page, experiment: Experiment) -> None:
    message, chart = ask(page, ["L0.H1->L1.H2.q"], direction="noise")
    path = trace_path(experiment.measuring("kl").turned("noise"), "L0.H1->L1.H2.q")
    assert chart == path.to_mermaid()
    assert message["name"] == "L0.H1-L1.H2.q-noise.mmd"


def test_nothing_patched_is_the_host(page: Page, experiment: Experiment) -> None:
    message, chart = ask(page, [])
    assert chart == run_patch(experiment.measuring("kl")).to_mermaid()
    assert message["name"] == "nothing-denoise.mmd"


def test_a_page_shows_what_is_asked_for(page: Page, experiment: Experiment) -> None:
    message, text = ask(page, ["L1.H2"], format="page", direction="noise")
    assert message["name"] == "L1.H2-noise.html"
    assert message["media_type"] == "text/html"
    assert text.startswith("<!doctype html>")
    assert "exp.patch(&#x27;L1.H2&#x27;)" in text
    assert "direction=&#x27;noise&#x27;" in text
    recording = text.split('id="recording">')[1].split("<")[0]
    content = gzip.decompress(base64.b64decode(recording))
    recorded = json.loads(content[4 : 4 + int.from_bytes(content[:4], "little")])
    shown = recorded["results"][-1]["message"]
    assert shown["patches"][0]["site"] == "L1.H2"
    expected = experiment.measuring("kl").turned("noise").patch("L1.H2")
    assert shown["readings"]["kl"]["effect"] == pytest.approx(expected.effect, abs=1e-5)


@pytest.mark.parametrize("unknown", ["pdf", None, 3, ["mermaid"]])
def test_an_unknown_format_is_refused(page: Page, unknown: object) -> None:
    page.say("export", 5, format=unknown, patches=[], **VIEW)
    page.wait()
    assert page.kinds(5) == ["error"]
    assert page.last("error")["code"] == "ProtocolError"
