"""A controller without a hub's secrets makes no others, unless it is asked to; the authority is exchanged in steps."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.robotfleet.stack.plugins.action.secret_files import close, make
from ansible_collections.robotfleet.stack.plugins.filter.secret_file import secret_file
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import hub_secrets
from ansible_collections.robotfleet.stack.plugins.plugin_utils.hub_secrets import folder as folders
from ansible_collections.robotfleet.stack.plugins.plugin_utils.hub_secrets.compare import Wanted, objections, signed
from ansible_collections.robotfleet.stack.plugins.plugin_utils.hub_secrets.folder import Folder, FolderError
from declarations import BIN, PROJECT
from rendering import rendered_template

PLAY = """
- hosts: telemetry_hub
  gather_facts: false
  tasks:
    - import_role: {name: robotfleet.stack.telemetry_hub, tasks_from: spec}
    - import_role: {name: robotfleet.stack.robot_stack, tasks_from: spec}
    - import_role: {name: robotfleet.stack.telemetry_hub, tasks_from: secrets}
"""
ENTRY_POINT = PROJECT / "roles/telemetry_hub/templates/auth.yml.j2"


@dataclass
class Site:
    """A controller, and a hub whose root is a folder of this machine."""

    tmp: Path
    hosts: tuple[str, ...] = ("hub",)

    def __post_init__(self) -> None:
        (self.tmp / "play.yml").write_text(PLAY)
        local = f"ansible_connection=local ansible_python_interpreter={BIN / 'python'}"
        lines = (f"{host} {local} robot_stack_root={self.tmp / host}\n" for host in self.hosts)
        (self.tmp / "hosts.ini").write_text("[telemetry_hub]\n" + "".join(lines))

    @property
    def root(self) -> Path:
        return self.tmp / "hub"

    @property
    def folder(self) -> Path:
        return self.tmp / ".telemetry_hub"

    def run(self, *more: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        """Have the hub's secrets made, as playbooks/hub.yml does."""
        told = {"telemetry_hub_robots": ["rover", "scout"], **variables}
        argv = [str(BIN / "ansible-playbook"), "-i", "hosts.ini", "play.yml", "-e", json.dumps(told), *more]
        environment = {
            **os.environ,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / ".collections"),
            "ANSIBLE_FORCE_COLOR": "0",
        }
        return subprocess.run(
            argv, cwd=self.tmp, env=environment, capture_output=True, text=True, timeout=300, check=False
        )

    def made(self, **variables: Any) -> None:
        done = self.run(**variables)
        assert done.returncode == 0, done.stdout + done.stderr

    def refused(self, **variables: Any) -> str:
        """Return what was said; nothing on this machine has changed. Whitespace is one blank each."""
        before = self.files()
        done = self.run(**variables)
        assert done.returncode != 0, done.stdout
        assert self.files() == before, "a refusal changes nothing"
        return " ".join(done.stdout.split())

    def deployed(self, *robots: str, host: str = "hub") -> None:
        """A host of the hub gets what was made, as vmauth's container finds it."""
        version = self.tmp / host / "telemetry_hub_vmauth/config/0123456789abcdef"
        shutil.rmtree(version, ignore_errors=True)
        (version / "tls").mkdir(parents=True)
        known = list(robots or ("rover", "scout"))
        text = rendered_template(
            ENTRY_POINT, telemetry_hub_robots=known, telemetry_hub_secrets_directory=str(self.folder)
        )
        (version / "auth.yml").write_text(text)
        (version / "database_password").write_text(self.files()["database.password"])
        shutil.copy(self.folder / f"{host}.pem", version / "tls/certificate.pem")

    def files(self) -> dict[str, str]:
        found = self.folder.rglob("*") if self.folder.is_dir() else ()
        return {str(path.relative_to(self.folder)): path.read_text() for path in found if path.is_file()}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A hub that was deployed by the controller that made its secrets."""
    site = Site(tmp_path_factory.mktemp("site"))
    site.made()
    site.deployed()
    return site


@pytest.fixture
def site(first: Site, tmp_path: Path) -> Site:
    """The same again, to change it."""
    for name in ("hub", ".telemetry_hub"):
        shutil.copytree(first.tmp / name, tmp_path / name)
    return Site(tmp_path)


def test_a_second_run_changes_nothing(site: Site) -> None:
    before = site.files()
    done = site.run()
    assert "changed=0" in done.stdout, done.stdout
    assert site.files() == before


def test_a_folder_in_ones_home_may_be_written_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    site = Site(tmp_path)
    site.made(telemetry_hub_secrets_directory="~/.telemetry_hub")
    assert {"ca.key", "ca.pem", "hub.key", "hub.pem"} <= site.files().keys()


def test_they_are_made_on_this_machine_whatever_the_inventory_says_of_localhost(tmp_path: Path) -> None:
    site, hosts = Site(tmp_path), tmp_path / "hosts.ini"
    elsewhere = "localhost ansible_connection=ssh ansible_host=here.invalid ansible_python_interpreter=/nowhere/python"
    hosts.write_text(f"{elsewhere}\n{hosts.read_text()}")
    site.made()
    assert "hub.pem" in site.files()


@pytest.mark.parametrize("check", [False, True])
def test_a_controller_without_the_folder_makes_no_other_authority(site: Site, check: bool) -> None:
    shutil.rmtree(site.folder)
    done = site.run(*(["--check"] if check else []))
    told = " ".join(done.stdout.split())
    assert done.returncode != 0, told
    assert not site.folder.exists()
    for words in (
        "hub: this controller lacks secrets that the hub has. Nothing was made or changed.",
        f"telemetry_hub_secrets_directory: {site.folder} lacks reader.password, robots/rover.password, "
        "robots/scout.password, database.password, which the hub has",
        "lacks ca.pem, ca.key",
        f"rsync -a OTHER:FOLDER/ {site.folder}/",
        'telemetry_hub_secrets_renew": ["*"]',
    ):
        assert words in told, told


@pytest.mark.parametrize("name", ["ca.key", "ca.pem", "reader.password", "robots/scout.password", "database.password"])
@pytest.mark.parametrize("emptied", [False, True])
def test_each_of_them_is_missed_and_no_other(site: Site, name: str, emptied: bool) -> None:
    passwords = {"scout": "robots/scout.password", "reader": "reader.password", "newcomer": "robots/newcomer.password"}
    wanted, folder = Wanted(passwords, "database.password"), Folder(site.folder)
    held = {"users": ["reader", "scout"], "database": True, "certificates": site.files()["hub.pem"]}
    assert objections(folder, wanted, held) == []
    if emptied:
        (site.folder / name).write_text("")
    else:
        (site.folder / name).unlink()
    (told,) = objections(folder, wanted, held)
    assert told.startswith(f"lacks {name}, ")
    renewed = (name, "ca.key") if name == "ca.pem" else (name,)
    assert objections(folder, replace(wanted, renewed=renewed), held) == []


def test_somebody_elses_folder_is_told_from_ones_own(site: Site, tmp_path: Path) -> None:
    shutil.rmtree(site.folder)
    shutil.move(site.root, tmp_path / "elsewhere")
    site.made()
    shutil.move(tmp_path / "elsewhere", site.root)
    assert "has another authority" in site.refused()


def test_a_new_robot_gets_its_password_and_a_new_hub_everything(site: Site) -> None:
    before = site.files()
    site.made(telemetry_hub_robots=["newcomer", "rover", "scout"])
    assert site.files().keys() - before.keys() == {"robots/newcomer.password"}


def test_what_is_given_in_the_vault_is_not_missed(site: Site) -> None:
    for name in ("reader.password", "robots/scout.password", "database.password"):
        (site.folder / name).unlink()
    site.made(
        telemetry_hub_reader_password="given",
        telemetry_hub_database_password="given",
        telemetry_hub_robot_passwords={"scout": "given"},
    )


@pytest.mark.parametrize("lost", [False, True])
def test_who_asks_gets_other_secrets(site: Site, lost: bool) -> None:
    before = site.files()
    if lost:
        shutil.rmtree(site.folder)
    site.made(telemetry_hub_secrets_renew=["*"])
    after = site.files()
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] == before[name]} == {".gitignore"}
    assert signed(after["hub.pem"], after["ca.pem"])


@pytest.mark.parametrize("named", ["ca.pem", "ca.key"])
def test_a_lost_authority_is_made_anew_by_the_name_that_is_missed_and_no_password_with_it(
    site: Site, named: str
) -> None:
    before = site.files()
    (site.folder / "ca.pem").unlink()
    site.made(telemetry_hub_secrets_renew=[named])
    after = site.files()
    assert signed(after["hub.pem"], after["ca.pem"])
    assert {name for name in before if name.endswith(".password") and after[name] != before[name]} == set()


def test_an_authority_takes_the_place_of_somebody_elses(site: Site) -> None:
    """A hub showed a certificate of its owner's until now; robots know that by another authority than ours."""
    for name in ("ca.pem", "ca.key"):
        (site.folder / name).unlink()
    theirs = (PROJECT / "tests/roles/certificate.pem").read_text()
    held = {"users": [], "database": True, "certificates": theirs}
    assert objections(Folder(site.folder), Wanted({}, "database.password"), held) == []


