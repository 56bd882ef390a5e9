import { signOperation } from '../directory.ts'
import type { FakeWorld } from '../fakeWorld.ts'
import { type Sent, json } from '../network.ts'
import type { Fault } from './fault.ts'

/** Does something to posts, or to all requests, of the directory. `n` counts them from 1. */
const directory = (
  act: (sent: Sent, n: number, world: FakeWorld) => Response | undefined | Promise<Response | undefined>,
  only?: 'POST' | 'GET',
): Fault['apply'] => {
  return (world) => {
    let n = 0
    world.directory.hooks.push((sent) =>
      only === undefined || sent.method === only ? act(sent, ++n, world) : undefined,
    )
  }
}

const outOfOrder = (status: number, headers: Record<string, string> = {}): Response =>
  json({ message: 'directory out of order' }, status, headers)

/** An operation with the data that the DID has, signed by the owner's key, or else by the source's. */
const otherOperation = async ({ directory, did, ownerKeys, source }: FakeWorld): Promise<void> => {
  const data = directory.data(did)
  if (!data) return
  const { cid, ...rest } = data
  const [key = source.rotationKey] = ownerKeys
  await directory.submit(did, await signOperation(key, { type: 'plc_operation', ...rest, prev: cid }))
}

/** Directories as they are. */
export const DIRECTORY_FAULTS: readonly Fault[] = [
  {
    name: 'the directory is down for three requests',
    side: 'directory',
    apply: directory((_, n) => (n > 4 && n <= 7 ? outOfOrder(503) : undefined)),
  },
  {
    name: 'the directory refuses the first post',
    side: 'directory',
    apply: directory((_, n) => (n === 1 ? outOfOrder(500) : undefined), 'POST'),
  },
  {
    name: 'the directory is rate-limited once',
    side: 'directory',
    apply: directory((_, n) => (n === 2 ? outOfOrder(429, { 'retry-after': '30' }) : undefined)),
  },
  {
    name: 'the answer of the directory to the post is lost',
    side: 'directory',
    apply: directory(async ({ bytes }, n, world) => {
      if (n > 1) return undefined
      await world.directory.submit(world.did, JSON.parse(new TextDecoder().decode(bytes))).catch(() => {})
      return outOfOrder(502)
    }, 'POST'),
  },
  {
    name: 'another operation comes in between',
    side: 'directory',
    apply: directory(async (_, n, world) => {
      if (n === 1) await otherOperation(world)
      return undefined
    }, 'POST'),
  },
]
