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

// The directory's limits; the stricter one where the specification and its server differ.
export const MAX_OPERATION_BYTES = 4000
const MAX_ROTATION_KEYS = 5
/** What the public directory takes today. Another one may refuse more than `MAX_ROTATION_KEYS`. */
const MAX_KEPT_ROTATION_KEYS = 10
const MAX_ENTRIES = 10
const MAX_ID_LENGTH = 32
const MAX_AKA_LENGTH = 258
const MAX_TYPE_LENGTH = 256
const MAX_ENDPOINT_LENGTH = 512
const MAX_KEY_LENGTH = 256
/** Old logs contain operations from before the limits above, so the limits for logs only bound the work. */
const MAX_LOG_ENTRIES = 2000
const MAX_LOGGED_BYTES = 16 * 1024
/** An operation nests three levels deep. Hashing one that nests thousands deep would take longer than verifying its signature. */
const MAX_LOGGED_DEPTH = 16

/**
 * How many rotation keys an operation may have that follows these: a directory that has taken more than the
 * specification says takes more again, and no key of the owner's is dropped for the limit.
 */
export const rotationKeyLimit = (before: readonly string[]): number =>
  new Set(before).size > MAX_ROTATION_KEYS ? MAX_KEPT_ROTATION_KEYS : MAX_ROTATION_KEYS

const fail = (field: string, want: string): never => {
  throw new PlcError('InvalidOperation', `${field} must be ${want}`, field)
}

const parseObject = (value: unknown, field: string): JsonObject =>
  isObject(value) ? value : fail(field, 'an object')

const parseString = (value: unknown, field: string, max = Number.MAX_SAFE_INTEGER): string => {
  if (typeof value !== 'string') return fail(field, 'a string')
  return value.length <= max ? value : fail(field, `at most ${max} characters`)
}

const parseStrings = (value: unknown, field: string, maxCount: number, max: number): string[] => {
  if (!Array.isArray(value)) return fail(field, 'an array of strings')
  if (value.length > maxCount) fail(field, `at most ${maxCount} entries`)
  return value.map((entry: unknown, i) => parseString(entry, `${field}[${i}]`, max))
}

const requireUnique = (values: string[], field: string): string[] =>
  new Set(values).size === values.length ? values : fail(field, 'without duplicates')

const parseMap = <T>(
  value: unknown,
  field: string,
  strict: boolean,
  entry: (value: unknown, field: string) => T,
): Record<string, T> => {
  const entries = Object.entries(parseObject(value, field))
  if (strict && entries.length > MAX_ENTRIES) fail(field, `at most ${MAX_ENTRIES} entries`)
  return Object.fromEntries(
    entries.map(([id, inner]) => {
      if (strict && (id === '' || id.length > MAX_ID_LENGTH || id === '__proto__'))
        fail(field, `named with ids of 1 to ${MAX_ID_LENGTH} characters`)
      return [id, entry(inner, `${field}.${id}`)]
    }),
  )
}

const refuseOtherFields = (value: JsonObject, field: string, names: string[]): void => {
  const unknown = Object.keys(value).find((name) => !names.includes(name))
  if (unknown !== undefined) fail(`${field}.${unknown}`, 'left out: it is not a field of a did:plc operation')
}

/** Rotation keys as the caller of signPlcOperation gives them. `buildOperation` decides how many may remain. */
export const parseRotationKeys = (value: unknown, field = 'rotationKeys'): string[] => {
  const keys = requireUnique(parseStrings(value, field, MAX_ENTRIES, MAX_KEY_LENGTH), field)
  keys.forEach((key, i) => isPublicKey(key) || fail(`${field}[${i}]`, 'a k256 or P-256 did:key'))
  return keys
}

export const parseAlsoKnownAs = (value: unknown, field = 'alsoKnownAs'): string[] =>
  requireUnique(parseStrings(value, field, MAX_ENTRIES, MAX_AKA_LENGTH), field)

/** Keys by id. `atproto` must be on a curve that atproto verifies; others need only look like a did:key. */
export const parseVerificationMethods = (
  value: unknown,
  field = 'verificationMethods',
): Record<string, string> =>
  parseMap(value, field, true, (entry, path) => {
    const key = parseString(entry, path, MAX_KEY_LENGTH)
    const good = path === `${field}.atproto` ? isPublicKey(key) : key.startsWith('did:key:z')
    return good ? key : fail(path, 'a did:key')
  })

