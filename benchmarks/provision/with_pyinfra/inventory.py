"""The robots of the usual role, as pyinfra wants them; the ports are those of ../inventory/hosts.yml."""

from pathlib import Path

KEYS = Path(__file__).resolve().parents[3] / ".testbed" / "provision"
FIRST_PORT = 22284

usual = (
    [(f"usual-{number}", {"ssh_port": FIRST_PORT + number - 1}) for number in (1, 2, 3)],
    {
        "ssh_hostname": "127.0.0.1",
        "ssh_user": "operator",
        "ssh_key": str(KEYS / "id_ed25519"),
        "ssh_known_hosts_file": str(KEYS / "known_hosts"),
        "ssh_strict_host_key_checking": "yes",
        "ssh_look_for_keys": False,
        "ssh_allow_agent": False,
    },
)
