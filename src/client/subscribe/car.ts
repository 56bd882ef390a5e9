import { decodeBlock } from './cbor.ts'
import type { CommitEvent } from './event.ts'
import { cidText } from '../cid.ts'

/** What a commit did to one record. */
export interface RecordChange {
  action: CommitEvent['ops'][number]['action']
  collection: string
  rkey: string
  /** The record's CID, and the record. Absent after a deletion. */
  cid?: string
  record?: unknown
  /** The CID of the record that was there before. */
  prev?: string
}

const bad = (what: string): TypeError => new TypeError(`not a CAR: ${what}`)

/**
 * The blocks of a CAR that is in memory, by CID; each is checked against its CID. Neither the tree that they form nor
 * the account's signature is checked.
 */
export async function readBlocks(car: Uint8Array): Promise<Map<string, Uint8Array>> {
  let offset = 0
  const section = (): Uint8Array => {
    let length = 0
    let more = true
    for (let factor = 1; more; factor *= 128) {
      const byte = car[offset++] ?? 0
      length += (byte & 127) * factor
      more = byte > 127 && factor < 2 ** 28
    }
    if (length > car.length - offset) throw bad('it ends early')
    return car.subarray(offset, (offset += length))
  }
  const header = decodeBlock(section())
  if (!(header instanceof Object) || Reflect.get(header, 'version') !== 1) throw bad('not version 1')
  const blocks = new Map<string, Uint8Array>()
  while (offset < car.length) {
    const bytes = section()
    const [cid, block] = [bytes.subarray(0, 36), new Uint8Array(bytes.subarray(36))]
    const link = cidText(cid)
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', block))
    if (hash.some((byte, i) => byte !== cid[i + 4])) throw bad(`${link} is the CID of another block`)
    blocks.set(link, block)
  }
  return blocks
}

/** The records that a commit created, updated or deleted, in the order of its operations. */
export async function readRecords({ ops, blocks }: CommitEvent): Promise<RecordChange[]> {
  const found = await readBlocks(blocks)
  return ops.map(({ action, path, cid, prev }) => {
    const slash = path.indexOf('/')
    const block = cid && found.get(cid.$link)
    if (cid && !block) throw bad(`the block of ${path} is missing`)
    return {
      action,
      collection: path.slice(0, slash),
      rkey: path.slice(slash + 1),
      ...(cid && block && { cid: cid.$link, record: decodeBlock(block) }),
      ...(prev && { prev: prev.$link }),
    }
  })
}
