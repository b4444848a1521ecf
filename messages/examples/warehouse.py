#!/usr/bin/env python3
"""A warehouse that packs whatever is asked for, at once (pip install pika pycryptodome):
warehouse.py amqp://warehouse:PASSWORD@HOST/VHOST KEYS, where `oms keys export warehouse` wrote KEYS. It runs until it is ended."""
import hashlib, json, pathlib, sys

import pika

from sealed import open_section

SINGLE, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"


def tracking_number(shipment):
    """A number of USPS with its check digit (Publication 199). Yours comes from the carrier."""
    serial = f"94001118{int.from_bytes(hashlib.sha256(shipment.encode()).digest()[:8], 'big') % 10**13:013}"
    total = sum(int(digit) * (1 if at % 2 else 3) for at, digit in enumerate(reversed(serial)))
    return serial + str(-total % 10)


def pack(request, keys):
    """The answer to one request. It is made from the request alone, so a request that comes again changes nothing."""
    wish = request["data"]
    label = open_section(keys, "delivery", wish["order"], wish["delivery"], wish["address"])
    print(json.dumps({"shipment": wish["shipment"], "label": label}), flush=True)  # this stands for the label printer
    packed = {"shipment": wish["shipment"], "carrier": "usps", "tracking": tracking_number(wish["shipment"]),
              "packed_at": request["time"], "lines": wish["lines"]}
    return {"specversion": "1.0", "id": f"packed/{wish['shipment']}", "source": "/warehouse", "type": "shipment.packed.v1",
            "time": request["time"], "data": packed}


def main(url, keys_file):
    parameters = pika.URLParameters(url)
    me = parameters.credentials.username  # also the name of our queue, oms.out.<me>
    keys = json.loads(pathlib.Path(keys_file).read_text())
    channel = pika.BlockingConnection(parameters).channel()
    channel.confirm_delivery()  # publish returns only when the broker has stored it
    channel.basic_qos(prefetch_count=10)
    for method, properties, body in channel.consume(f"oms.out.{me}"):
        # One event, or an array of them (batched mode): what the content type says.
        events = json.loads(body) if properties.content_type.startswith(BATCH) else [json.loads(body)]
        packed = [pack(event, keys) for event in events if event["type"] == "shipment.requested.v1"]
        for event in events:
            if event["type"] == "command.answered.v1" and event["data"]["outcome"] == "refused":
                print(f"refused: {event['data']['code']}: {event['data']['text']}", file=sys.stderr)
        if packed:
            # All of one type, so they may share a message as well.
            content_type, said = (SINGLE, packed[0]) if len(packed) == 1 else (BATCH, packed)
            named = pika.BasicProperties(content_type=content_type, message_id=packed[0]["id"], user_id=me, delivery_mode=2)
            channel.basic_publish("oms.in", "shipment.packed.v1", json.dumps(said).encode(), named, mandatory=True)
        channel.basic_ack(method.delivery_tag)  # only now: whatever is not acknowledged comes again


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        main(sys.argv[1], sys.argv[2])
    except KeyboardInterrupt:
        pass  # Ctrl-C is the way to end it