def test_one_password_is_changed_and_no_other(site: Site) -> None:
    before = site.files()
    site.made(telemetry_hub_secrets_renew=["robots/scout.password"])
    after = site.files()
    assert {name for name in after if after[name] != before[name]} == {"robots/scout.password"}


def test_a_password_that_is_none_of_these_is_refused(site: Site) -> None:
    told = site.refused(telemetry_hub_secrets_renew=["robots/scuot.password"])
    assert "hub: telemetry_hub_secrets_renew: robots/scuot.password: there is no robots/scuot.password" in told
    assert "robots/scout.password" in told


def test_a_robot_that_leaves_loses_its_password(site: Site) -> None:
    before = site.files()
    site.made(telemetry_hub_robots=["rover"], telemetry_hub_leaving=["scout"])
    assert before.keys() - site.files().keys() == {"robots/scout.password"}
    site.deployed("rover")
    site.made()
    assert site.files()["robots/scout.password"] != before["robots/scout.password"]


def handshake(certificate: Path, key: Path, trusted: str) -> bool:
    """Whether a client that trusts these authorities takes that certificate for the hub's."""
    client_in, client_out, server_in, server_out = (ssl.MemoryBIO() for _ in range(4))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    server = serving.wrap_bio(server_in, server_out, server_side=True)
    asking = ssl.create_default_context(cadata=trusted)
    client = asking.wrap_bio(client_in, client_out, server_hostname="hub")
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                return False
            server_in.write(client_out.read())
            client_in.write(server_out.read())
    return True


