import { parseCid } from '@atproto/lex-data'
import { getBlocks } from '../../../src/handlers/sync/getBlocks.ts'
import type { MethodId } from '../../../src/generated/methods.ts'
import { readSchemas } from '../../../src/generated/lexicons.ts'
import { isTid } from '../../../src/repo/tid.ts'
import { XrpcError } from '../../../src/xrpc/errors.ts'
import { definition } from '../../../src/xrpc/lexicons.ts'
import { readParams } from '../../../src/xrpc/params.ts'
import { mutateBytes } from '../bytes.ts'
import type { Target } from '../engine.ts'
import type { Random } from '../random.ts'

// The lexicon of every query and procedure; getBlocks more often, because its handler parses its parameters.
const IDS = readSchemas()
  .filter(({ defs }) => ['query', 'procedure'].includes(String(Object(defs.main).type)))
  .map(({ id }) => id as MethodId)
  .concat(Array.from({ length: 12 }, () => 'com.atproto.sync.getBlocks'))

const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const CID = 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
const VALUES = [
  DID,
  CID,
  'alice.example',
  'app.bsky.feed.post',
  '3jzfcijpj2z2a',
  'true',
  'false',
  '50',
  '',
  'self',
  'https://a.example',
]
  .concat([
    '-1',
    '0',
    '1e3',
    '0x10',
    ' 5',
    '9007199254740993',
    '99999999999999999999',
    '1.5',
    'NaN',
    'TRUE',
    'null',
    '[]',
  ])
  .concat([
    'did:web:a',
    'did:',
    'at://x',
    '..',
    '%00',
    '%ff',
    '\u0000',
    'é'.repeat(300),
    'a'.repeat(5000),
    '2026-01-01T00:00:00Z',
  ])
const CIDS = [
  ...[
    CID,
    CID.replace('bafy', 'bafk'),
    CID.toUpperCase(),
    `${CID}a`,
    CID.slice(0, -1),
    'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPkGM',
  ],
  // Other bases, codecs and hashes of the multiformats table.
  ...[
    'zdpuAyvkgEDQm9TenwGkd5eNaosSxjgEYd8QatfPetgB1CdEZ',
    'k2jmtxw8rjh1z69c6not3wtdxb0u3urbzhyll1t9jg6ox26dhi5sfi1m',
    'f01711220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  ],
  ...[
    'bagaaierasords4njcts6vs7qvdjfcvgnume4hqohf65zsfguprqphs3icwea',
    'bafkqaaa',
    'bafyqaaa',
    'b',
    'bafy',
    'bafkr4iae4dhxpgbzsvsuwabemkgw4nm2xzgcxbbnqy7jzqwtyltrtpjuai',
  ],
]

export interface Query {
  id: MethodId
  search: string
}

const query = (id: MethodId, random: Random): string => {
  const parts: string[] = []
  const properties = definition(id).parameters?.properties ?? {}
  const names = [
    ...Object.keys(properties),
    ...(random.chance(0.2) ? ['x', '__proto__', 'toString', ''] : []),
  ]
  for (const name of names) {
    if (random.chance(0.15)) continue
    const times = random.chance(0.8) ? 1 : random.pick([0, 2, 3, 150])
    for (let i = 0; i < times; i++) {
      const value =
        name === 'cids' ? random.pick(CIDS) : name === 'did' && random.chance(0.8) ? DID : random.pick(VALUES)
      const text = random.chance(0.1) ? value + random.text(random.small(5)) : value
      const encoded = random.chance(0.8) ? encodeURIComponent(text.toWellFormed()) : text
      parts.push(`${random.chance(0.95) ? encodeURIComponent(name) : `${name}[]`}=${encoded}`)
    }
  }
  if (random.chance(0.1)) parts.push(random.text(random.small(40)))
  return parts.join(random.chance(0.97) ? '&' : random.text(1))
}

// As much of an account as getBlocks uses.
const account = { did: DID, exports: { missing: () => [], blocks: () => new ReadableStream() } }

/** Query strings, read by each method's lexicon; and the handler that parses more than its lexicon does. */
export const params: Target<Query, Record<string, unknown>> = {
  name: 'params',
  typed: [XrpcError],
  generate: (random) => {
    const id = random.pick(IDS)
    return { id, search: query(id, random) }
  },
  mutate: ({ id, search }, random, others) => {
    const other = random.pick(others)
    const bytes = mutateBytes(Buffer.from(search), random, [Buffer.from(other.search)])
    return { id: random.chance(0.8) ? id : other.id, search: Buffer.from(bytes).toString('latin1') }
  },
  run: ({ id, search }) => {
    const read = readParams(id, new URL(`https://pds.example/xrpc/${id}?${search}`).searchParams)
    if (id === 'com.atproto.sync.getBlocks') {
      const error = (name: string, message: string) => new XrpcError(name, message)
      void getBlocks({ account, params: read, error, auth: {} } as never)
    }
    return read
  },
  check: ({ id }, read) => {
    const properties = definition(id).parameters?.properties ?? {}
    for (const [name, value] of Object.entries(read)) {
      const property = properties[name]
      if (!property) throw new Error(`${name} is not declared`)
      if (property.type === 'integer' && !Number.isSafeInteger(value))
        throw new Error(`${name} is ${String(value)}`)
      if (property.type === 'string' && property.format === 'tid' && !isTid(String(value)))
        throw new Error(`${name} is not a TID`)
    }
    if (id === 'com.atproto.sync.getBlocks' && Array.isArray(read.cids))
      for (const cid of read.cids) parseCid(String(cid))
  },
  show: (input) => JSON.stringify(input),
  parse: (shown) => JSON.parse(shown) as Query,
}
