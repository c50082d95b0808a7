"""In which state a reuse is: a closed list of words, none of them softer than its source."""

from enum import StrEnum


class Status(StrEnum):
    """The state of a reuse, as its sources show it."""

    IN_PRODUCTION = "in-production"
    """The thing itself serves people there."""
    FORK = "fork"
    """A copy that went its own way; no source shows that it serves people."""
    FORK_IN_PRODUCTION = "fork-in-production"
    """A copy that went its own way and serves people."""
    COMPONENT_REUSE = "component-reuse"
    """A part of it is built into something else; what that serves is not said."""
    DERIVED = "derived"
    """Made on the base of it."""
    ADOPTED_UPSTREAM = "adopted-upstream"
    """Taken over by those from whom others take it."""
    INSPIRED_BY = "inspired-by"
    """Made after its example, without its code."""
    PROTOTYPE_THEN_REPLACED = "prototype-then-replaced"
    """Tried with it, then dropped for something else."""
    ANNOUNCED_EXPLORING = "announced-exploring"
    """Somebody said they would look at it."""
    LISTED_BY_SOURCE = "listed-by-source"
    """A source lists it; nobody checked further."""


PRODUCTION = frozenset({Status.IN_PRODUCTION, Status.FORK_IN_PRODUCTION})
"""The states that say "production"; a reuse of components does not say so and is not counted."""
