/** XDR: what is written is read back, and no bytes at all can do more than raise a ProtocolError. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ProtocolError, XdrReader, XdrWriter } from "../../src/drivers/libvirt/xdr.js";
import fc from "../support/property.js";

test("every kind of value comes back as it was written", () => {
  const values = fc.record({
    int: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    uint: fc.nat(0xffff_ffff),
    uhyper: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    text: fc.string({ unit: "binary" }),
    bytes: fc.uint8Array({ maxLength: 600 }),
    maybe: fc.option(fc.string()),
  });
  fc.assert(
    fc.property(values, ({ int, uint, uhyper, text, bytes, maybe }) => {
      const writer = new XdrWriter().int(int).uint(uint).uhyper(uhyper).string(text).bytes(bytes).optionalString(maybe);
      const encoded = writer.finish();
      assert.equal(encoded.length % 4, 0);
      const reader = new XdrReader(encoded);
      assert.deepEqual(
        [reader.int(), reader.uint(), reader.uhyper(), reader.string(10_000)],
        [int, uint, uhyper, text],
      );
      assert.deepEqual([...reader.bytes(600)], [...bytes]);
      assert.equal(reader.optionalString(10_000), maybe);
      assert.equal(reader.left, 0);
    }),
  );
});

test("a string is its length, its bytes, and zeros up to a multiple of four", () => {
  assert.equal(new XdrWriter().string("vm-1x").finish().toString("hex"), "00000005766d2d3178000000");
});

test("a length that passes its limit or the message is refused before anything is made of it", () => {
  const says = (length: number) => new XdrReader(new XdrWriter().uint(length).fixedBytes(Buffer.alloc(8)).finish());
  assert.throws(() => says(9).string(4096), ProtocolError);
  assert.throws(() => says(0xffff_ffff).bytes(0xffff_ffff), ProtocolError);
  assert.throws(() => says(8).string(7), /at most 7/);
  assert.throws(() => says(3).array(100, 4, (reader) => reader.int()), /3 elements announced in 8 bytes/);
  assert.throws(() => says(0x7fff_ffff).array(16_384, 4, (reader) => reader.int()), /at most 16384/);
});

test("random bytes end in values or in a ProtocolError, never in anything else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const reader = new XdrReader(Buffer.from(bytes));
      try {
        reader.int();
        reader.optionalString(100);
        reader.array(10, 8, (element) => element.string(20));
        reader.hyper();
        reader.double();
        reader.bool();
      } catch (error) {
        assert.ok(error instanceof ProtocolError);
      }
    }),
  );
});
