import type { Cid } from '@atproto/lex-data'
import type { Block } from '../../repo/block.ts'
import { carHeader, carSection } from '../../repo/car/writeCar.ts'

/** A CAR of a few blocks, in memory. */
export const carOf = (root: Cid | null, blocks: Iterable<Block>): Uint8Array => {
  const sections = [carHeader(root)]
  for (const { cid, bytes } of blocks) sections.push(carSection(cid, bytes))
  return new Uint8Array(Buffer.concat(sections))
}
