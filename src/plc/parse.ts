import { encode } from '@atproto/lex-cbor'
import { parseCidSafe } from '@atproto/lex-data'
import { isPublicKey } from '../crypto/publicKey.ts'
import { isObject, type JsonObject } from '../isObject.ts'
import { cidText } from '../repo/cid.ts'
import { PlcError } from './errors.ts'
import type {
  AuditEntry,
  LoggedOperation,
  Operation,
  PlcData,
  PlcService,
  UnsignedOperation,
} from './types.ts'

// The directory's limits; where spec and server differ, the stricter.
export const MAX_OPERATION_BYTES = 4000
export const MAX_ROTATION_KEYS = 5
const MAX_ENTRIES = 10
const MAX_ID = 32
const MAX_AKA = 258
const MAX_TYPE = 256
const MAX_ENDPOINT = 512
const MAX_KEY = 256
/** Old logs hold operations from before the limits; these only bound the work. */
const MAX_LOG_ENTRIES = 2000
const MAX_LOGGED_BYTES = 16 * 1024
/** An operation nests three deep. Hashing one that nests by thousands would take longer than its signature. */
const MAX_LOGGED_DEPTH = 16

const fail = (field: string, want: string): never => {
  throw new PlcError('InvalidOperation', `${field} must be ${want}`, field)
}

const object = (value: unknown, field: string): JsonObject =>
  isObject(value) ? value : fail(field, 'an object')

const string = (value: unknown, field: string, max = Number.MAX_SAFE_INTEGER): string => {
  if (typeof value !== 'string') return fail(field, 'a string')
  return value.length <= max ? value : fail(field, `at most ${max} characters`)
}

const strings = (value: unknown, field: string, maxCount: number, max: number): string[] => {
  if (!Array.isArray(value)) return fail(field, 'an array of strings')
  if (value.length > maxCount) fail(field, `at most ${maxCount} entries`)
  return value.map((entry: unknown, i) => string(entry, `${field}[${i}]`, max))
}

const unique = (values: string[], field: string): string[] =>
  new Set(values).size === values.length ? values : fail(field, 'without duplicates')

const record = <T>(
  value: unknown,
  field: string,
  strict: boolean,
  entry: (value: unknown, field: string) => T,
): Record<string, T> => {
  const entries = Object.entries(object(value, field))
  if (strict && entries.length > MAX_ENTRIES) fail(field, `at most ${MAX_ENTRIES} entries`)
  return Object.fromEntries(
    entries.map(([id, inner]) => {
      if (strict && (id === '' || id.length > MAX_ID || id === '__proto__'))
        fail(field, `named with ids of 1 to ${MAX_ID} characters`)
      return [id, entry(inner, `${field}.${id}`)]
    }),
  )
}

const onlyFields = (value: JsonObject, field: string, names: string[]): void => {
  const unknown = Object.keys(value).find((name) => !names.includes(name))
  if (unknown !== undefined) fail(`${field}.${unknown}`, 'left out: it is no field of a did:plc operation')
}

/** Rotation keys as the caller of signPlcOperation gives them. How many may remain is `build`'s decision. */
export const parseRotationKeys = (value: unknown, field = 'rotationKeys'): string[] => {
  const keys = unique(strings(value, field, MAX_ENTRIES, MAX_KEY), field)
  keys.forEach((key, i) => isPublicKey(key) || fail(`${field}[${i}]`, 'a k256 or P-256 did:key'))
  return keys
}

export const parseAlsoKnownAs = (value: unknown, field = 'alsoKnownAs'): string[] =>
  unique(strings(value, field, MAX_ENTRIES, MAX_AKA), field)

/** Keys by id. `atproto` must be of a curve that atproto verifies; others only look like a did:key. */
export const parseVerificationMethods = (
  value: unknown,
  field = 'verificationMethods',
): Record<string, string> =>
  record(value, field, true, (entry, at) => {
    const key = string(entry, at, MAX_KEY)
    const good = at === `${field}.atproto` ? isPublicKey(key) : key.startsWith('did:key:z')
    return good ? key : fail(at, 'a did:key')
  })

