"""Run by a peer's own interpreter, never by ours: a case on stdin, its answer on stdout, both JSON."""
