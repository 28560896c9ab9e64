"""Kernels that are copies of a zygote, as Jupyter starts and ends kernels."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint
from typing import Any, ClassVar, Protocol

from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

log = logging.getLogger(__name__)
NAME = "graphbits-forked"


class Copied(Protocol):
    """What kernels are copied from, as `explorer.zygote.Zygote`."""

    def copy(self, command: Sequence[str], environment: Mapping[str, str], folder: str) -> Any:
        """Return a kernel's process, used as `subprocess.Popen` is.

        Raises:
            OSError: If there is none to be had.
        """


class Forked(LocalProvisioner):
    """Starts a kernel as a copy of the zygote; as a process of its own where that fails."""

    zygote: ClassVar[Copied | None] = None

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start a kernel and return how it is spoken to."""
        folder = kwargs.get("cwd") or os.getcwd()
        try:
            if self.zygote is None:
                raise OSError("there is nothing to copy it from")
            process: Any = await asyncio.to_thread(
                self.zygote.copy, cmd, kwargs["env"], str(folder)
            )
        except OSError as error:
            log.warning("A kernel is started by itself: %s", error)
            return await super().launch_kernel(cmd, **kwargs)
        self.process = process
        self.pid = self.pgid = process.pid
        self.cwd = folder
        return self.connection_info


def fork_kernels(zygote: Copied) -> None:
    """Have every kernel that this process starts be a copy of a zygote."""
    Forked.zygote = zygote
    factory = KernelProvisionerFactory.instance()
    where = f"{Forked.__module__}:{Forked.__name__}"
    factory.provisioners[NAME] = EntryPoint(NAME, where, factory.GROUP_NAME)
    factory.default_provisioner_name = NAME
