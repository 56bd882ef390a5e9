import { encode } from '@atproto/lex-cbor'
import type { LexMap } from '@atproto/lex-data'
import type { SocketConstructor } from '../../../src/client/subscribe.ts'
import { deletion } from '../../../src/contract/areas/deletion/deletion.ts'
import { signature } from '../../../src/contract/areas/signature/signature.ts'
import { NoCode, type AskCode, type CodeRequest } from '../../../src/contract/codeRequest.ts'
import { runContract, type ContractOptions } from '../../../src/contract/run.ts'
import type { Report } from '../../../src/contract/types.ts'
import { createFakeDirectory, type FakeDirectory } from '../../mover/fakes/directory.ts'
import { createFakePds } from '../../mover/fakes/fakePds.ts'
import { documents } from '../documents.ts'
import { createNetwork, type FakeNetwork } from '../../mover/fakes/network.ts'
import type { FakePds } from '../../mover/fakes/types.ts'

export const ADDRESS = 'owner@mail.example'

/** A server in memory that does what the reference does, mails codes, and tells of deletions. */
export interface MailWorld {
  readonly network: FakeNetwork
  readonly directory: FakeDirectory
  readonly pds: FakePds
  /** What was asked of the one who reads the mail. */
  readonly asked: CodeRequest[]
  /** What is told of a deletion. */
  told: object
  /** Runs these areas with a throw-away account; `read` is the one who reads the mail. */
  run(options?: Partial<ContractOptions>, read?: AskCode | null): Promise<Report>
}

const frame = (body: LexMap): ArrayBuffer => {
  const parts = [...encode({ op: 1, t: '#account' }), ...encode(body)]
  return new Uint8Array(parts).buffer
}

/** Sockets that tell what the world tells, once. */
function socketsOf(waiting: Set<(body: LexMap) => void>): SocketConstructor {
  class Socket extends EventTarget {
    binaryType = 'arraybuffer'
    readonly #hear = (body: LexMap): void => this.#tell('message', { data: frame(body) })
    constructor(_url: string) {
      super()
      waiting.add(this.#hear)
      setImmediate(() => this.#tell('open'))
    }
    #tell(type: string, more: object = {}): void {
      this.dispatchEvent(Object.assign(new Event(type), more))
    }
    close(): void {
      waiting.delete(this.#hear)
    }
  }
  // It has what the suite uses of a WebSocket.
  return Socket as unknown as SocketConstructor
}

export async function createMailWorld(): Promise<MailWorld> {
  const network = createNetwork()
  const directory = createFakeDirectory(network)
  const pds = await createFakePds({ network, directory, origin: 'https://pds.fake-pds.org' })
  const waiting = new Set<(body: LexMap) => void>()
  const world: MailWorld = {
    network,
    directory,
    pds,
    asked: [],
    told: { active: false, status: 'deleted' },
    run: (options = {}, read = readMail) =>
      runContract({
        url: pds.origin,
        lexicons: documents,
        kind: null,
        write: true,
        throwAway: { email: ADDRESS },
        plcUrl: directory.origin,
        areas: [signature, deletion],
        // What is wrong with any answer has tests of its own.
        onlyRules: ({ id }) => /^(signature|deletion)\./.test(id),
        deps: {
          fetch: (request) => network.fetch(request),
          WebSocket: socketsOf(waiting),
          patienceMs: 1,
          now: network.now,
          sleep: async () => {},
          random: (length) => crypto.getRandomValues(new Uint8Array(length)),
          signal: new AbortController().signal,
        },
        ...(read
          ? {
              mailedCode: (asked: CodeRequest) => {
                world.asked.push(asked)
                return read(asked)
              },
            }
          : {}),
        ...options,
      }),
  }
  /** The newest mail to the account, as its owner reads it. */
  const readMail: AskCode = async ({ purpose, did }) => {
    const account = pds.accounts.get(did)
    const code = purpose === 'plc-signature' ? account?.plcCode : account?.deletionCode
    if (code === undefined) throw new NoCode('no mail came')
    return code
  }
  pds.hooks.push({
    after({ method, account, input }, answer) {
      if (method === 'com.atproto.server.deleteAccount' && answer.ok)
        for (const hear of [...waiting])
          hear({
            seq: 1,
            did: String(input()['did'] ?? account?.did),
            time: new Date(0).toISOString(),
            ...world.told,
          })
      return answer
    },
  })
  return world
}