def accepted(site: Site, trusted: str) -> bool:
    return handshake(site.folder / "hub.pem", site.folder / "hub.key", trusted)


def test_while_the_authority_is_exchanged_robots_know_the_hub_at_every_moment(site: Site) -> None:
    old = Folder(site.folder).trusted()
    site.made(telemetry_hub_authority_change="begin")
    both = Folder(site.folder).trusted()
    assert (both.count("BEGIN CERTIFICATE"), old in both) == (2, True)
    assert accepted(site, old), "robots that were not told yet"
    assert accepted(site, both)
    site.made(telemetry_hub_authority_change="begin")
    assert Folder(site.folder).trusted() == both, "asked twice, it is the same one"

    site.made(telemetry_hub_authority_change="switch")
    assert accepted(site, both)
    assert not accepted(site, old)
    assert sorted(Folder(site.folder).trusted().split("\n")) == sorted(both.split("\n"))
    assert "the hub still shows a certificate of the old authority" in site.refused(
        telemetry_hub_authority_change="finish"
    )
    site.deployed()
    before = site.files()
    site.made(telemetry_hub_authority_change="switch")
    assert site.files() == before, "asked twice, it is the same one"

    site.made(telemetry_hub_authority_change="finish")
    new = Folder(site.folder).trusted()
    assert accepted(site, new)
    assert (new.count("BEGIN CERTIFICATE"), new in both, old in new) == (1, True, False)
    assert "changed=0" in site.run().stdout


def test_an_exchange_can_be_given_up_before_the_hub_has_switched(site: Site) -> None:
    before = site.files()
    site.made(telemetry_hub_authority_change="begin")
    site.made(telemetry_hub_authority_change="cancel")
    assert site.files() == before


