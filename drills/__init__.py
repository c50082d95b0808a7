"""The kill drill: a whole stack under load, its processes killed, its promises checked."""
