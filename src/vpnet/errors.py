"""The one error that the user can fix.

Any wrong input (a file, a key of the configuration, a checkpoint) raises `InputError`. The commands
print its message and exit with code 2. Any other exception is a defect of vpnet and keeps its
traceback.
"""


class InputError(ValueError):
    """Input broke a rule.

    The message states the rule, the value found, the file and line (or the configuration key), and
    the remedy.
    """
