#!/usr/bin/env python3
"""Submit one order, print the answer (pip install pika): submit_order.py amqp://web-store:PASSWORD@HOST/VHOST"""
import datetime, json, pathlib, sys, uuid

import pika

if len(sys.argv) != 2:
    sys.exit(__doc__)
parameters = pika.URLParameters(sys.argv[1])
me = parameters.credentials.username  # also the name of our queue, oms.out.<me>
sample = pathlib.Path(__file__).resolve().parent.parent / "samples/order.submit.v1.json"
event = json.loads(sample.read_text())  # a CloudEvents 1.0 event; see schemas/ for every field
event["id"] = str(uuid.uuid4())  # a resend keeps it
event["time"] = datetime.datetime.now(datetime.timezone.utc).isoformat()

channel = pika.BlockingConnection(parameters).channel()
channel.confirm_delivery()  # publish returns only when the broker has stored it
properties = pika.BasicProperties(
    content_type="application/cloudevents+json", message_id=event["id"], user_id=me, delivery_mode=2)
channel.basic_publish("oms.in", event["type"], json.dumps(event).encode(), properties, mandatory=True)
for method, _, body in channel.consume(f"oms.out.{me}", inactivity_timeout=30):
    if method is None:
        sys.exit("no answer within 30 seconds; the order is with the broker")
    channel.basic_ack(method.delivery_tag)
    answers = json.loads(body)  # one event, or an array of them (batched mode)
    for answer in answers if isinstance(answers, list) else [answers]:
        if answer["data"].get("answers") == event["id"]:
            print(json.dumps(answer["data"]))
            sys.exit(0)
