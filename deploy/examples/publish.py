#!/usr/bin/env python3
"""Publishes payout commands to RabbitMQ: one JSON object a line on standard input.

Needs pika 1.x (Debian: python3-pika). Where to: PAYOUTD_BACKEND__AMQP_URL and
PAYOUTD_BACKEND__PREFIX, as payoutd itself has them.
"""

import os
import sys

import pika

url = os.environ.get("PAYOUTD_BACKEND__AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2f")
prefix = os.environ.get("PAYOUTD_BACKEND__PREFIX", "payoutd")

connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
# From here on each publish returns only when the broker has the command on its disks, and raises
# if it does not take it. Then publish it again: a payout_id that exists is not paid again.
channel.confirm_delivery()
persistent = pika.BasicProperties(content_type="application/json", delivery_mode=2)

count = 0
for line in sys.stdin.buffer:
    command = line.strip()
    if command:
        # The exchange hands everything to payoutd's queue, whatever the routing key.
        channel.basic_publish(f"{prefix}.commands", "", command, persistent, mandatory=True)
        count += 1
print(f"{count} published")
connection.close()