export const parseServices = (value: unknown, field = 'services'): Record<string, PlcService> =>
  parseMap(value, field, true, (entry, path) => {
    const service = parseObject(entry, path)
    refuseOtherFields(service, path, ['type', 'endpoint'])
    const endpoint = parseString(service.endpoint, `${path}.endpoint`, MAX_ENDPOINT_LENGTH)
    // Other services are the owner's choice, but the PDS is where everybody looks for the account.
    if (path === `${field}.atproto_pds` && !(/^https?:\/\//.test(endpoint) && URL.canParse(endpoint)))
      fail(`${path}.endpoint`, 'an http(s) URL')
    return { type: parseString(service.type, `${path}.type`, MAX_TYPE_LENGTH), endpoint }
  })

const parsePrev = (value: unknown, field: string): string => {
  const cid = parseString(value, field, 128)
  const parsed = parseCidSafe(cid, { flavor: 'cbor' })
  // Formatted from its bytes: a CID's own `toString` returns the text that it was read from, however it is spelled.
  return parsed && cidText(parsed.bytes) === cid ? cid : fail(field, 'the CID of an operation')
}

const OPERATION_FIELDS = ['type', 'rotationKeys', 'verificationMethods', 'alsoKnownAs', 'services', 'prev']

/** Reads an operation that is about to be signed: it has every field and no other, within the directory's limits. */
export const parseUnsignedOperation = (value: unknown): UnsignedOperation => {
  const op = parseObject(value, 'operation')
  refuseOtherFields(op, 'operation', OPERATION_FIELDS)
  if (op.type !== 'plc_operation') fail('operation.type', '"plc_operation"')
  const rotationKeys = parseRotationKeys(op.rotationKeys)
  if (rotationKeys.length === 0)
    throw new PlcError('NoRotationKey', 'no rotation key would be left', 'rotationKeys')
  const limit = op.prev === null ? MAX_ROTATION_KEYS : MAX_KEPT_ROTATION_KEYS
  if (rotationKeys.length > limit)
    throw new PlcError(
      'TooManyKeys',
      `${rotationKeys.length} rotation keys, at most ${limit} are allowed: ${rotationKeys.join(', ')}`,
      'rotationKeys',
    )
  const operation: UnsignedOperation = {
    type: 'plc_operation',
    rotationKeys,
    verificationMethods: parseVerificationMethods(op.verificationMethods),
    alsoKnownAs: parseAlsoKnownAs(op.alsoKnownAs),
    services: parseServices(op.services),
    prev: op.prev === null ? null : parsePrev(op.prev, 'operation.prev'),
  }
  // The signature adds `sig` and its 86 characters: 92 bytes of CBOR.
  const size = encode({ ...operation }).byteLength + 92
  if (size > MAX_OPERATION_BYTES)
    throw new PlcError(
      'TooLarge',
      `the operation has ${size} bytes, the directory accepts at most ${MAX_OPERATION_BYTES}`,
    )
  return operation
}

/** Reads a signed operation, such as submitPlcOperation's input. */
export const parseOperation = (value: unknown): Operation => {
  const { sig, ...rest } = parseObject(value, 'operation')
  return { ...parseUnsignedOperation(rest), sig: parseString(sig, 'operation.sig', 86) }
}

const parseLoggedData = (op: JsonObject, path: string): PlcData => ({
  rotationKeys: parseStrings(op.rotationKeys, `${path}.rotationKeys`, 100, MAX_LOGGED_BYTES),
  verificationMethods: parseMap(op.verificationMethods, `${path}.verificationMethods`, false, (v, f) =>
    parseString(v, f),
  ),
  alsoKnownAs: parseStrings(op.alsoKnownAs, `${path}.alsoKnownAs`, 1000, MAX_LOGGED_BYTES),
  services: parseMap(op.services, `${path}.services`, false, (v, f) => {
    const service = parseObject(v, f)
    return {
      type: parseString(service.type, `${f}.type`),
      endpoint: parseString(service.endpoint, `${f}.endpoint`),
    }
  }),
})

/** Reads an operation that the directory accepted. Only types are checked, because old ones exceed today's limits. */
export const parseLoggedOperation = (value: unknown, path = 'operation'): LoggedOperation => {
  const op = parseObject(value, path)
  const sig = parseString(op.sig, `${path}.sig`, 200)
  switch (op.type) {
    case 'plc_operation':
      return {
        type: 'plc_operation',
        ...parseLoggedData(op, path),
        prev: op.prev === null ? null : parseString(op.prev, `${path}.prev`),
        sig,
      }
    case 'plc_tombstone':
      return { type: 'plc_tombstone', prev: parseString(op.prev, `${path}.prev`), sig }
    case 'create':
      if (op.prev !== null) fail(`${path}.prev`, 'null')
      return {
        type: 'create',
        signingKey: parseString(op.signingKey, `${path}.signingKey`),
        recoveryKey: parseString(op.recoveryKey, `${path}.recoveryKey`),
        handle: parseString(op.handle, `${path}.handle`),
        service: parseString(op.service, `${path}.service`),
        prev: null,
        sig,
      }
    default:
      return fail(`${path}.type`, 'plc_operation, plc_tombstone or create')
  }
}

/** Whether a value nests deeper than `levels`. It is not followed any deeper. */
const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1)))

/** Reads the answer of `/log/audit`. Its operations are not to be trusted before `verifyLog`. */
export const parseAuditLog = (value: unknown): AuditEntry[] => {
  if (!Array.isArray(value)) return fail('log', 'an array')
  if (value.length > MAX_LOG_ENTRIES) fail('log', `at most ${MAX_LOG_ENTRIES} operations`)
  return value.map((item: unknown, i) => {
    const path = `log[${i}]`
    const entry = parseObject(item, path)
    const raw = parseObject(entry.operation, `${path}.operation`)
    if (isDeeper(raw, MAX_LOGGED_DEPTH))
      fail(`${path}.operation`, `nested at most ${MAX_LOGGED_DEPTH} levels deep`)
    if (JSON.stringify(raw).length > MAX_LOGGED_BYTES)
      fail(`${path}.operation`, `at most ${MAX_LOGGED_BYTES} bytes`)
    const createdAt = Date.parse(parseString(entry.createdAt, `${path}.createdAt`, 64))
    if (Number.isNaN(createdAt)) fail(`${path}.createdAt`, 'a date')
    if (typeof entry.nullified !== 'boolean') fail(`${path}.nullified`, 'true or false')
    return {
      did: parseString(entry.did, `${path}.did`),
      cid: parseString(entry.cid, `${path}.cid`, 128),
      operation: parseLoggedOperation(raw, `${path}.operation`),
      raw,
      nullified: entry.nullified === true,
      createdAt,
    }
  })
}
