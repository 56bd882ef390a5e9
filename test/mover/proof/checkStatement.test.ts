import { encode } from '@atproto/lex-cbor'
import { parseCid } from '@atproto/lex-data'
import { beforeAll, expect, test } from 'vitest'
import { toBase64url } from '../../../src/crypto/base64url.ts'
import { checkStatement } from '../../../src/mover/proof/checkStatement.ts'
import {
  parseStatement,
  type SignedStatement,
  STATEMENT_KIND,
  type StatedRepo,
  type Statement,
  statementDigest,
} from '../../../src/mover/proof/statement.ts'
import { didForGenesis, operationCid } from '../../../src/plc/cid.ts'
import { cborCid } from '../../../src/repo/cid.ts'
import { loadSigningKey, type SigningKey } from '../../../src/signing/keys.ts'
import { NOW, testSecret } from '../../crypto/support.ts'
import { oracle, rotationKey } from '../../plc/support.ts'

const OLD = 'https://old.example'
const NEW = 'https://new.example'
const TREE = parseCid('bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy')
const OTHER_TREE = parseCid('bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku')

let signed: SignedStatement
let keys: { old: SigningKey; new: SigningKey }
let did: string

const stated = async (key: SigningKey, origin: string, rev: string, data = TREE): Promise<StatedRepo> => {
  const unsigned = { did, version: 3, data, rev, prev: null }
  const sig = await key.commitKeypair(did).sign(encode(unsigned))
  const bytes = encode({ ...unsigned, sig })
  return {
    origin,
    rev,
    cid: cborCid(bytes).toString(),
    data: data.toString(),
    commit: toBase64url(bytes),
    records: 3,
  }
}

/** The log of a DID that was made on the old server and moved to the new one. */
const movedLog = async () => {
  const directory = oracle()
  const signer = await rotationKey('rotation')
  const data = (key: SigningKey, endpoint: string) => ({
    type: 'plc_operation' as const,
    rotationKeys: [signer.did],
    verificationMethods: { atproto: key.did },
    alsoKnownAs: ['at://alice.example'],
    services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint } },
  })
  const genesis = await signer.signOperation({ ...data(keys.old, OLD), prev: null })
  did = await didForGenesis({ ...genesis })
  const move = await signer.signOperation({
    ...data(keys.new, NEW),
    prev: await operationCid({ ...genesis }),
  })
  for (const operation of [genesis, move]) expect(await directory.add(did, operation)).toBe(true)
  return directory.json(did) as unknown[]
}

beforeAll(async () => {
  keys = {
    old: await loadSigningKey(testSecret('old server')),
    new: await loadSigningKey(testSecret('new server')),
  }
  const plcLog = await movedLog()
  const statement: Statement = {
    kind: STATEMENT_KIND,
    version: 1,
    did,
    at: new Date(NOW).toISOString(),
    complete: true,
    checks: [{ id: 'records', level: 'pass', seen: 'the same tree' }],
    source: await stated(keys.old, OLD, '3l3qo2vutsw2b'),
    target: await stated(keys.new, NEW, '3l3qo2vutsx2b'),
    blobs: { referenced: 2, present: 2, hashed: 1, missing: [], missingCount: 0 },
    plcLog,
  }
  const iat = Math.floor(NOW / 1000)
  signed = {
    statement,
    signature: await keys.old.signStatement({ iss: did, iat, digest: statementDigest(statement) }),
  }
})

/** What is not a pass, as `id: level`. */
const findings = async (given: SignedStatement): Promise<string[]> =>
  (await checkStatement(parseStatement(JSON.parse(JSON.stringify(given)))))
    .filter(({ level }) => level !== 'pass')
    .map(({ id, level }) => `${id}: ${level}`)

const changed = (changes: Partial<Statement>): SignedStatement => ({
  ...signed,
  statement: { ...signed.statement, ...changes },
})
const unsigned = ({ statement }: SignedStatement): SignedStatement => ({ statement })

test('a statement that was not touched passes every check, without a network', async () => {
  const checks = await checkStatement(signed)
  expect(checks.map(({ id, level }) => `${id}: ${level}`)).toEqual([
    'log: pass',
    'head: pass',
    'target: pass',
    'source: pass',
    'records: pass',
    'signature: pass',
    'verdict: pass',
  ])
})

