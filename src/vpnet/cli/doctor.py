"""`vpnet doctor`: what a bug report should say of this machine."""

import typer


def doctor() -> None:
    """Show versions, card, driver, decoders, W&B, disk and cache; ends with 1 if something fails.

    Nothing is sent anywhere. Paste the output into a bug report.
    """
    from vpnet.cli.machine_report import machine_facts

    failed = False
    for fact in machine_facts():
        typer.echo(f"{fact.name:<18} {fact.value}")
        if fact.complaint is not None:
            failed = True
            typer.echo(f"{'':<18} DOES NOT WORK: {fact.complaint}")
    if failed:
        raise typer.Exit(1)
