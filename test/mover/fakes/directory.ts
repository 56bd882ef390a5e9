import type { Keypair } from '@atproto/crypto'
import { encode } from '@atproto/lex-cbor'
import { toBase64url } from '../../../src/crypto/base64url.ts'
import { didForGenesis, operationCid } from '../../../src/plc/cid.ts'
import { parseAuditLog } from '../../../src/plc/parse.ts'
import { verifyLog } from '../../../src/plc/verifyLog.ts'
import type { Operation, PlcData, UnsignedOperation } from '../../../src/plc/types.ts'
import { type FakeNetwork, json, type Sent } from './network.ts'

interface Entry {
  did: string
  cid: string
  operation: Record<string, unknown>
  nullified: boolean
  createdAt: string
}

/** What happens before a request is answered. A response is the answer. */
export type DirectoryHook = (sent: Sent) => Response | undefined | Promise<Response | undefined>

export interface FakeDirectory {
  readonly origin: string
  readonly hooks: DirectoryHook[]
  log(did: string): readonly Entry[]
  /** The data of the head; undefined for an unknown DID. */
  data(did: string): (PlcData & { cid: string }) | undefined
  /** Verifies an operation by the rules of did:plc and adds it. Throws if it is refused. */
  submit(did: string, operation: Operation): Promise<void>
}

export const signOperation = async (key: Keypair, operation: UnsignedOperation): Promise<Operation> => ({
  ...operation,
  sig: toBase64url(await key.sign(encode({ ...operation }))),
})

/** The DID of a genesis operation. */
export const didOf = (genesis: Operation): Promise<string> => didForGenesis(genesis)

const documentOf = (did: string, { alsoKnownAs, verificationMethods, services }: PlcData) => ({
  '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'],
  id: did,
  alsoKnownAs,
  verificationMethod: Object.entries(verificationMethods).map(([id, key]) => ({
    id: `${did}#${id}`,
    type: 'Multikey',
    controller: did,
    publicKeyMultibase: key.slice('did:key:'.length),
  })),
  service: Object.entries(services).map(([id, { type, endpoint }]) => ({
    id: `#${id}`,
    type,
    serviceEndpoint: endpoint,
  })),
})

/** A did:plc directory in memory, which verifies every log from its genesis on. */
export const createFakeDirectory = (
  network: FakeNetwork,
  origin = 'https://plc.fake-pds.org',
): FakeDirectory => {
  const logs = new Map<string, Entry[]>()
  const hooks: DirectoryHook[] = []
  const log = (did: string) => logs.get(did) ?? []
  const head = (did: string) => log(did).findLast(({ nullified }) => !nullified)

  const data = (did: string) => {
    const found = head(did)
    if (!found || found.operation['type'] !== 'plc_operation') return undefined
    const { rotationKeys, verificationMethods, alsoKnownAs, services } =
      found.operation as unknown as Operation
    return { rotationKeys, verificationMethods, alsoKnownAs, services, cid: found.cid }
  }

  const submit = async (did: string, operation: Operation) => {
    const cid = await operationCid(operation)
    const before = log(did)
    const prevAt = before.findIndex((entry) => entry.cid === operation.prev)
    const next = before.map((entry, i) => ({
      ...entry,
      nullified: entry.nullified || (operation.prev !== null && i > prevAt),
    }))
    const createdAt = new Date(network.now()).toISOString()
    next.push({ did, cid, operation: { ...operation }, nullified: false, createdAt })
    await verifyLog(did, parseAuditLog(next))
    logs.set(did, next)
  }

  network.add(origin, async (sent) => {
    for (const hook of hooks) {
      const answer = await hook(sent)
      if (answer) return answer
    }
    const [, name = '', ...rest] = decodeURIComponent(sent.url.pathname).split('/')
    if (name === '_health') return json({ version: 'fake' })
    if (sent.method === 'POST') {
      try {
        await submit(name, JSON.parse(new TextDecoder().decode(sent.bytes)))
        return new Response(null, { status: 200 })
      } catch (cause) {
        return json({ message: String(cause) }, 400)
      }
    }
    const found = head(name)
    if (!found) return json({ message: `DID not registered: ${name}` }, 404)
    const path = rest.join('/')
    if (path === 'log/audit') return json(log(name))
    if (path === 'log')
      return json(
        log(name)
          .filter(({ nullified }) => !nullified)
          .map(({ operation }) => operation),
      )
    if (path === 'log/last') return json(found.operation)
    const current = data(name)
    if (!current) return json({ message: `DID not available: ${name}` }, 410)
    if (path === 'data') return json({ did: name, ...current })
    return json(documentOf(name, current))
  })
  return { origin, hooks, log, data, submit }
}
