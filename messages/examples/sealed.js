#!/usr/bin/env node
// Open sealed sections (npm install @noble/ciphers@1); `sealed.js FILE` tries a test vector. SEALED.md tells the layout.
const fs = require("node:fs");
const { isDeepStrictEqual } = require("node:util");
const { xchacha20poly1305 } = require("@noble/ciphers/chacha");

/** The section as an object. It throws if you do not hold the key, or if it was not made for these. */
function openSection(keys, section, subject, delivery, sealed) {
  const [layout, keyId, body] = sealed.split(".");
  if (layout !== "oms1") throw new Error("this is not a sealed section of layout oms1");
  if (!keys.sections[keyId]) throw new Error(`you do not hold the key ${keyId}`);
  const key = Buffer.from(keys.sections[keyId], "base64");
  const raw = Buffer.from(body, "base64url");
  const bound = Buffer.from(`${keyId}\n${section}\n${subject}\n${delivery}`);
  // The nonce, then ciphertext and tag as the library wants them.
  const clear = xchacha20poly1305(key, raw.subarray(0, 24), bound).decrypt(raw.subarray(24));
  return JSON.parse(Buffer.from(clear).toString());
}

function opens(keys, { section, subject, delivery, sealed }) {
  try {
    return openSection(keys, section, subject, delivery, sealed);
  } catch {
    return null;
  }
}

module.exports = { openSection };

if (require.main === module) {
  if (process.argv.length !== 3) throw new Error("sealed.js FILE");
  const vector = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
  if (!isDeepStrictEqual(opens(vector.keys, vector), JSON.parse(vector.clear))) throw new Error("the vector does not open");
  for (const other of vector.does_not_open) {
    if (opens(vector.keys, other)) throw new Error(`it opens, but must not: ${other.why}`);
  }
  console.log(`opened, and ${vector.does_not_open.length} others did not open`);
}
