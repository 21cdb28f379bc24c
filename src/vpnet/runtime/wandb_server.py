"""Whether W&B's server can be reached: a training must not wait for it."""

import threading

WAIT_S = 4.0
"""How long to wait for an answer, names and proxies included."""


def wandb_answers(wait_s: float = WAIT_S) -> bool:
    """Whether the server that W&B would log to answers at all.

    The server is the configured one (WANDB_BASE_URL, or W&B's own settings). Any answer counts, but
    for those of a proxy or gateway that cannot reach it.

    Args:
        wait_s: How long to wait. The look-up of a name has no limit of its own, so the attempt is
            left alone after this time.
    """
    import wandb

    address = wandb.setup().settings.base_url
    answered: list[bool] = []
    attempt = threading.Thread(
        target=lambda: answered.append(_answers(address, wait_s)), daemon=True
    )
    attempt.start()
    attempt.join(wait_s)
    return answered == [True]


def _answers(address: str, wait_s: float) -> bool:
    import requests

    try:
        status = requests.get(
            address, timeout=wait_s, allow_redirects=False, stream=True
        ).status_code
    except requests.RequestException:
        return False
    return status < 500 and status != requests.codes.proxy_authentication_required
