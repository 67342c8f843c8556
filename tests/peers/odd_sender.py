#!/usr/bin/python3
"""The stock Python sender, with an offer that no honest client makes.

odd_sender.py CHANGE GLOBAL-OPTIONS… send WHAT

CHANGE is JSON: {"offer": {…}} is merged into the offer that the client made of WHAT; {"zip": [[name, text, mode], …]}
sends a zip of just these members, whatever their names, as directory WHAT; a mode has its file type bits
(0o100644 for a file, 0o120777 for a symlink to text); {"empty_record": true} sends one empty record for an empty file.
"""
import io
import json
import sys
import zipfile

from twisted.internet.defer import inlineCallbacks
from wormhole.cli import cli, cmd_send

CHANGE = json.loads(sys.argv.pop(1))


def zip_of(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text, mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, text)
    return out


class OddSender(cmd_send.Sender):
    def _build_offer(self):
        offer, content = super()._build_offer()
        if "zip" in CHANGE:
            content = zip_of(CHANGE["zip"])
            offer["directory"].update(zipsize=len(content.getvalue()), numfiles=len(CHANGE["zip"]),
                                      numbytes=sum(len(text) for _, text, _ in CHANGE["zip"]))
        for kind, fields in CHANGE.get("offer", {}).items():
            offer[kind].update(fields)
        return offer, content

    @inlineCallbacks
    def _send_file(self):
        if CHANGE.get("empty_record"):
            connect = self._transit_sender.connect

            @inlineCallbacks
            def connect_and_send_nothing():
                pipe = yield connect()
                pipe.send_record(b"")
                return pipe

            self._transit_sender.connect = connect_and_send_nothing
        yield super()._send_file()


cmd_send.Sender = OddSender
cli.wormhole()
