import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { TokenError } from '../../src/crypto/errors.ts'
import { decodeJws } from '../../src/crypto/jws.ts'
import { hasDuplicateKeys } from '../../src/crypto/hasDuplicateKeys.ts'
import { looksLikeMigrationToken } from '../../src/signing/migrationToken.ts'
import { parsePublicKey } from '../../src/crypto/publicKey.ts'
import { parseDidDocument } from '../../src/identity/didDocument.ts'
import { PlcError } from '../../src/plc/errors.ts'
import { verifyLog } from '../../src/plc/verifyLog.ts'
import { parseAuditLog, parseOperation } from '../../src/plc/parse.ts'
import { part } from '../crypto/support.ts'

// Parsers of foreign bytes: for any input, they give a value or throw their own error.
const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const json = fc.jsonValue({ maxDepth: 4 })
const field = fc.constantFrom(
  'type',
  'rotationKeys',
  'verificationMethods',
  'alsoKnownAs',
  'services',
  'prev',
  'sig',
)
const operation = fc.oneof(
  json,
  fc.dictionary(
    field,
    fc.oneof(json, fc.constantFrom('plc_operation', 'plc_tombstone', 'create', null, [], {})),
  ),
)
const entry = fc.oneof(
  json,
  fc.record({
    did: fc.constant(DID),
    cid: fc.string(),
    operation,
    nullified: fc.boolean(),
    createdAt: fc.constantFrom('2026-01-01T00:00:00Z', 'x', ''),
  }),
)

const throwsOnly = (kind: new (...args: never[]) => Error, work: () => unknown): void => {
  try {
    work()
  } catch (cause) {
    expect(cause).toBeInstanceOf(kind)
  }
}

test('the JWS reader throws only its own error', () => {
  const text = fc.oneof(
    fc.string(),
    fc.string().map((s) => Buffer.from(s).toString('base64url')),
    json.map(part),
  )
  fc.assert(
    fc.property(fc.array(text, { maxLength: 5 }), (parts) => {
      throwsOnly(TokenError, () => decodeJws(parts.join('.')))
      looksLikeMigrationToken(parts.join('.'))
    }),
    { numRuns: 2000 },
  )
})

test('JSON without duplicate names is never reported to have one', () => {
  fc.assert(
    fc.property(json, (value) => !hasDuplicateKeys(JSON.stringify(value))),
    { numRuns: 2000 },
  )
  fc.assert(
    fc.property(json, (value) => !hasDuplicateKeys(JSON.stringify(value, null, 2))),
    { numRuns: 500 },
  )
})

test('a duplicate name is found at any depth', () => {
  fc.assert(
    fc.property(fc.string(), json, json, fc.nat(3), fc.nat(200), (name, a, b, depth, blanks) => {
      const key = JSON.stringify(name) + ' '.repeat(blanks)
      const twice = `{${key}: ${JSON.stringify(a)} ,\n${key}\t: ${JSON.stringify(b)}}`
      expect(hasDuplicateKeys(`${'[{"x":'.repeat(depth)}${twice}${'}]'.repeat(depth)}`)).toBe(true)
    }),
  )
})

test('the PLC parsers throw only their own error', async () => {
  await fc.assert(
    fc.asyncProperty(operation, fc.array(entry, { maxLength: 3 }), async (op, log) => {
      throwsOnly(PlcError, () => parseOperation(op))
      throwsOnly(PlcError, () => parseAuditLog(log))
      try {
        await verifyLog(DID, parseAuditLog(log))
      } catch (cause) {
        expect(cause).toBeInstanceOf(PlcError)
      }
    }),
    { numRuns: 2000 },
  )
})

test('deep nesting is refused and does not crash', async () => {
  const deep: unknown = JSON.parse(`${'['.repeat(7000)}${']'.repeat(7000)}`)
  const raw = { type: 'plc_tombstone', prev: 'x', sig: 'x', deep }
  const log = [{ did: DID, cid: 'x', operation: raw, nullified: false, createdAt: '2026-01-01T00:00:00Z' }]
  await expect((async () => verifyLog(DID, parseAuditLog(log)))()).rejects.toBeInstanceOf(PlcError)
  expect(() => decodeJws(`${Buffer.from('['.repeat(9000)).toString('base64url')}.e30.AA`)).toThrow(TokenError)
})

test('DID documents and keys of any kind are read or refused', () => {
  fc.assert(
    fc.property(json, json, json, (service, verificationMethod, alsoKnownAs) => {
      parseDidDocument(DID, { id: DID, service, verificationMethod, alsoKnownAs })
      throwsOnly(Error, () => parsePublicKey(`did:key:${String(service)}`))
    }),
    { numRuns: 1000 },
  )
})
