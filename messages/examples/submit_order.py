#!/usr/bin/env python3
"""Submit one order and print the answer. Needs only `pip install pika`.

    submit_order.py amqp://web-store:PASSWORD@HOST:5672/VHOST [sample.json]
"""
import datetime
import json
import pathlib
import sys
import uuid

import pika

url = sys.argv[1]
here = pathlib.Path(__file__).resolve().parent
sample = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else here.parent / "samples" / "order.submit.v1.json"
parameters = pika.URLParameters(url)
me = parameters.credentials.username                      # also the name of our queue, oms.out.<me>

event = json.loads(sample.read_text())                    # a CloudEvents 1.0 event; see schemas/ for every field
event["id"] = str(uuid.uuid4())                           # a resend keeps it
event["time"] = datetime.datetime.now(datetime.timezone.utc).isoformat()

channel = pika.BlockingConnection(parameters).channel()
channel.confirm_delivery()                                # publish returns only when the broker has stored it
channel.basic_publish(
    exchange="oms.in",
    routing_key=event["type"],
    body=json.dumps(event).encode(),
    mandatory=True,
    properties=pika.BasicProperties(content_type="application/cloudevents+json", message_id=event["id"], user_id=me, delivery_mode=2),
)
for method, _, body in channel.consume(f"oms.out.{me}", inactivity_timeout=30):
    if method is None:
        sys.exit("no answer within 30 seconds; the order is with the broker")
    channel.basic_ack(method.delivery_tag)
    answers = json.loads(body)                            # one event, or an array of them (…-batch+json)
    for answer in answers if isinstance(answers, list) else [answers]:
        if answer["data"].get("answers") == event["id"]:
            print(json.dumps(answer["data"]))
            sys.exit(0)
