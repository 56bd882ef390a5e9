/** No figure counts for an answer that is wrong. */
import { cidText } from '../src/repo/cid.ts'
import { readCar } from '../src/repo/car.ts'
import { verifyWholeRepo } from '../src/repo/verify.ts'
import type { Server } from './servers.ts'

async function* inParts(bytes: Uint8Array) {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

/** That the CAR is one commit's whole tree, signed by the account, with this many records; gives the tree's root. */
export const verifyExport = async (server: Server, car: Uint8Array, records: number): Promise<string> => {
  const reader = await readCar(inParts(car))
  const blocks = new Map<string, Uint8Array>()
  for await (const { cid, bytes } of reader) blocks.set(cidText(cid.bytes), bytes)
  const [root] = reader.roots
  if (!root) throw new Error(`${server.kind}: a CAR without a root`)
  const getMany = () => blocks
  const { didKey: signingKey, did } = server
  const repo = await verifyWholeRepo({ root, did, signingKey, getMany, now: Date.now(), blocks: blocks.size })
  expect(server, 'records exported', repo.counts.records, records)
  return repo.commit.data.toString()
}

export const expect = (server: Server, what: string, found: unknown, wanted: unknown): void => {
  if (found !== wanted) throw new Error(`${server.kind}: ${what}: ${String(found)}, not ${String(wanted)}`)
}