@pytest.mark.parametrize(
    ("there", "step", "why"),
    [
        ((), "switch", "write begin, then run site.yml"),
        (("ca.previous.pem",), "begin", "the last exchange is not finished"),
        (("ca.next.pem",), "finish", "the hub has not switched yet"),
        (("ca.previous.pem",), "cancel", "the hub has switched already"),
        ((), "finish", ""),
        ((), "cancel", ""),
        (("ca.next.pem",), "begin", ""),
        (("ca.previous.pem",), "switch", ""),
    ],
)
def test_steps_come_in_their_order(tmp_path: Path, there: Sequence[str], step: str, why: str) -> None:
    for name in there:
        (tmp_path / name).write_text("PEM")
    found = Folder(tmp_path).objection(step)
    assert (why in found) if why else found == ""


@pytest.mark.parametrize("done", [0, 1, 2])
def test_a_switch_that_was_cut_off_is_made_again(tmp_path: Path, done: int) -> None:
    held = {"ca.key": "old key", "ca.pem": "old", "ca.next.key": "new key", "ca.next.pem": "new"}
    for name, text in held.items():
        (tmp_path / name).write_text(text)
    if done > 0:
        (tmp_path / "ca.previous.pem").write_text("old")
    if done > 1:
        (tmp_path / "ca.next.key").replace(tmp_path / "ca.key")
    assert {"old", "new"} <= set(Folder(tmp_path).trusted().split("\n"))
    Folder(tmp_path).exchange("switch")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "ca.key": "new key",
        "ca.pem": "new",
        "ca.previous.pem": "old",
    }


def test_patterns_choose_files() -> None:
    known = ["ca.key", "reader.password", "robots/a.password", "robots/b.password"]
    assert folders.chosen(["robots/*", "ca.key"], known) == ["ca.key", "robots/a.password", "robots/b.password"]
    with pytest.raises(FolderError, match="there is no nobody among the files"):
        folders.chosen(["*.password", "nobody"], known)


def test_a_hub_tells_names_and_no_secret(site: Site) -> None:
    held = hub_secrets.held(site.root, ["reader", "scout", "stranger"])
    assert (held.users, held.database) == (["reader", "scout"], True)
    assert [signed(one, site.files()["ca.pem"]) for one in held.certificates] == [True]
    secrets = [text.strip() for name, text in site.files().items() if name.endswith((".password", ".key"))]
    assert not [secret for secret in secrets if secret in str(held)]
    assert hub_secrets.held(site.tmp / "nothing", ["reader"]) == hub_secrets.Held([], [], False)


def test_a_name_that_quotes_is_read_as_it_was_written(tmp_path: Path) -> None:
    version = tmp_path / "telemetry_hub_vmauth/config/1"
    version.mkdir(parents=True)
    names = ['qu"ote', "back\\slash", "ünicode", "plain"]
    text = "".join(f"  - username: {json.dumps(name)}\n    password: {json.dumps(name)}\n" for name in names)
    (version / "auth.yml").write_text(text)
    assert hub_secrets.held(tmp_path, names).users == sorted(names)


def test_what_was_copied_carelessly_is_closed_again(tmp_path: Path) -> None:
    make(tmp_path, ["robots/scout.password"])
    (tmp_path / "ca.key").write_text("key")
    (tmp_path / "ca.pem").write_text("certificate")
    outside = tmp_path.parent / f"{tmp_path.name}.other"
    outside.write_text("not ours")
    (tmp_path / "link.key").symlink_to(outside)
    for path, mode in (("robots/scout.password", 0o644), ("ca.key", 0o640), ("ca.pem", 0o644)):
        (tmp_path / path).chmod(mode)
    outside.chmod(0o644)
    assert close(tmp_path, check=True) == close(tmp_path) == ["ca.key", "robots/scout.password"]
    assert close(tmp_path) == []
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("robots/scout.password", "ca.key", "ca.pem")]
    assert (modes, outside.stat().st_mode & 0o777) == ([0o600, 0o600, 0o644], 0o644)


