"""Every refusal is a code with a sentence, and the sentence finds the fields that it names."""

import ast
import re
from pathlib import Path

from aggregator.dispatch.domain import ProblemRefused
from vpp.texts.collect import find_texts

ROOT = Path(__file__).parents[4]


def raised() -> list[tuple[str, set[str]]]:
    """(why, names of the other fields) of every ProblemRefused in the code."""
    found = []
    for app in ("aggregator", "market", "vpp"):
        for path in sorted((ROOT / app).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ProblemRefused":
                    given = {word.arg: word.value for word in node.keywords if word.arg}
                    why = given.pop("why")
                    if isinstance(why, ast.Constant):
                        found.append((str(why.value), set(given)))
    return found


def test_every_refusal_has_its_sentence_and_names_what_it_says() -> None:
    rows = raised()
    assert rows
    for why, fields in rows:
        assert why in ProblemRefused.whys
        assert set(re.findall(r"%\((\w+)\)s", ProblemRefused.whys[why])) <= fields


def test_the_sentence_is_put_together_in_the_readers_language() -> None:
    refused = ProblemRefused(why="no_forecast", asset="st-1")
    assert str(refused) == "dispatch.problem_refused: The schedule cannot be computed: asset st-1 has no forecast."
    words = {refused.text: "无法计算：%(why)s。", refused.whys["no_forecast"]: "%(asset)s 没有预测"}
    assert refused.sentence(lambda text: words[text]) == "无法计算：st-1 没有预测。"


def test_the_sentences_are_collected_for_translation() -> None:
    collected = {text for _, _, text, _ in find_texts()}
    assert set(ProblemRefused.whys.values()) <= collected
