#!/usr/bin/env node
// Submit one order, print the answer (npm install amqplib): submit_order.js amqp://web-store:PASSWORD@HOST/VHOST
const fs = require("node:fs");
const path = require("node:path");
const { randomUUID } = require("node:crypto");
const amqp = require("amqplib");

async function main(url) {
  const me = decodeURIComponent(new URL(url).username); // also the name of our queue, oms.out.<me>
  const sample = path.join(__dirname, "../samples/order.submit.v1.json");
  const event = JSON.parse(fs.readFileSync(sample, "utf8")); // a CloudEvents 1.0 event; see schemas/ for every field
  event.id = randomUUID(); // a resend keeps it
  event.time = new Date().toISOString();

  const connection = await amqp.connect(url);
  const channel = await connection.createConfirmChannel();
  const answer = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("no answer within 30 seconds; the order is with the broker")), 30_000).unref();
    channel.consume(`oms.out.${me}`, (message) => {
      const read = JSON.parse(message.content); // one event, or an array of them (batched mode)
      channel.ack(message);
      for (const { data } of Array.isArray(read) ? read : [read]) if (data.answers === event.id) resolve(data);
    });
  });
  channel.publish("oms.in", event.type, Buffer.from(JSON.stringify(event)), {
    contentType: "application/cloudevents+json", messageId: event.id, userId: me, persistent: true, mandatory: true });
  await channel.waitForConfirms(); // the broker has stored it
  console.log(JSON.stringify(await answer));
  await connection.close();
}

if (process.argv.length !== 3) throw new Error("submit_order.js amqp://web-store:PASSWORD@HOST/VHOST");
main(process.argv[2]);