test('whatever is changed in it afterwards is found', async () => {
  const { source, target, blobs, plcLog = [] } = signed.statement
  if (!source) throw new Error('the statement has a source')
  expect(await findings(unsigned(signed))).toEqual(['signature: warn'])
  // The hash covers every member, also those that no other check looks at.
  expect(await findings(changed({ at: '2020-01-01T00:00:00Z' }))).toEqual(['signature: fail'])
  expect(await findings(changed({ blobs: { ...blobs, hashed: 2 } }))).toEqual(['signature: fail'])
  expect(
    await findings({ ...changed({}), statement: { ...signed.statement, more: 1 } as Statement }),
  ).toEqual(['signature: fail'])
  // Without the signature, commits and log still show what they show.
  const cases: [Partial<Statement>, string[]][] = [
    [{ plcLog: plcLog.slice(0, 1) }, ['head: fail', 'target: fail']],
    [{ plcLog: plcLog.slice(1) }, ['log: fail', 'target: warn', 'source: warn']],
    [{ target: { ...target, origin: OLD } }, ['head: fail']],
    [{ target: { ...target, rev: '3l3qo2vutsz2b' } }, ['target: fail']],
    [{ target: { ...target, cid: source.cid } }, ['target: fail']],
    [{ target: { ...target, data: OTHER_TREE.toString() } }, ['target: fail', 'records: fail']],
    [{ target: { ...target, commit: source.commit } }, ['target: fail']],
    [{ target: await stated(keys.old, NEW, '3l3qo2vutsx2b') }, ['target: warn']],
    [{ source: await stated(keys.new, OLD, '3l3qo2vutsw2b') }, []],
    [
      { source: await stated(await loadSigningKey(testSecret('nobody')), OLD, '3l3qo2vutsw2b') },
      ['source: fail'],
    ],
    [{ source: undefined }, ['records: warn']],
    [{ complete: false }, ['verdict: fail']],
    [{ blobs: { ...blobs, missing: ['bafkrei'], missingCount: 1 } }, ['verdict: fail']],
    [
      { complete: false, checks: [{ id: 'blobs', level: 'fail', seen: 'one is missing', mend: 'copy it' }] },
      ['verdict: fail'],
    ],
  ]
  for (const [changes, expected] of cases)
    expect
      .soft(
        (await findings(unsigned(changed(changes)))).filter((line) => !line.startsWith('signature')),
        Object.keys(changes).join(),
      )
      .toEqual(expected)
})

test('a tree with other records is shown with their numbers, and what only the source has deserves a look', async () => {
  const target = await stated(keys.new, NEW, '3l3qo2vutsx2b', OTHER_TREE)
  const records = { same: 3, added: 1, changed: 0, gone: [], goneCount: 0 }
  const lines = async (changes: Partial<Statement>) =>
    (await findings(unsigned(changed({ target, ...changes })))).filter(
      (line) => !line.startsWith('signature'),
    )
  expect(await lines({ records })).toEqual([])
  expect(await lines({ records: { ...records, gone: ['app.bsky.feed.post/1'], goneCount: 1 } })).toEqual([
    'records: warn',
  ])
})

test('the signature of the target, or over another account, is not the source’s', async () => {
  const iat = Math.floor(NOW / 1000)
  const digest = statementDigest(signed.statement)
  const stranger = await loadSigningKey(testSecret('nobody'))
  const by = async (key: SigningKey, iss: string) =>
    findings({ ...signed, signature: await key.signStatement({ iss, iat, digest }) })
  expect(await by(stranger, did)).toEqual(['signature: fail'])
  expect(await by(keys.old, 'did:web:other.example')).toEqual(['signature: fail'])
})

test('a file that is not a statement is refused with the member that is wrong', () => {
  const cases: [unknown, RegExp][] = [
    [null, /must be an object with a statement/],
    [{ statement: {} }, /kind must be/],
    [{ statement: { ...signed.statement, version: 2 } }, /version 1/],
    [{ statement: { ...signed.statement, did: 7 } }, /did must be a string/],
    [{ statement: { ...signed.statement, checks: [{ id: 'a', level: 'good', seen: '' }] } }, /"good"/],
    [{ statement: { ...signed.statement, blobs: { ...signed.statement.blobs, present: -1 } } }, /present/],
    [{ statement: { ...signed.statement, plcLog: {} } }, /plcLog must be a list/],
    [{ statement: signed.statement, signature: 1 }, /signature must be a string/],
  ]
  for (const [value, message] of cases) expect(() => parseStatement(value)).toThrow(message)
})
