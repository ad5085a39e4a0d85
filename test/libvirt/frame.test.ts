/** Frames: however the stream is cut, the same frames come out; lengths that cannot be are refused at once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeFrame, type Frame, FrameSplitter, LONGEST_FRAME } from "../../src/drivers/libvirt/frame.js";
import { ProtocolError, XdrWriter } from "../../src/drivers/libvirt/xdr.js";
import fc from "../support/property.js";

/** The first words of virsh to a libvirtd 9.0: AUTH_LIST, and CONNECT_SUPPORTS_FEATURE(keep-alive). */
const RECORDED =
  "0000001c2000808600000001000000420000000000000000000000000000002020008086000000010000003c000000000000000100000000" +
  "0000000a";

test("what virsh sends is read as the calls that it made", () => {
  const frames = new FrameSplitter().push(Buffer.from(RECORDED, "hex"));
  assert.deepEqual(
    frames.map(({ program, procedure, type, serial, body }) => [
      program,
      procedure,
      type,
      serial,
      body.toString("hex"),
    ]),
    [
      [0x20008086, 66, 0, 0, ""],
      [0x20008086, 60, 0, 1, "0000000a"],
    ],
  );
});

test("what we send is what virsh sends, byte by byte", () => {
  const header = { program: 0x20008086, version: 1, type: 0, status: 0 };
  const first = encodeFrame({ ...header, procedure: 66, serial: 0 }, null);
  const second = encodeFrame({ ...header, procedure: 60, serial: 1 }, new XdrWriter().int(10));
  assert.equal(Buffer.concat([first, second]).toString("hex"), RECORDED);
});

test("frames come out the same however the stream is cut", () => {
  const bodies = fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(bodies, fc.array(fc.nat(400), { maxLength: 20 }), (contents, cuts) => {
      const stream = Buffer.concat(
        contents.map((content, serial) =>
          encodeFrame(
            { program: 1, version: 1, procedure: 7, type: 1, serial, status: 0 },
            new XdrWriter().fixedBytes(content),
          ),
        ),
      );
      const splitter = new FrameSplitter();
      const places = [0, ...cuts.map((cut) => Math.min(cut, stream.length)).sort((a, b) => a - b), stream.length];
      const frames: Frame[] = [];
      for (let i = 1; i < places.length; i++) frames.push(...splitter.push(stream.subarray(places[i - 1], places[i])));
      assert.deepEqual(
        frames.map((frame) => frame.body.subarray(0, contents[frame.serial]!.length).toString("hex")),
        contents.map((content) => Buffer.from(content).toString("hex")),
      );
    }),
  );
});

test("a frame shorter than its header or longer than libvirt's limit is refused", () => {
  for (const length of [0, 27, LONGEST_FRAME + 1, 0xffff_ffff]) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(length);
    assert.throws(() => new FrameSplitter().push(bytes), ProtocolError, String(length));
  }
});
