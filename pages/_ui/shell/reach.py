"""Who reaches this dashboard: it has no login of its own, so that on an address that others reach it says so."""

from __future__ import annotations

import ipaddress
import logging

import streamlit as st


def is_open(address: str | None) -> bool:
    """Whether other machines reach a server that listens on this address; none means all addresses.

    Args:
        address: As `server.address` has it.
    """
    if address is None or not address.strip():
        return True
    if address.strip().lower() == "localhost":
        return False
    try:
        return not ipaddress.ip_address(address.strip().strip("[]")).is_loopback
    except ValueError:
        return True


def warning() -> str | None:
    """What whoever runs an open dashboard must know; None where only this machine reaches it."""
    address = st.get_option("server.address")
    if not is_open(address):
        return None
    return (
        f"MLflow Insights listens on {address or 'all addresses'}: whoever reaches it reads every trace and acts with your rights "
        "and tracker tokens, for it has no login of its own. Listen on 127.0.0.1 "
        "behind a proxy that signs people in (see the README)."
    )


def say_at_start() -> None:
    """Write the warning to the log, once, as the server starts."""
    if text := warning():
        logging.getLogger("mlflow_insights").warning(text)


def about() -> str:
    """The text behind "About" in the page's menu."""
    return (
        f"**MLflow Insights** says what the traces in MLflow say.\n\n{warning() or 'It listens on this machine only.'}"
    )
