"""Who allocates agents to subtasks; in a file of its own because the command line names them before it needs torch."""

ALLOCATION_SOURCES = ("learned", "heuristic", "random")
