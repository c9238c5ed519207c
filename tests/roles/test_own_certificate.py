"""A robot trusts who signed what its hub shows: this project's small authority, or another one from some day on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.template import trust_as_template
from declarations import PROJECT
from rendering import templar

HOSTS = ["hub-1", "hub-2"]
OWN = {"telemetry_hub_tls_certificate": "-----BEGIN CERTIFICATE-----\n"}


@pytest.mark.parametrize(
    ("hostvars", "trusted"),
    [
        ({}, "ours\n"),
        ({"hub-1": {}, "hub-2": {}}, "ours\n"),
        ({"hub-1": {"telemetry_hub_tls_certificate": ""}}, "ours\n"),
        ({"hub-1": OWN, "hub-2": OWN}, ""),
        ({"hub-1": {}, "hub-2": OWN}, ""),
        ({"stranger": OWN}, "ours\n"),
    ],
)
def test_what_hub_yml_left_counts_only_where_the_hub_shows_it(
    tmp_path: Path, hostvars: dict[str, Any], trusted: str
) -> None:
    """The folder keeps its authority when a hub gets a certificate of its owner's: robots could not send any more."""
    (tmp_path / "ca.pem").write_text("ours\n")
    defaults = yaml.safe_load((PROJECT / "roles/vmagent/defaults/main.yml").read_text())
    known = {
        "telemetry_hub_secrets_directory": str(tmp_path),
        "groups": {"telemetry_hub": HOSTS},
        "hostvars": hostvars,
    }
    found = templar(**known).template(trust_as_template(defaults["vmagent_hub_ca"]))
    assert found.strip() == trusted.strip()
