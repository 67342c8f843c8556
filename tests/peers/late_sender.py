#!/usr/bin/python3
"""The stock Python sender, whose transit message comes long after its offer: an order that the protocol allows.

late_sender.py GLOBAL-OPTIONS… send WHAT
"""
from twisted.internet import reactor
from wormhole.cli import cli, cmd_send

LATE_S = 8


class LateSender(cmd_send.Sender):
    def _send_data(self, data, w):
        if "transit" in data:
            reactor.callLater(LATE_S, self.send_now, data, w, "the transit message was sent")
        else:
            self.send_now(data, w, "the offer was made")

    def send_now(self, data, w, said):
        super()._send_data(data, w)
        print(said, flush=True)


cmd_send.Sender = LateSender
cli.wormhole()
