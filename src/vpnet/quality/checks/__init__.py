"""What can be wrong with a recording or a study that is readable."""
