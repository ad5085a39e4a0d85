/** Where a program listens: the same two settings for each, under its own names. */
import { nonEmpty, setting, wholeNumber } from "./setting.js";

/** Seeds and people write the address with or without a scheme; only the host part is listened on. */
const listenAddress = nonEmpty.transform((text) => text.replace(/^https?:\/\//, "").replace(/\/+$/, ""));

type Names = readonly [string, ...string[]];

/** `port`: where none is set. `purpose`: what is listened on for, where that is not the program's whole interface. */
export const listenOn = (addressNames: Names, portNames: Names, port: number, purpose = "") => ({
  address: setting({
    group: "Listening",
    names: addressNames,
    about: `Address to listen on${purpose}; anything but loopback needs tokens`,
    allowed: "an IP address or a host name of this machine",
    fallback: "127.0.0.1",
    schema: listenAddress,
  }),
  port: setting({
    group: "Listening",
    names: portNames,
    about: "Port to listen on (0: any free one)",
    allowed: "a whole number from 0 to 65535",
    fallback: port,
    schema: wholeNumber(0, 65_535),
  }),
});