def test_an_empty_password_is_none(tmp_path: Path) -> None:
    make(tmp_path, ["reader.password"])
    left = tmp_path / "robots/scout.password"
    left.parent.mkdir()
    left.touch()  # as a power cut may leave it
    with pytest.raises(AnsibleFilterError, match="is empty: playbooks"):
        secret_file(str(left))
    assert secret_file(str(left), optional=True) == ""
    names = ["robots/scout.password", "reader.password"]
    assert make(tmp_path, names, check=True) == make(tmp_path, names) == ["robots/scout.password"]
    assert len(secret_file(str(left))) == 32


def test_git_does_not_take_the_secrets_in(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "safe.directory=*"]
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / "hosts.yml").write_text("robots:\n")
    make(tmp_path / ".telemetry_hub", ["robots/scout.password"])
    subprocess.run([*git, "add", "-A"], check=True)
    listed = subprocess.run([*git, "ls-files"], check=True, capture_output=True, text=True).stdout
    assert listed.split() == ["hosts.yml"]


PAIR = ("north", "south")


@pytest.fixture(scope="module")
def first_pair(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Two hosts of a hub that were deployed by the controller that made their secrets."""
    site = Site(tmp_path_factory.mktemp("pair"), PAIR)
    site.made()
    for host in PAIR:
        site.deployed(host=host)
    return site


@pytest.fixture
def pair(first_pair: Site, tmp_path: Path) -> Site:
    """The same again, to change it."""
    for name in (*PAIR, ".telemetry_hub"):
        shutil.copytree(first_pair.tmp / name, tmp_path / name)
    return Site(tmp_path, PAIR)


def passwords(files: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in files.items() if name.endswith(".password")}


def test_two_hosts_have_one_authority_one_set_of_passwords_and_a_certificate_each(pair: Site) -> None:
    files = pair.files()
    assert set(files) == {
        ".gitignore", "ca.key", "ca.pem", "north.key", "north.pem", "south.key", "south.pem",
        "database.password", "reader.password", "robots/rover.password", "robots/scout.password",
    }  # fmt: skip
    for host in PAIR:
        assert signed(files[f"{host}.pem"], files["ca.pem"])
        shown = subprocess.run(
            ["openssl", "x509", "-noout", "-checkhost", host],
            input=files[f"{host}.pem"],
            text=True,
            capture_output=True,
            check=True,
        )
        assert "does match" in shown.stdout


def test_passwords_of_two_hosts_are_made_anew_once(pair: Site) -> None:
    before = pair.files()
    done = pair.run(telemetry_hub_secrets_renew=["*.password", "robots/*", "south.key"])
    assert done.returncode == 0, done.stdout
    after = pair.files()
    assert all(passwords(after)[name] != old for name, old in passwords(before).items())
    kept = ("ca.key", "ca.pem", "north.key", "north.pem")
    assert [after[name] for name in kept] == [before[name] for name in kept]
    assert after["south.key"] != before["south.key"]
    assert signed(after["south.pem"], after["ca.pem"])
    assert "changed=0" in pair.run().stdout, "and not once more by the second host"


def test_nothing_is_made_for_one_host_where_the_other_has_what_this_controller_lacks(pair: Site) -> None:
    shutil.rmtree(pair.tmp / "north")  # it is new, and has nothing
    (pair.folder / "robots/scout.password").unlink()
    told = pair.refused(telemetry_hub_robots=["newcomer", "rover", "scout"])
    assert "south: this controller lacks secrets that the hub has" in told
    assert "robots/scout.password" in told


def test_an_authority_is_not_forgotten_while_one_of_two_hosts_shows_it(pair: Site) -> None:
    pair.made(telemetry_hub_authority_change="begin")
    pair.made(telemetry_hub_authority_change="switch")
    pair.deployed(host="north")  # south was not reached
    assert "the hub still shows a certificate of the old authority" in pair.refused(
        telemetry_hub_authority_change="finish"
    )
    assert "ca.previous.pem" in pair.files()
    pair.deployed(host="south")
    pair.made(telemetry_hub_authority_change="finish")
    assert "ca.previous.pem" not in pair.files()


def test_a_host_that_leaves_a_pair_takes_nothing_along(pair: Site) -> None:
    before = pair.files()
    alone = Site(pair.tmp, PAIR[:1])
    assert "changed=0" in alone.run().stdout
    assert alone.files() == before
    back = Site(pair.tmp, PAIR)
    assert "changed=0" in back.run().stdout
