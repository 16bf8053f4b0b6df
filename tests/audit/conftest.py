"""A fresh deployment for each test that asks for one."""

from tests.integration.conftest import deployment

__all__ = ["deployment"]
