"""Debian and its relatives: `apt` is what `packages.Family` asks for."""
