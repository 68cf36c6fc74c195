"""What a system is credited with removing: one policy for all systems, so that none is ahead by it.

Systems are sold with reduction that is on, off, or a licence of its own. A comparison in which one
has what it can do and another what it does out of the box ranks the credits and not the systems.
"""

from typing import Any, Literal, TypeVar

import msgspec

from storeff.layout.model import Layout, SystemReduction

# Everything that a system can be set to do; what it does unless somebody changes it; nothing.
Policy = Literal["configured", "shipped", "none"]
POLICY: Policy = "configured"

NOTHING = SystemReduction(dedup="none", codec="none", source="no data reduction is credited")

L = TypeVar("L", bound=Layout[Any])


class Credit(msgspec.Struct, frozen=True, kw_only=True):
    """What a layout is credited with under ``policy``: ``reduction`` in the terms of the
    measurement. ``as_shipped`` is whether the system does so unless somebody turns it off,
    ``condition`` what it takes."""

    policy: Policy
    reduction: str
    as_shipped: bool
    condition: str

    @property
    def must_be_turned_on(self) -> bool:
        """Whether what it is credited with is off as shipped."""
        return self.policy == "configured" and not self.as_shipped


def credited(layout: L, policy: Policy) -> L:
    """``layout`` with no more reduction than ``policy`` allows. One that does not say what its
    system removes is the reader's own, and is credited with the headline under any but "none"."""
    system = layout.reduction
    if policy == "none" or (policy == "shipped" and system is not None and not system.as_shipped):
        return msgspec.structs.replace(layout, reduction=NOTHING)
    return layout