export const parseServices = (value: unknown, field = 'services'): Record<string, PlcService> =>
  record(value, field, true, (entry, at) => {
    const service = object(entry, at)
    onlyFields(service, at, ['type', 'endpoint'])
    const endpoint = string(service.endpoint, `${at}.endpoint`, MAX_ENDPOINT)
    // Other services are the owner's business; the PDS is where the account is looked for.
    if (at === `${field}.atproto_pds` && !(/^https?:\/\//.test(endpoint) && URL.canParse(endpoint)))
      fail(`${at}.endpoint`, 'an http(s) URL')
    return { type: string(service.type, `${at}.type`, MAX_TYPE), endpoint }
  })

const prevCid = (value: unknown, field: string): string => {
  const cid = string(value, field, 128)
  const parsed = parseCidSafe(cid, { flavor: 'cbor' })
  // Written anew: a CID's own `toString` gives back the text that it was read from, however spelled.
  return parsed && cidText(parsed.bytes) === cid ? cid : fail(field, 'the CID of an operation')
}

const FIELDS = ['type', 'rotationKeys', 'verificationMethods', 'alsoKnownAs', 'services', 'prev']

/** Reads an operation that is about to be signed: every field, nothing else, within the directory's limits. */
export const parseUnsignedOperation = (value: unknown): UnsignedOperation => {
  const op = object(value, 'operation')
  onlyFields(op, 'operation', FIELDS)
  if (op.type !== 'plc_operation') fail('operation.type', '"plc_operation"')
  const rotationKeys = parseRotationKeys(op.rotationKeys)
  if (rotationKeys.length === 0)
    throw new PlcError('NoRotationKey', 'no rotation key would be left', 'rotationKeys')
  if (rotationKeys.length > MAX_ROTATION_KEYS)
    throw new PlcError(
      'TooManyKeys',
      `${rotationKeys.length} rotation keys, at most ${MAX_ROTATION_KEYS} are allowed: ${rotationKeys.join(', ')}`,
      'rotationKeys',
    )
  const operation: UnsignedOperation = {
    type: 'plc_operation',
    rotationKeys,
    verificationMethods: parseVerificationMethods(op.verificationMethods),
    alsoKnownAs: parseAlsoKnownAs(op.alsoKnownAs),
    services: parseServices(op.services),
    prev: op.prev === null ? null : prevCid(op.prev, 'operation.prev'),
  }
  // A signature adds `sig` and 86 characters of it: 92 bytes of CBOR.
  const size = encode({ ...operation }).byteLength + 92
  if (size > MAX_OPERATION_BYTES)
    throw new PlcError(
      'TooLarge',
      `the operation has ${size} bytes, the directory takes ${MAX_OPERATION_BYTES}`,
    )
  return operation
}

/** Reads a signed operation, such as submitPlcOperation's input. */
export const parseOperation = (value: unknown): Operation => {
  const { sig, ...rest } = object(value, 'operation')
  return { ...parseUnsignedOperation(rest), sig: string(sig, 'operation.sig', 86) }
}

const data = (op: JsonObject, at: string): PlcData => ({
  rotationKeys: strings(op.rotationKeys, `${at}.rotationKeys`, 100, MAX_LOGGED_BYTES),
  verificationMethods: record(op.verificationMethods, `${at}.verificationMethods`, false, (v, f) =>
    string(v, f),
  ),
  alsoKnownAs: strings(op.alsoKnownAs, `${at}.alsoKnownAs`, 1000, MAX_LOGGED_BYTES),
  services: record(op.services, `${at}.services`, false, (v, f) => {
    const service = object(v, f)
    return { type: string(service.type, `${f}.type`), endpoint: string(service.endpoint, `${f}.endpoint`) }
  }),
})

/** Reads an operation that the directory took: types only, for old ones exceed today's limits. */
export const parseLoggedOperation = (value: unknown, at = 'operation'): LoggedOperation => {
  const op = object(value, at)
  const sig = string(op.sig, `${at}.sig`, 200)
  switch (op.type) {
    case 'plc_operation':
      return {
        type: 'plc_operation',
        ...data(op, at),
        prev: op.prev === null ? null : string(op.prev, `${at}.prev`),
        sig,
      }
    case 'plc_tombstone':
      return { type: 'plc_tombstone', prev: string(op.prev, `${at}.prev`), sig }
    case 'create':
      if (op.prev !== null) fail(`${at}.prev`, 'null')
      return {
        type: 'create',
        signingKey: string(op.signingKey, `${at}.signingKey`),
        recoveryKey: string(op.recoveryKey, `${at}.recoveryKey`),
        handle: string(op.handle, `${at}.handle`),
        service: string(op.service, `${at}.service`),
        prev: null,
        sig,
      }
    default:
      return fail(`${at}.type`, 'plc_operation, plc_tombstone or create')
  }
}

/** Whether it nests deeper than this. It is not followed any further. */
const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1)))

/** Reads `/log/audit`. The operations are believed only after `verifyLog`. */
export const parseAuditLog = (value: unknown): AuditEntry[] => {
  if (!Array.isArray(value)) return fail('log', 'an array')
  if (value.length > MAX_LOG_ENTRIES) fail('log', `at most ${MAX_LOG_ENTRIES} operations`)
  return value.map((item: unknown, i) => {
    const at = `log[${i}]`
    const entry = object(item, at)
    const raw = object(entry.operation, `${at}.operation`)
    if (isDeeper(raw, MAX_LOGGED_DEPTH))
      fail(`${at}.operation`, `nested at most ${MAX_LOGGED_DEPTH} levels deep`)
    if (JSON.stringify(raw).length > MAX_LOGGED_BYTES)
      fail(`${at}.operation`, `at most ${MAX_LOGGED_BYTES} bytes`)
    const createdAt = Date.parse(string(entry.createdAt, `${at}.createdAt`, 64))
    if (Number.isNaN(createdAt)) fail(`${at}.createdAt`, 'a date')
    if (typeof entry.nullified !== 'boolean') fail(`${at}.nullified`, 'true or false')
    return {
      did: string(entry.did, `${at}.did`),
      cid: string(entry.cid, `${at}.cid`, 128),
      operation: parseLoggedOperation(raw, `${at}.operation`),
      raw,
      nullified: entry.nullified === true,
      createdAt,
    }
  })
}
