# SPDX-License-Identifier: GPL-3.0-or-later
"""An SMTP server (aiosmtpd) that keeps each mail as a file, bytes as received.

usage: smtp_server.py ADDRESS PORT DIR
"""

import asyncio
import os
import sys

from aiosmtpd.controller import UnthreadedController


class Keeper:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused@"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        with open(os.path.join(self.folder, f"{self.count:04}.eml"), "wb") as f:
            f.write(envelope.original_content)
        return "250 2.0.0 Ok: queued"


async def main():
    address, port, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    loop = asyncio.get_running_loop()
    controller = UnthreadedController(Keeper(folder), hostname=address, port=port, loop=loop,
                                      decode_data=False, enable_SMTPUTF8=True,
                                      data_size_limit=1 << 28)
    await controller._create_server()
    await asyncio.sleep(3600)  # whoever started it ends it


asyncio.run(main())
