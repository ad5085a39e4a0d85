/** The structures inside libvirt's messages that Headroom reads and writes, and their limits as the protocol states them. */
import { ProtocolError, type XdrReader, type XdrWriter } from "./xdr.js";

/** REMOTE_STRING_MAX. */
export const LONGEST_STRING = 4_194_304;
/** REMOTE_DOMAIN_LIST_MAX. */
const MOST_DOMAINS = 16_384;
/** REMOTE_CONNECT_GET_ALL_DOMAIN_STATS_MAX. */
const MOST_PARAMETERS = 262_144;
/** REMOTE_CPUMAPS_MAX: bytes of all CPU maps in one message. */
export const LONGEST_CPU_MAPS = 8_388_608;
/** REMOTE_MIGRATE_COOKIE_MAX. */
export const LONGEST_COOKIE = 4_194_304;
/** Fields of bulk statistics are words such as `vcpu.12.delay`. */
const LONGEST_FIELD = 256;
/** A domain on the wire: length of its name, uuid, id. */
const SMALLEST_DOMAIN = 24;
/** A parameter on the wire: length of its field, type, value. */
const SMALLEST_PARAMETER = 12;

/** `remote_nonnull_domain`: what libvirt hands out as a domain, and wants back. */
export interface DomainRef {
  readonly name: string;
  /** 16 bytes. */
  readonly uuid: Buffer;
  /** -1: not running. */
  readonly id: number;
}

export const readDomain = (reader: XdrReader): DomainRef => ({
  name: reader.string(LONGEST_STRING),
  uuid: Buffer.from(reader.fixedBytes(16)),
  id: reader.int(),
});

export const writeDomain = (writer: XdrWriter, domain: DomainRef): XdrWriter =>
  writer.string(domain.name).fixedBytes(domain.uuid).int(domain.id);

export function uuidText(uuid: Buffer): string {
  const hex = uuid.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Throws `RangeError` where the text is no uuid. */
export function uuidBytes(text: string): Buffer {
  const hex = text.replaceAll("-", "");
  if (!/^[0-9a-fA-F]{32}$/.test(hex)) throw new RangeError(`"${text}" is not a uuid`);
  return Buffer.from(hex, "hex");
}

export type ParameterValue = number | bigint | boolean | string;

/** One value of `remote_typed_param_value`: int, unsigned, long long, unsigned long long, double, boolean, string. */
function readParameterValue(reader: XdrReader): ParameterValue {
  const type = reader.int();
  switch (type) {
    case 1:
      return reader.int();
    case 2:
      return reader.uint();
    case 3:
      return reader.hyper();
    case 4:
      return reader.uhyper();
    case 5:
      return reader.double();
    case 6:
      return reader.int() !== 0;
    case 7:
      return reader.string(LONGEST_STRING);
    default:
      throw new ProtocolError(`a parameter of the unknown type ${type}`);
  }
}

export type Parameters = ReadonlyMap<string, ParameterValue>;

const STRING_PARAMETER = 7;

/** Parameters that are texts, as `remote_typed_param`s. */
export function writeTexts(writer: XdrWriter, parameters: Readonly<Record<string, string>>): XdrWriter {
  const entries = Object.entries(parameters);
  writer.uint(entries.length);
  for (const [field, value] of entries) writer.string(field).int(STRING_PARAMETER).string(value);
  return writer;
}

export interface DomainStatsRecord {
  readonly domain: DomainRef;
  readonly parameters: Parameters;
}

function readParameters(reader: XdrReader): Parameters {
  const parameters = new Map<string, ParameterValue>();
  const entries = reader.array(MOST_PARAMETERS, SMALLEST_PARAMETER, (entry) => {
    const field = entry.bytes(LONGEST_FIELD).toString("latin1");
    parameters.set(field, readParameterValue(entry));
    return null;
  });
  if (parameters.size !== entries.length) throw new ProtocolError("a parameter is given twice");
  return parameters;
}

export const readDomainStats = (reader: XdrReader): DomainStatsRecord[] =>
  reader.array(MOST_DOMAINS, SMALLEST_DOMAIN + 4, (record) => ({
    domain: readDomain(record),
    parameters: readParameters(record),
  }));
