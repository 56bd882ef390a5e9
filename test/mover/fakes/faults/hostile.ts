import { signOperation } from '../directory.ts'
import { fakeKey } from '../keys.ts'
import { json } from '../network.ts'
import { CREATE, type Fault, RECOMMENDED, SIGN, after, before } from './fault.ts'

/** What a hostile source signs in place of what it was asked to. */
const signsInstead =
  (change: (asked: Record<string, unknown>, stranger: string) => object): Fault['apply'] =>
  async (world) => {
    const stranger = (await fakeKey('a stranger')).did()
    after(world.source, SIGN, async (_, answer) => {
      if (!answer.ok) return answer
      const { operation } = (await answer.json()) as { operation: Record<string, unknown> }
      const { sig: _sig, ...unsigned } = operation
      const changed = { ...unsigned, ...change(unsigned, stranger) }
      return json({ operation: await signOperation(world.source.rotationKey, changed as never) })
    })
  }

const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [])

/** Peers that want the DID, or the account. */
export const HOSTILE_FAULTS: readonly Fault[] = [
  {
    name: 'the source signs a rotation key of its own on top',
    side: 'source',
    apply: signsInstead(({ rotationKeys }, stranger) => ({
      rotationKeys: [stranger, ...strings(rotationKeys)],
    })),
  },
  {
    name: 'the source drops the other rotation keys',
    side: 'source',
    apply: signsInstead(({ rotationKeys }) => ({ rotationKeys: strings(rotationKeys).slice(-1) })),
  },
  {
    name: 'the source signs another server',
    side: 'source',
    apply: signsInstead(() => ({
      services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'https://evil.fake-pds.org' } },
    })),
  },
  {
    name: 'the target recommends a key that is not its own',
    side: 'target',
    apply: async ({ target }) => {
      const stranger = (await fakeKey('a stranger')).did()
      after(target, RECOMMENDED, async (_, answer) => {
        if (!answer.ok) return answer
        const found = (await answer.json()) as { rotationKeys: string[] }
        return json({ ...found, rotationKeys: [stranger, ...found.rotationKeys] })
      })
    },
  },
  {
    name: 'the target makes another account',
    side: 'target',
    apply: ({ target }) =>
      after(target, CREATE, async (_, answer) =>
        answer.ok
          ? json({ ...((await answer.json()) as object), did: 'did:plc:ewvi7nxzyoun6zhxrhs64oiz' })
          : answer,
      ),
  },
  {
    name: 'the target says that it submitted, and did not',
    side: 'target',
    apply: ({ target }) =>
      before(target, 'com.atproto.identity.submitPlcOperation', () => new Response(null, { status: 200 })),
  },
]
