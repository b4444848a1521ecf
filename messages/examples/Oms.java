import com.google.gson.*;
import com.rabbitmq.client.*;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.time.Instant;
import java.util.*;
import java.util.concurrent.*;
import javax.crypto.Cipher;
import javax.crypto.spec.*;

/** One order, or a warehouse: `submit URL SAMPLE`, `warehouse URL KEYS`, `vector FILE`. */
public class Oms {
  static final String SINGLE = "application/cloudevents+json", BATCH = "application/cloudevents-batch+json";

  public static void main(String[] args) throws Exception {
    switch (args[0]) {
      case "submit" -> submit(args[1], read(args[2]));
      case "warehouse" -> warehouse(args[1], read(args[2]));
      case "vector" -> vector(read(args[1]));
      default -> throw new IllegalArgumentException("submit, warehouse or vector");
    }
  }

  static void submit(String url, JsonObject event) throws Exception {
    var factory = new ConnectionFactory();
    factory.setUri(url);
    var me = factory.getUsername(); // also the name of our queue, oms.out.<me>
    event.addProperty("id", UUID.randomUUID().toString()); // a resend keeps it
    event.addProperty("time", Instant.now().toString());
    try (var connection = factory.newConnection(); var channel = connection.createChannel()) {
      var answer = new CompletableFuture<JsonObject>();
      channel.basicConsume("oms.out." + me, false, (tag, message) -> {
        for (var read : events(message)) {
          var data = read.getAsJsonObject("data");
          if (data.has("answers") && data.get("answers").equals(event.get("id"))) answer.complete(data);
        }
        channel.basicAck(message.getEnvelope().getDeliveryTag(), false);
      }, tag -> {});
      publish(channel, me, "order.submit.v1", List.of(event));
      System.out.println(answer.get(30, TimeUnit.SECONDS));
    }
  }

  static void warehouse(String url, JsonObject keys) throws Exception {
    var factory = new ConnectionFactory();
    factory.setUri(url);
    var me = factory.getUsername();
    var channel = factory.newConnection().createChannel();
    channel.basicQos(10);
    var messages = new LinkedBlockingQueue<Delivery>();
    channel.basicConsume("oms.out." + me, false, (tag, message) -> messages.add(message), tag -> {});
    while (true) {
      var message = messages.take();
      var packed = new ArrayList<JsonObject>();
      for (var event : events(message)) {
        if (event.get("type").getAsString().equals("shipment.requested.v1")) packed.add(pack(event, keys));
      }
      if (!packed.isEmpty()) publish(channel, me, "shipment.packed.v1", packed);
      channel.basicAck(message.getEnvelope().getDeliveryTag(), false); // only now: the rest comes again
    }
  }

  /** Made from the request alone, so a request that comes again changes nothing. */
  static JsonObject pack(JsonObject request, JsonObject keys) throws Exception {
    var wish = request.getAsJsonObject("data");
    var shipment = wish.get("shipment").getAsString();
    System.out.println(shipment + " " + open(keys, "delivery", wish.get("order").getAsString(),
        wish.get("delivery").getAsInt(), wish.get("address").getAsString())); // this stands for the label printer
    var data = new JsonObject();
    data.addProperty("shipment", shipment);
    data.addProperty("carrier", "usps");
    data.addProperty("tracking", trackingNumber(shipment));
    data.add("packed_at", request.get("time"));
    data.add("lines", wish.get("lines"));
    var event = new JsonObject();
    event.addProperty("specversion", "1.0");
    event.addProperty("id", "packed/" + shipment);
    event.addProperty("source", "/warehouse");
    event.addProperty("type", "shipment.packed.v1");
    event.add("time", request.get("time"));
    event.add("data", data);
    return event;
  }

  /** A number of USPS with its check digit (Publication 199). Yours comes from the carrier. */
  static String trackingNumber(String shipment) {
    var serial = "94001118" + String.format("%013d", Math.floorMod(UUID.nameUUIDFromBytes(shipment.getBytes()).getMostSignificantBits(), 10_000_000_000_000L));
    int total = 0;
    for (int at = 0; at < serial.length(); at++) total += (serial.charAt(serial.length() - 1 - at) - '0') * (at % 2 == 0 ? 3 : 1);
    return serial + (10 - total % 10) % 10;
  }

