import { setTimeout } from 'node:timers/promises'
import { readCar } from '../src/repo/car/readCar.ts'
import { cidText } from '../src/repo/cid.ts'
import { verifyWholeRepo } from '../src/repo/verifyRepo.ts'
import type { Server } from './servers.ts'

async function* inParts(bytes: Uint8Array) {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

/** Checks that the CAR holds the tree of one commit, signed by the account. No figure counts for a wrong answer. */
export const verifyCar = async (server: Server, car: Uint8Array) => {
  const reader = await readCar(inParts(car))
  const blocks = new Map<string, Uint8Array>()
  for await (const { cid, bytes } of reader) blocks.set(cidText(cid.bytes), bytes)
  const [root] = reader.roots
  if (!root) throw new Error(`${server.kind}: the CAR has no root`)
  const { didKey: signingKey, did } = server
  const repo = await verifyWholeRepo({
    root,
    did,
    signingKey,
    read: (cid) => blocks.get(cidText(cid.bytes)),
    now: Date.now(),
  })
  // Connections that the server closed meanwhile are noticed before the next request uses one.
  await setTimeout(10)
  return { data: repo.commit.data.toString(), records: repo.counts.records }
}

/** Checks the same, and the number of records; gives the root of the tree. */
export const verifyExport = async (server: Server, car: Uint8Array, records: number): Promise<string> => {
  const verified = await verifyCar(server, car)
  expect(server, 'records exported', verified.records, records)
  return verified.data
}

export const expect = (server: Server, what: string, found: unknown, wanted: unknown): void => {
  if (found !== wanted) throw new Error(`${server.kind}: ${what}: ${String(found)}, not ${String(wanted)}`)
}
