"""Whose account an embedded cloud is: one number for the whole process."""

ACCOUNT_ID = "123456789012"


def live_in(account_id: str) -> None:
    """Let moto put everything into this account. Call it before any other module of moto is imported.

    Each of moto's modules copies the number of the account that callers without an account of their own are in.
    """
    import moto.core
    import moto.core.models

    moto.core.DEFAULT_ACCOUNT_ID = moto.core.models.DEFAULT_ACCOUNT_ID = account_id
