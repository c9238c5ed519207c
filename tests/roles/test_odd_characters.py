"""Whatever characters somebody writes, each program reads the same ones: in its files, and in its flags."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.robotfleet.stack.plugins.filter.flow_yaml import flow_yaml
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import gate
from declarations import PROJECT, catalogue, robot
from hypothesis import given
from hypothesis import strategies as st
from rendering import rendered_template, value

ODD = ["\U0001f916 Ü", "\U0010ffff", "\U0001d516\U0001d51e", 'a "🤖" \\ud83e \\', "\u2028\x85\ufeff", "e\u0301 日本"]
TEMPLATES = sorted(path for path in PROJECT.glob("roles/*/templates/*.j2") if path.name != "relabel.yml.j2")
HALF = re.compile(r"(?<!\\)(\\\\)*\\u[dD][89a-fA-F]")


def written(text: str) -> dict[str, Any]:
    """Return an inventory that has ``text`` wherever a template takes one of somebody's."""
    entry = {"job_name": text, "static_configs": [{"targets": ["127.0.0.1:9100"], "labels": {"mood": text}}]}
    rule = {"alert": "Odd", "expr": "up == 0", "annotations": {"summary": text}}
    return {
        "victoriametrics_external_labels": {"mood": text},
        "victoriametrics_scrape_configs_extra": [entry],
        "vmagent_scrape_configs_extra": [entry],
        "telemetry_hub_robots": [text],
        "telemetry_hub_robot_passwords": {text: text},
        "telemetry_hub_reader_password": text,
        "telemetry_hub_database_password": text,
        "telemetry_hub_rule_groups_extra": [{"name": text, "rules": [rule]}],
        "telemetry_hub_secrets_optional": True,
        "inventory_hostname": text,
    }


def texts(found: Any) -> list[str]:
    if isinstance(found, dict):
        return [text for pair in found.items() for part in pair for text in texts(part)]
    if isinstance(found, list):
        return [text for one in found for text in texts(one)]
    return [found] if isinstance(found, str) else []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: "/".join(path.parts[-3::2]))
@pytest.mark.parametrize("text", ODD)
def test_every_file_has_the_characters_that_were_written(path: Path, text: str) -> None:
    made = rendered_template(path, **{key: one for key, one in written(text).items() if "hostname" not in key})
    assert not HALF.search(made), "half a character is no YAML to a program in Go"
    of_hub_alone = "telemetry_hub" in path.parts and path.name == "scrape.yml.j2"
    assert (text in texts(yaml.safe_load(made))) is not of_hub_alone


@pytest.mark.parametrize("name", ["🤖", "Übung"])
def test_a_host_may_have_such_a_name(name: str) -> None:
    hub = PROJECT / "roles/telemetry_hub/templates"
    told = {**written(name), "telemetry_hub_pair": [name, "south"]}
    made = {path: rendered_template(hub / path, **told) for path in ("scrape.yml.j2", "fleet_rules.yml.j2")}
    assert not [path for path, text in made.items() if HALF.search(text)]
    assert yaml.safe_load(made["scrape.yml.j2"])["global"]["external_labels"] == {"hub": name}
    assert name in texts(yaml.safe_load(made["fleet_rules.yml.j2"])["groups"][1])


@pytest.mark.parametrize("text", ODD)
def test_a_label_of_the_agents_is_what_was_written(text: str) -> None:
    command = value("vmagent_spec.command", vmagent_external_labels={"mood": text}, vmagent_hub_password="x")
    (word,) = [word for word in command if word.startswith('-remoteWrite.label="mood=')]
    quoted = word.partition("=")[2]
    assert not HALF.search(quoted), "strconv.Unquote takes no half of a character"
    assert ast.literal_eval(quoted) == f"mood={text}"


@pytest.mark.parametrize("text", ["🤖 Ü", "\U0001d516\U0001d51e"])
def test_the_gate_takes_such_texts(text: str) -> None:
    assert gate.check(robot(victoriametrics_external_labels={"mood": text}), catalogue()) == []


def test_no_template_writes_json_where_a_program_reads_yaml() -> None:
    for path in [*PROJECT.glob("roles/*/templates/*.j2"), *PROJECT.glob("roles/*/vars/main.yml")]:
        assert not re.search(r"\bto_(nice_)?json\b", path.read_text(encoding="utf-8")), path


@given(st.text())
def test_it_is_json_but_for_characters_beyond_the_first_plane(text: str) -> None:
    made = flow_yaml(text)
    assert made.isascii()
    assert yaml.safe_load(made) == text
    if all(ord(letter) < 0x10000 and letter != "\x7f" for letter in text):
        assert made == json.dumps(text)
