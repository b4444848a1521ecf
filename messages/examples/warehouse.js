#!/usr/bin/env node
// A warehouse that packs whatever is asked for, at once (npm install amqplib @noble/ciphers@1):
// warehouse.js amqp://warehouse:PASSWORD@HOST/VHOST KEYS, where `oms keys export warehouse` wrote KEYS. It runs until it is ended.
const fs = require("node:fs");
const { createHash } = require("node:crypto");
const amqp = require("amqplib");
const { openSection } = require("./sealed.js");

const SINGLE = "application/cloudevents+json";
const BATCH = "application/cloudevents-batch+json";

/** A number of USPS with its check digit (Publication 199). Yours comes from the carrier. */
function trackingNumber(shipment) {
  const chance = createHash("sha256").update(shipment).digest().readBigUInt64BE() % 10n ** 13n;
  const serial = `94001118${chance.toString().padStart(13, "0")}`;
  const total = [...serial].reverse().reduce((sum, digit, at) => sum + Number(digit) * (at % 2 ? 1 : 3), 0);
  return serial + ((10 - (total % 10)) % 10);
}

/** The answer to one request. It is made from the request alone, so a request that comes again changes nothing. */
function pack({ time, data: wish }, keys) {
  const label = openSection(keys, "delivery", wish.order, wish.delivery, wish.address);
  console.log(JSON.stringify({ shipment: wish.shipment, label })); // this stands for the label printer
  const { shipment, lines } = wish;
  const data = { shipment, carrier: "usps", tracking: trackingNumber(shipment), packed_at: time, lines };
  return { specversion: "1.0", id: `packed/${shipment}`, source: "/warehouse", type: "shipment.packed.v1", time, data };
}

async function main(url, keysFile) {
  const me = decodeURIComponent(new URL(url).username); // also the name of our queue, oms.out.<me>
  const keys = JSON.parse(fs.readFileSync(keysFile, "utf8"));
  const channel = await (await amqp.connect(url)).createConfirmChannel();
  await channel.prefetch(10);
  await channel.consume(`oms.out.${me}`, (message) => answer(channel, me, keys, message).catch(end));
}

async function answer(channel, me, keys, message) {
  if (!message) throw new Error("the queue is gone");
  const read = JSON.parse(message.content);
  // One event, or an array of them (batched mode): what the content type says.
  const events = message.properties.contentType.startsWith(BATCH) ? read : [read];
  const packed = events.filter(({ type }) => type === "shipment.requested.v1").map((event) => pack(event, keys));
  for (const { type, data } of events) {
    if (type === "command.answered.v1" && data.outcome === "refused") console.error(`refused: ${data.code}: ${data.text}`);
  }
  if (packed.length > 0) {
    // All of one type, so they may share a message as well.
    const [contentType, said] = packed.length === 1 ? [SINGLE, packed[0]] : [BATCH, packed];
    const named = { contentType, messageId: packed[0].id, userId: me, persistent: true, mandatory: true };
    channel.publish("oms.in", "shipment.packed.v1", Buffer.from(JSON.stringify(said)), named);
    await channel.waitForConfirms(); // the broker has stored it
  }
  channel.ack(message); // only now: whatever is not acknowledged comes again
}

function end(error) {
  console.error(error);
  process.exit(1);
}

if (process.argv.length !== 4) throw new Error("warehouse.js amqp://warehouse:PASSWORD@HOST/VHOST KEYS");
main(process.argv[2], process.argv[3]).catch(end);
