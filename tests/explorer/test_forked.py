"""Jupyter's kernels as copies of a zygote, and as processes of their own where that fails."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from explorer.forked import NAME, Forked, fork_kernels
from explorer.zygote import NoCopy, Zygote


class Copying(Zygote):
    """Hands out a process, or fails."""

    def __init__(self, process: Any) -> None:
        super().__init__()
        self.process, self.asked = process, ()

    def copy(self, *asked: Any) -> Any:
        self.asked = asked
        if self.process is None:
            raise NoCopy("none today")
        return self.process


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the commands of kernels that were started plainly."""
    started: list[list[str]] = []

    async def launch(_: Any, cmd: list[str], **__: Any) -> dict[str, Any]:
        started.append(cmd)
        return {}

    monkeypatch.setattr(LocalProvisioner, "launch_kernel", launch)
    monkeypatch.setattr(Forked, "zygote", None)
    return started


def test_a_kernel_is_a_copy(plain: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        monkeypatch.setattr(Forked, "zygote", Copying(process))
        forked = Forked(kernel_id="k")
        asyncio.run(forked.launch_kernel(["python", "-f", "x"], env={"A": "1"}, cwd="/"))
        assert forked.has_process
        assert forked.pid == forked.pgid == process.pid
        assert Forked.zygote.asked == (["python", "-f", "x"], {"A": "1"}, "/")
    assert plain == []


@pytest.mark.parametrize("zygote", [None, Copying(None)])
def test_without_a_copy_it_starts_by_itself(
    zygote: Zygote | None, plain: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Forked, "zygote", zygote)
    asyncio.run(Forked(kernel_id="k").launch_kernel(["kernel"], env={}))
    assert plain == [["kernel"]]


def test_every_kernel_of_the_process_is_made_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KernelProvisionerFactory, "_instance", None)
    monkeypatch.setattr(Forked, "zygote", None)
    zygote = Copying(None)
    fork_kernels(zygote)
    factory = KernelProvisionerFactory.instance()
    assert factory.default_provisioner_name == NAME
    assert factory.provisioners[NAME].load() is Forked
    assert Forked.zygote is zygote
