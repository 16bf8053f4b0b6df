"""A repair that is cut off between the database and Kafka loses neither the repair nor what a person accepted."""

from __future__ import annotations

from typing import Any

import pytest

from producers.publisher import Doubt, TransactionalPublisher
from tests.integration.deployment import Deployment
from tests.integration.test_recover import order, recover
from tests.integration.test_recover_raw_log import decided_and_killed, go_on, without_newest_row

pytestmark = [pytest.mark.stack, pytest.mark.long]


def test_an_accepted_gap_is_noted_once_however_often_its_repair_is_cut_off(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
):
    """Whoever asks later what readers have never seen finds it, and finds it once."""
    decided_and_killed(deployment, [order(n) for n in range(1, 31)])
    gap = without_newest_row(deployment)

    def cut_off(*_: Any) -> None:
        raise Doubt("killed")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(TransactionalPublisher, "publish", cut_off)
        for _ in range(2):
            told = recover(deployment, "--mode", "accept-gap", "--apply")
            assert told.exit_code == 2 and "cut off" in told.output
    assert recover(deployment, "--mode", "accept-gap", "--apply").exit_code == 0
    assert deployment.rows("SELECT first_offset, next_offset FROM gaps") == [gap]
    go_on(deployment, 20)
