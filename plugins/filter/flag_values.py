"""Several values in one flag of VictoriaMetrics' programs, each of them as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Callable

DOCUMENTATION = """
name: flag_values
short_description: One text of several values for a flag
description:
  - Returns the values with commas between them. A value with a comma, a quote or a bracket in it stands between quotes,
    as these programs read it; any other stands as it is.
options:
  _input:
    description: The values, in their order.
    type: list
    elements: str
    required: true
"""

EXAMPLES = """
username: "{{ ['scout', 'a,b'] | robotfleet.stack.flag_values }}"   # scout,"a,b"
"""

RETURN = """
_value:
  description: A flag's text.
  type: str
"""

# What ends a value, or keeps the next comma from ending one (lib/flagutil/array.go of VictoriaMetrics).
MEANS_SOMETHING = re.compile(r"""[,"'\[{(]""")


def flag_values(values: Sequence[Any]) -> str:
    """Return ``values`` as the text of one flag."""
    texts = (str(value) for value in values)
    return ",".join(json.dumps(one, ensure_ascii=False) if MEANS_SOMETHING.search(one) else one for one in texts)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"flag_values": flag_values}
