"""What `vpnet check` shows of a study: in the terminal, as JSON, and as one self-contained page."""
