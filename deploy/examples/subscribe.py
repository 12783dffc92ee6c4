#!/usr/bin/env python3
"""Takes payoutd's result events from a durable queue of its own, and shows each once.

Needs pika 1.x (Debian: python3-pika). Where from: PAYOUTD_BACKEND__AMQP_URL and
PAYOUTD_BACKEND__PREFIX, as payoutd itself has them. Argument: the queue's name.
"""

import json
import os
import sys

import pika

url = os.environ.get("PAYOUTD_BACKEND__AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2f")
prefix = os.environ.get("PAYOUTD_BACKEND__PREFIX", "payoutd")
queue = sys.argv[1] if len(sys.argv) > 1 else "my-results"

connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
# Durable: what happens while nobody listens waits here. "payout.#" would be every event; these
# four say what became of the money.
channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
for end in ["succeeded", "failed", "cancelled", "rejected"]:
    channel.queue_bind(queue, f"{prefix}.events", f"payout.{end}")
channel.basic_qos(prefetch_count=64)
print(f"listening on {queue}", flush=True)

# Events come at least once; the id stays the same. A real subscriber keeps it in its own database,
# in the transaction that books the result.
seen = set()
for delivery, _, body in channel.consume(queue):
    event = json.loads(body)
    if event["id"] not in seen:
        seen.add(event["id"])
        print(event["subject"], event["type"], flush=True)
    # Only after the result is booked: what is not acknowledged is delivered again.
    channel.basic_ack(delivery.delivery_tag)