  /** One event, or an array of them: what the content type says. */
  static List<JsonObject> events(Delivery message) {
    var read = JsonParser.parseString(new String(message.getBody(), StandardCharsets.UTF_8));
    if (!message.getProperties().getContentType().startsWith(BATCH)) return List.of(read.getAsJsonObject());
    return read.getAsJsonArray().asList().stream().map(JsonElement::getAsJsonObject).toList();
  }

  /** All of one type, so that they may share a message. It returns when the broker has stored them. */
  static void publish(Channel channel, String me, String type, List<JsonObject> events) throws Exception {
    var one = events.size() == 1;
    var body = one ? events.get(0).toString() : new Gson().toJson(events);
    var named = new AMQP.BasicProperties.Builder().contentType(one ? SINGLE : BATCH).userId(me).deliveryMode(2)
        .messageId(events.get(0).get("id").getAsString()).build();
    channel.confirmSelect();
    channel.basicPublish("oms.in", type, true, named, body.getBytes(StandardCharsets.UTF_8));
    channel.waitForConfirmsOrDie(30_000);
  }

  /** A sealed section in clear; GeneralSecurityException if it was not made for these. SEALED.md tells the layout. */
  static String open(JsonObject keys, String section, String subject, int delivery, String sealed) throws Exception {
    var parts = sealed.split("\\.");
    var key = Base64.getDecoder().decode(keys.getAsJsonObject("sections").get(parts[1]).getAsString());
    var bound = parts[1] + "\n" + section + "\n" + subject + "\n" + delivery;
    var raw = Base64.getUrlDecoder().decode(parts[2]);
    // The JDK has ChaCha20-Poly1305; the X is a key made of the key and 16 bytes of the nonce, and 4 zeros before the rest.
    var nonce = ByteBuffer.allocate(12).putInt(0).put(raw, 16, 8).array();
    var cipher = Cipher.getInstance("ChaCha20-Poly1305");
    cipher.init(Cipher.DECRYPT_MODE, new SecretKeySpec(hChaCha20(key, raw), "ChaCha20"), new IvParameterSpec(nonce));
    cipher.updateAAD(bound.getBytes(StandardCharsets.UTF_8));
    return new String(cipher.doFinal(raw, 24, raw.length - 24), StandardCharsets.UTF_8); // ciphertext and tag
  }

  /** draft-irtf-cfrg-xchacha-03, section 2.2, with the first 16 bytes of the nonce. */
  static byte[] hChaCha20(byte[] key, byte[] nonce) {
    var x = new int[16];
    var input = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
    input.put("expand 32-byte k".getBytes(StandardCharsets.US_ASCII)).put(key).put(nonce, 0, 16).flip();
    input.asIntBuffer().get(x);
    for (int round = 0; round < 10; round++) {
      for (int at = 0; at < 4; at++) quarter(x, at, 4 + at, 8 + at, 12 + at);
      for (int at = 0; at < 4; at++) quarter(x, at, 4 + (at + 1) % 4, 8 + (at + 2) % 4, 12 + (at + 3) % 4);
    }
    var output = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN);
    for (int at : new int[] {0, 1, 2, 3, 12, 13, 14, 15}) output.putInt(x[at]);
    return output.array();
  }

  static void quarter(int[] x, int a, int b, int c, int d) {
    x[a] += x[b]; x[d] = Integer.rotateLeft(x[d] ^ x[a], 16);
    x[c] += x[d]; x[b] = Integer.rotateLeft(x[b] ^ x[c], 12);
    x[a] += x[b]; x[d] = Integer.rotateLeft(x[d] ^ x[a], 8);
    x[c] += x[d]; x[b] = Integer.rotateLeft(x[b] ^ x[c], 7);
  }

  static void vector(JsonObject vector) throws Exception {
    var clear = open(vector.getAsJsonObject("keys"), vector.get("section").getAsString(), vector.get("subject").getAsString(),
        vector.get("delivery").getAsInt(), vector.get("sealed").getAsString());
    if (!clear.equals(vector.get("clear").getAsString())) throw new IllegalStateException("the vector does not open");
    System.out.println("opened");
  }

  static JsonObject read(String file) throws Exception {
    return JsonParser.parseString(Files.readString(Path.of(file))).getAsJsonObject();
  }
}
