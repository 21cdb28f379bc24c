"""Which turn and mirror of the recordings fit the videos."""
